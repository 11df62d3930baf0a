"""Snapped scales: short factors, one shift a layer, nothing lost."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.ir.kernel_id import Form
from mcucc.ir.tensor import Quant
from mcucc.kernels.requantize import high_form, interval_of, short_form
from mcucc.numerics.fixed_point import Requant, Rounding
from mcucc.ops.common.matrix import Accumulation
from mcucc.quantize.snap import LEAST_MULTIPLIER, snap_scales
from mcucc.quantize.weights import IntegerWeights, quantize_weights

EVERYDAY = settings(derandomize=True, deadline=None, max_examples=60)
X_SCALE, Y_SCALE = 0.0473, 0.1021


def odd_part(multiplier: int) -> int:
    return multiplier >> ((multiplier & -multiplier).bit_length() - 1) if multiplier else 0


def accumulation(made: IntegerWeights) -> tuple[Accumulation, np.ndarray]:
    factors = made.scale * X_SCALE / Y_SCALE
    requant = Requant.from_real(factors, Rounding.SINGLE)
    flat = made.weights.reshape(made.weights.shape[0], -1)
    return Accumulation(made.bias, requant, 0, -128, -128, 127, (0, 0)), flat


@EVERYDAY
@given(seed=st.integers(0, 2**32 - 1), spread=st.floats(0, 6), taps=st.integers(1, 600))
def test_factors_are_exactly_short_and_scales_hardly_grow(
    seed: int, spread: float, taps: int
) -> None:
    rng = np.random.default_rng(seed)
    scale = 10.0 ** rng.uniform(-3 - spread, -3, 8)
    reach = np.full(8, 127.0 * 128 * taps)
    snapped = snap_scales(scale, reach, X_SCALE, Y_SCALE)
    assert (snapped >= scale * (1 - 1e-12)).all()
    requant = Requant.from_real(snapped * X_SCALE / Y_SCALE, Rounding.SINGLE)
    for multiplier, shift, before, after in zip(
        requant.multiplier, requant.shift, scale, snapped, strict=True
    ):
        odd = odd_part(int(multiplier))
        assert odd < 2**15
        # M = m * 2^-s exactly, s at most 32: the high multiply of 32 bits holds it.
        assert shift - round(math.log2(multiplier / odd)) <= 32
        steps = min(LEAST_MULTIPLIER, max(before * X_SCALE / Y_SCALE * 2**32, 1))
        assert after <= before * (1 + 1 / steps) * (1 + 1e-12)


@EVERYDAY
@given(seed=st.integers(0, 2**32 - 1), taps=st.sampled_from([1, 9, 27, 144, 960]))
def test_a_quantized_layer_takes_the_cheapest_forms(seed: int, taps: int) -> None:
    rng = np.random.default_rng(seed)
    weights = (rng.normal(0, 1, (16, taps)) * 10.0 ** rng.uniform(-1, 0, (16, 1))) / taps**0.5
    bias = rng.normal(0, 1, 16)
    x, y = Quant((X_SCALE,), -128), Quant((Y_SCALE,), -128)
    made = quantize_weights(weights.astype(np.float32), bias.astype(np.float32), 0, x, y)
    sums, flat = accumulation(made)
    bounds = interval_of(flat, made.bias)
    high, short = high_form(sums, bounds), short_form(sums, bounds)
    assert high is not None and high.form is Form.HIGH
    assert short is not None and short.form is Form.SHORT


def test_factors_of_zero_and_above_a_half_stay() -> None:
    scale = np.array([0.0, 3.0, 0.001])
    snapped = snap_scales(scale, np.full(3, 1e5), 0.5, 0.5)
    assert snapped[0] == 0.0 and snapped[1] == 3.0 and snapped[2] >= 0.001
