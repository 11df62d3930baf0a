"""LiteRT's 16x8 mode, number by number in NumPy: int16 activations, int8 weights.

Found by drawn single operators against the interpreter (tests/numerics/test_litert_int16.py says
which path has which): all zero points are 0, and what a factor of 31 bits does for int8 is here
* CONV_2D and DEPTHWISE_CONV_2D with 64-bit biases (what the converter writes; DEPTHWISE_CONV_2D has
  no others): one rounding by a factor of 15 bits, on every path (`reduced`);
* CONV_2D with 32-bit biases: the two roundings of int8;
* FULLY_CONNECTED: a product of doubles, half away from zero (`DoubleProduct`);
* ADD and SUB: those of int8 shifted left by 15, not 20; with scales that are powers of two, and an
  option that is on by default, the finer operand shifted right (`shifted_operand`);
* MUL, MEAN, QUANTIZE, RELU, the pools and what only moves values: as int8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.numerics.fixed_point import IntArray, Requant, Rounding
from mcucc.numerics.litert_fixed import shift_right

INT16_MIN, INT16_MAX = -32768, 32767
ADD_LEFT_SHIFT = 15
# Of LiteRT's 64-bit accumulators: beyond, its product with a factor of 15 bits overflows.
ACCUMULATOR_BITS = 47
# Accumulators that a double holds exactly.
EXACT_BITS = 53

_LONG = 0x7FFF0000  # from here on a multiplier would round up to 2^15


def reduced(requant: Requant) -> Requant:
    """The factors of 15 bits that LiteRT multiplies 64-bit accumulators by, rounded once.

    They keep the place of the 31-bit ones: the low 16 bits of every multiplier are 0.
    """
    rounded = (requant.multiplier + (1 << 15)) >> 16
    short = np.where(requant.multiplier < _LONG, rounded, INT16_MAX)
    return Requant(short << 16, requant.shift, Rounding.SINGLE)


def reduced_product(acc: IntArray, requant: Requant) -> IntArray:
    """round(acc * M), half up, for accumulators of up to 48 bits and factors made by `reduced`."""
    short, shift = requant.multiplier >> 16, requant.shift - 16
    if (np.atleast_1d(shift) < 1).any():
        raise ValueError("a requantization factor of 2^14 and more")
    product: IntArray = (acc * short + (np.int64(1) << (shift - 1))) >> shift
    return product


@dataclass(frozen=True, eq=False)
class DoubleProduct:
    """acc * factor as a product of IEEE doubles, then to the nearest integer, half away from zero.

    `factors` are positive, per channel (channels,) or one for all (1,).
    """

    factors: npt.NDArray[np.float64]

    @staticmethod
    def from_scales(
        x: float, weights: tuple[float, ...] | npt.NDArray[np.float64], y: float
    ) -> DoubleProduct:
        """The factors of a layer; scales are float32 numbers, their product is exact."""
        factors = np.asarray(weights, np.float64) * x / y
        if not (np.isfinite(factors).all() and (factors > 0).all()):
            raise ValueError("requantization factors are no positive numbers")
        return DoubleProduct(factors)

    def apply(self, acc: IntArray) -> IntArray:
        """The outputs of accumulators below 2^53, saturated to 2^31."""
        product = np.clip(acc.astype(np.float64) * self.factors, -(2.0**31), 2.0**31)
        magnitude = np.abs(product)
        whole = np.floor(magnitude)
        rounded: IntArray = np.copysign(whole + (magnitude - whole >= 0.5), product).astype(
            np.int64
        )
        return rounded

    def fields(self) -> tuple[IntArray, IntArray, IntArray]:
        """(high, low, shift): factor = (high * 2^32 + low) * 2^-shift, 53 bits, per channel."""
        pairs = [math.frexp(float(factor)) for factor in self.factors]
        mantissas = np.array([int(mantissa * 2.0**53) for mantissa, _ in pairs], np.int64)
        shifts = np.array([53 - exponent for _, exponent in pairs], np.int64)
        return mantissas >> 32, mantissas & 0xFFFFFFFF, shifts


def power_of_two(scale: float) -> int | None:
    """The exponent of a scale that LiteRT takes for a power of two, None for others."""
    exact = math.log2(scale)
    whole = math.floor(exact + 0.5)
    return whole if abs(exact - whole) < 1e-3 else None


def shifted_operand(values: IntArray, bits: int) -> IntArray:
    """An operand of ADD or SUB in units 2^bits times coarser, half away from zero."""
    return shift_right(values, bits)
