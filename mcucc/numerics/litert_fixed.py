"""The fixed-point functions of the LiteRT reference kernels, element by element in NumPy.

What the `double` profile needs beyond multiply-and-round: the exponentials and reciprocals of
softmax, and hard swish, in gemmlowp's arithmetic. A value with k
integer bits is an int32 holding value * 2^(31 - k). Sources: gemmlowp's fixedpoint.h and the
reference kernels of LiteRT, whose results these equal bit for bit.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mcucc.numerics.fixed_point import INT32_MAX, INT32_MIN, IntArray, fixed_point

ONE = np.int64(INT32_MAX)  # 1 with no integer bits
EXP_INTEGER_BITS = 5  # of the scaled differences of softmax
SUM_INTEGER_BITS = 12  # of the sum of exponentials

_EXP_OF_MINUS_EIGHTH = np.int64(1895147668)  # exp(-1/8)
_THIRD = np.int64(715827883)
# exp(-2^k) for k = -2 .. 4
_EXP_OF_POWERS = tuple((k, round(math.exp(-(2.0**k)) * 2**31)) for k in range(-2, EXP_INTEGER_BITS))
_48_OVER_17 = np.int64(1515870810)  # two integer bits
_MINUS_32_OVER_17 = np.int64(-1010580540)


def high_multiply(a: npt.ArrayLike, b: npt.ArrayLike, bits: int = 31) -> IntArray:
    """a * b / 2^bits, rounded half up, saturating (SQRDMULH)."""
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    rounded: IntArray = (product + (np.int64(1) << (bits - 1))) >> bits
    return np.minimum(rounded, (1 << bits) - 1)


def shift_right(values: IntArray, bits: int) -> IntArray:
    """values / 2^bits, rounded half away from zero."""
    half = (np.int64(1) << bits) >> 1
    rounded: IntArray = np.sign(values) * ((np.abs(values) + half) >> bits)
    return rounded


def shift_left(values: IntArray, bits: int) -> IntArray:
    """values * 2^bits, saturating to int32."""
    shifted: IntArray = np.clip(values << bits, INT32_MIN, INT32_MAX)
    return shifted


def exp_of_negative(values: IntArray, integer_bits: int) -> IntArray:
    """exp(values), values <= 0 with `integer_bits`; the result has none.

    exp(a) = exp(a mod 1/4 - 1/4) times the factors exp(-2^k) of the bits of what is left.
    """
    fraction_bits = 31 - integer_bits
    quarter = np.int64(1) << (fraction_bits - 2)
    inner = (values & (quarter - 1)) - quarter
    result = _exp_of_quarter(shift_left(inner, integer_bits))
    rest = inner - values
    for power, factor in _EXP_OF_POWERS:
        if power < integer_bits:
            chosen = (rest >> (fraction_bits + power)) & 1
            result = np.where(chosen != 0, high_multiply(result, factor), result)
    return np.where(values == 0, ONE, result)


def _exp_of_quarter(values: IntArray) -> IntArray:
    """exp on [-1/4, 0): a Taylor polynomial of degree 4 around -1/8."""
    x = values + (np.int64(1) << 28)
    x2 = high_multiply(x, x)
    x3 = high_multiply(x2, x)
    x4 = high_multiply(x2, x2)
    tail = shift_right(high_multiply(shift_right(x4, 2) + x3, _THIRD) + x2, 1)
    return _EXP_OF_MINUS_EIGHTH + high_multiply(_EXP_OF_MINUS_EIGHTH, x + tail)


def reciprocal_of_one_plus(values: IntArray) -> IntArray:
    """1 / (1 + values) for values in [0, 1), no integer bits: Newton's iteration, three times."""
    half_denominator = (values + ONE + 1) >> 1
    x = _48_OVER_17 + high_multiply(half_denominator, _MINUS_32_OVER_17)
    for _ in range(3):
        error = (np.int64(1) << 29) - high_multiply(half_denominator, x)
        x = x + shift_left(high_multiply(x, error), 2)
    return shift_left(x, 1)


def input_radius(integer_bits: int, left_shift: int) -> int:
    """The largest difference that the fixed-point input can hold (CalculateInputRadius)."""
    return math.floor(((1 << integer_bits) - 1) * 2.0 ** (31 - integer_bits - left_shift))


def softmax_exponentials(beta: float, scale: float) -> IntArray:
    """exp(-beta * scale * d) for d = 0 .. 255, no integer bits; 0 beyond the input radius."""
    real = min(beta * scale * 2.0 ** (31 - EXP_INTEGER_BITS), 2.0**31 - 1.0)
    multiplier, shift = fixed_point(real) if real < 2**30 else _large(real)
    left = 31 - shift
    if left < 0:
        raise ValueError(f"a softmax of input scale {scale} is too flat for fixed point")
    distance = np.arange(256, dtype=np.int64)
    scaled = high_multiply(-(distance << left), multiplier)
    inside = distance <= input_radius(EXP_INTEGER_BITS, left)
    exponentials = exp_of_negative(np.where(inside, scaled, 0), EXP_INTEGER_BITS)
    return np.where(inside, exponentials, 0)


def _large(real: float) -> tuple[int, int]:
    """fixed_point for factors in [2^30, 2^31)."""
    multiplier, shift = fixed_point(real / 4.0)
    return multiplier, shift - 2


def hard_swish_table(
    scale: float, zero_point: int, output_scale: float, output_zero_point: int
) -> IntArray:
    """HARD_SWISH's outputs for the 256 int8 inputs, in int16 fixed point."""
    hires_scale = np.float32(1.0 / 128.0) * np.float32(scale)
    output, output_shift = _int16_factor(float(hires_scale / np.float32(output_scale)))
    relu, relu_shift = _int16_factor(float(hires_scale / np.float32(3.0 / 32768.0)))
    if output_shift < 0:
        raise ValueError("HardSwish's output scale is too small for its input scale")
    values = (np.arange(-128, 128, dtype=np.int64) - zero_point) << 7
    values = ((values + 32768) & 0xFFFF) - 32768  # an int16 in LiteRT
    preshift = high_multiply(values, output, 15)
    gate = _shift_int16(values, max(-relu_shift - 1, 0))
    gate = high_multiply(gate, relu, 15)
    gate = _shift_int16(gate, 1) if relu_shift < 0 else shift_right(gate, relu_shift)
    gate = (gate + 32768) >> 1
    product = gate * preshift
    product = np.sign(product) * (np.abs(product) >> 15)
    return np.clip(shift_right(product, output_shift) + output_zero_point, -128, 127)


def _int16_factor(real: float) -> tuple[int, int]:
    """`real` as (multiplier, right shift) with real ~ multiplier * 2^(-15 - shift)."""
    multiplier, shift = fixed_point(real)
    return min((multiplier + (1 << 15)) >> 16, 32767), shift - 31


def _shift_int16(values: IntArray, bits: int) -> IntArray:
    shifted: IntArray = np.clip(values << bits, -32768, 32767)
    return shifted
