"""The sums of LiteRT's 16x8 mode against the interpreter, every drawn element."""

from __future__ import annotations

import numpy as np
import pytest

from mcucc.numerics.fixed_point import Requant, Rounding
from mcucc.numerics.litert_int16 import (
    ADD_LEFT_SHIFT,
    INT16_MAX,
    INT16_MIN,
    DoubleProduct,
    reduced,
    reduced_product,
    shifted_operand,
)
from tests.numerics.litert_int16 import (
    REFERENCE_AND_DEFAULT,
    drawn,
    float32,
    run_layer,
    run_op,
)

Layer = tuple[np.ndarray, np.ndarray, np.ndarray, tuple[float, list[float], float], np.ndarray]


def saturated(values: np.ndarray) -> np.ndarray:
    return np.clip(values, INT16_MIN, INT16_MAX)


def layer(rng: np.random.Generator, code: str, bias_bits: int, per_channel: bool = True) -> Layer:
    """x, weights, biases, scales, and accumulators; output scales from coarse to saturating."""
    pixels, inputs, outputs = 60, int(rng.integers(1, 60)), int(rng.integers(1, 24))
    depthwise = code == "DEPTHWISE_CONV_2D"
    x = drawn(rng, (pixels, outputs if depthwise else inputs))
    weights = rng.integers(-127, 128, (outputs,) if depthwise else (outputs, inputs)).astype(
        np.int8
    )
    bias = rng.integers(-(2**bias_bits), 2**bias_bits, outputs)
    sums = x.astype(np.int64) * weights if depthwise else x.astype(np.int64) @ weights.T.astype(int)
    sw = [float32(s) for s in np.exp(rng.uniform(-7, -2, outputs if per_channel else 1))]
    sx = float32(np.exp(rng.uniform(-12, -5)))
    most = float(np.abs((sums + bias) * sw).max()) * sx
    sy = float32(max(most, 1e-6) / 32768 * np.exp(rng.uniform(-1, 3)))
    return x, weights, bias, (sx, sw, sy), sums + bias


def factors(scales: tuple[float, list[float], float], rounding: Rounding) -> Requant:
    sx, sw, sy = scales
    return Requant.from_real(np.array(sw, np.float64) * sx / sy, rounding)


@pytest.mark.parametrize("reference", REFERENCE_AND_DEFAULT)
@pytest.mark.parametrize("bias_bits", [20, 40])
@pytest.mark.parametrize("code", ["CONV_2D", "DEPTHWISE_CONV_2D"])
def test_64_bit_biases_take_factors_of_15_bits(code: str, bias_bits: int, reference: bool) -> None:
    rng = np.random.default_rng([bias_bits, reference])
    for case in range(16):
        x, weights, bias, scales, acc = layer(rng, code, bias_bits, per_channel=case % 4 > 0)
        theirs = run_layer(code, x, weights, bias, scales, reference=reference)
        ours = reduced_product(acc, reduced(factors(scales, Rounding.SINGLE)))
        np.testing.assert_array_equal(saturated(ours), theirs)


def test_reduced_factors_are_factors_of_one_rounding() -> None:
    """In the place of those of 31 bits: kernels of one rounding need know no other."""
    rng = np.random.default_rng(3)
    requant = reduced(Requant.from_real(np.exp(rng.uniform(-16, 3, 200)), Rounding.SINGLE))
    acc = rng.integers(-(2**31), 2**31, (500, 200))
    np.testing.assert_array_equal(requant.apply(acc), reduced_product(acc, requant))


@pytest.mark.parametrize("reference", REFERENCE_AND_DEFAULT)
def test_depthwise_without_biases_is_as_with_64_bit_zeros(reference: bool) -> None:
    rng = np.random.default_rng(4)
    x, weights, bias, scales, acc = layer(rng, "DEPTHWISE_CONV_2D", 20)
    theirs = run_layer("DEPTHWISE_CONV_2D", x, weights, None, scales, reference=reference)
    ours = reduced_product(acc - bias, reduced(factors(scales, Rounding.SINGLE)))
    np.testing.assert_array_equal(saturated(ours), theirs)


def test_32_bit_biases_of_conv_are_rounded_twice_by_the_reference() -> None:
    rng = np.random.default_rng(5)
    for _ in range(16):
        x, weights, bias, scales, acc = layer(rng, "CONV_2D", 20)
        theirs = run_layer("CONV_2D", x, weights, bias.astype(np.int32), scales)
        ours = factors(scales, Rounding.DOUBLE).apply(acc)
        np.testing.assert_array_equal(saturated(ours), theirs)


@pytest.mark.parametrize(("dtype", "bits"), [(np.int32, 25), (np.int64, 42), (None, 1)])
def test_fully_connected_is_a_product_of_doubles(dtype: type | None, bits: int) -> None:
    rng = np.random.default_rng(6)
    for case in range(16):
        x, weights, bias, scales, acc = layer(
            rng, "FULLY_CONNECTED", bits, per_channel=case % 4 > 0
        )
        given: np.ndarray | None = None if dtype is None else bias.astype(dtype)
        acc = acc - bias if dtype is None else acc
        theirs = run_layer("FULLY_CONNECTED", x, weights, given, scales)
        ours = DoubleProduct.from_scales(scales[0], tuple(scales[1]), scales[2]).apply(acc)
        np.testing.assert_array_equal(saturated(ours), theirs)


def test_products_of_doubles_near_every_half() -> None:
    """Accumulators (as biases) beside the halves, where a factor of 31 bits is wrong."""
    rng = np.random.default_rng(7)
    missed = 0
    for _ in range(4):
        sw, sx = float32(rng.uniform(1e-3, 1e-1)), float32(rng.uniform(1e-5, 1e-3))
        sy = float32(sw * sx * 2 ** rng.uniform(3, 14))
        halves = np.arange(INT16_MIN, INT16_MAX) + 0.5
        middle = np.rint(halves / (sw * sx / sy)).astype(np.int64)
        acc = np.concatenate([middle + d for d in (-1, 0, 1)])
        x, weights = np.zeros((1, 1), np.int16), np.ones((acc.size, 1), np.int8)
        (theirs,) = run_layer("FULLY_CONNECTED", x, weights, acc, (sx, [sw], sy))
        ours = saturated(DoubleProduct.from_scales(sx, (sw,), sy).apply(acc))
        np.testing.assert_array_equal(ours, theirs)
        single = Requant.from_real([sw * sx / sy], Rounding.SINGLE)
        missed += int((saturated(single.apply(acc)) != theirs).sum())
    assert missed > 0


@pytest.mark.parametrize("divisor", [2.0, 4.0, 10.0])
def test_halves_of_products_of_doubles_go_away_from_zero(divisor: float) -> None:
    acc = np.arange(-200, 200)
    x, weights = np.zeros((1, 1), np.int16), np.ones((acc.size, 1), np.int8)
    (theirs,) = run_layer("FULLY_CONNECTED", x, weights, acc, (1.0, [1.0], divisor))
    product = DoubleProduct.from_scales(1.0, (1.0,), divisor)
    np.testing.assert_array_equal(product.apply(acc), theirs)
    assert product.apply(np.array([-int(divisor) // 2])) == -1


def test_a_double_is_its_three_fields() -> None:
    product = DoubleProduct(np.exp(np.random.default_rng(8).uniform(-20, 3, 100)))
    high, low, shift = product.fields()
    assert (high < 2**21).all() and (low < 2**32).all()
    again = np.ldexp(high.astype(np.float64), 32 - shift) + np.ldexp(low.astype(float), -shift)
    np.testing.assert_array_equal(again, product.factors)


@pytest.mark.parametrize("reference", REFERENCE_AND_DEFAULT)
@pytest.mark.parametrize("code", ["ADD", "SUB"])
def test_add_shifts_left_by_15(code: str, reference: bool) -> None:
    rng = np.random.default_rng(9)
    sign = 1 if code == "ADD" else -1
    for _ in range(12):
        a, b = drawn(rng, (1, 4, 4, 16)), drawn(rng, (1, 4, 4, 16))
        sa, sb, sy = (float32(s) for s in np.exp(rng.uniform(-9, -7, 3)))
        theirs = run_op(
            code,
            f"{code.title()}Options",
            [(a, sa), (b, sb)],
            (a.shape, sy),
            reference=reference,
        )
        twice = 2 * max(sa, sb)
        parts = [
            Requant.from_real([scale / twice], Rounding.DOUBLE).apply(
                values.astype(np.int64) << ADD_LEFT_SHIFT
            )
            for values, scale in ((a, sa), (b, sb))
        ]
        whole = Requant.from_real([twice / (2**ADD_LEFT_SHIFT * sy)], Rounding.DOUBLE)
        ours = whole.apply(parts[0] + sign * parts[1])
        np.testing.assert_array_equal(saturated(ours), theirs)


@pytest.mark.parametrize("reference", REFERENCE_AND_DEFAULT)
@pytest.mark.parametrize("shifts", [(0, 0), (0, 1), (0, 5), (3, 0)])
@pytest.mark.parametrize("code", ["ADD", "SUB"])
def test_add_of_powers_of_two_shifts_the_finer_right(
    code: str, shifts: tuple[int, int], reference: bool
) -> None:
    rng = np.random.default_rng(10)
    a, b = drawn(rng, (1, 4, 4, 16)), drawn(rng, (1, 4, 4, 16))
    scales = [2.0 ** (-12 - shift) for shift in shifts]
    theirs = run_op(
        code,
        f"{code.title()}Options",
        [(a, scales[0]), (b, scales[1])],
        (a.shape, 2.0**-12),
        reference=reference,
        potScaleInt16=True,
    )
    left, right = (
        shifted_operand(v.astype(np.int64), s) for v, s in zip((a, b), shifts, strict=True)
    )
    ours = left + right if code == "ADD" else left - right
    np.testing.assert_array_equal(saturated(ours), theirs)


@pytest.mark.parametrize("reference", REFERENCE_AND_DEFAULT)
def test_mul_is_rounded_twice_by_a_float32_factor(reference: bool) -> None:
    rng = np.random.default_rng(11)
    for _ in range(6):
        a, b = drawn(rng, (1, 40, 40, 16)), drawn(rng, (1, 40, 40, 16))
        sa, sb = (float32(s) for s in np.exp(rng.uniform(-9, -7, 2)))
        sy = float32(sa * sb * 32768 * rng.uniform(0.2, 3))
        theirs = run_op("MUL", "MulOptions", [(a, sa), (b, sb)], (a.shape, sy), reference=reference)
        factor = float(np.float32(sa) * np.float32(sb) / np.float32(sy))
        product = a.astype(np.int64) * b
        ours = Requant.from_real([factor], Rounding.DOUBLE).apply(product)
        np.testing.assert_array_equal(saturated(ours), theirs)
