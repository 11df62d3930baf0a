"""Weights as integers: scales, dead channels, and accumulators that stay in int32."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.ir import Quant, Tensor
from mcucc.numerics.fixed_point import NO_CLAMP, Rounding
from mcucc.ops.common.matrix import accumulation
from mcucc.quantize.snap import LEAST_MULTIPLIER
from mcucc.quantize.weights import quantize_weights

RNG = np.random.default_rng(11)


def accumulate(made, x, y):
    """What lowering makes of it; ValueError when an accumulator may leave int32."""
    return accumulation(
        "y",
        [
            Tensor("x", (1, made.weights.shape[1]), np.dtype(np.int8), x),
            Tensor.const("w", made.weights, made.quant(0)),
            Tensor.const("b", made.bias, made.bias_quant(x.per_tensor_scale)),
        ],
        Tensor("y", (1, len(made.bias)), np.dtype(np.int8), y),
        made.weights.astype(np.int64),
        NO_CLAMP,
        Rounding.SINGLE,
    )


@pytest.mark.parametrize(("shape", "axis"), [((6, 3, 3, 4), 0), ((3, 3, 6), 2), ((6, 9), 0)])
def test_each_channel_uses_the_full_symmetric_range(shape, axis):
    weights = RNG.normal(0, 1, shape).astype(np.float32)
    weights *= np.geomspace(1e-3, 1e3, 6).reshape(
        [-1 if i == axis else 1 for i in range(len(shape))]
    )
    made = quantize_weights(weights, None, axis, Quant((0.02,)), Quant((0.05,)))
    others = tuple(i for i in range(len(shape)) if i != axis)
    # Snapped scales are larger by at most one part in LEAST_MULTIPLIER.
    least = 127 * LEAST_MULTIPLIER // (LEAST_MULTIPLIER + 1)
    assert (np.abs(made.weights.astype(int)).max(axis=others) >= least).all()
    error = np.abs(made.real_weights(axis) - weights).max(axis=others)
    assert (error <= 0.5001 * made.scale).all()


def test_the_bias_is_rounded_to_its_own_scale():
    weights = RNG.normal(0, 1, (4, 9)).astype(np.float32)
    bias = np.array([0.5, -20.0, 0.0, 3.25], np.float32)
    made = quantize_weights(weights, bias, 0, Quant((0.02,), 7), Quant((0.05,)))
    assert np.abs(made.bias * made.scale * 0.02 - bias).max() <= 0.51 * (made.scale * 0.02).max()


def test_a_dead_channel_still_gives_its_bias():
    x, y = Quant((1 / 128,), 3), Quant((0.04,), -5)
    made = quantize_weights(
        np.zeros((2, 9), np.float32), np.array([1.0, -2.0], np.float32), 0, x, y
    )
    sums = accumulate(made, x, y)
    assert sums.finish(np.zeros((1, 2), np.int64)).tolist() == [[-5 + 25, -5 - 50]]


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    weight=st.floats(-30, 5),
    bias=st.floats(-10, 12),
    taps=st.sampled_from([1, 9, 1000]),
    zero_point=st.integers(-128, 127),
)
def test_no_accumulator_leaves_int32_whatever_the_sizes(weight, bias, taps, zero_point):
    weights = (10.0**weight * RNG.choice([-1.0, 1.0], (3, taps))).astype(np.float32)
    offsets = (10.0**bias * np.array([1.0, -1.0, 0.0])).astype(np.float32)
    x, y = Quant((0.01,), zero_point), Quant((10.0**bias / 100,), 0)
    made = quantize_weights(weights, offsets, 0, x, y)
    sums = accumulate(made, x, y)
    assert -(2**31) <= sums.bounds[0] <= sums.bounds[1] < 2**31
    # A bias of +-100 output units comes out as that, however tiny its weights are.
    if 10.0**weight * taps * 2.56 < 10.0**bias / 200:
        assert sums.finish(np.zeros((1, 3), np.int64)).tolist() == [[100, -100, 0]]


def test_a_very_wide_layer_gets_a_larger_scale_instead_of_an_overflow():
    weights = np.ones((1, 100_000), np.float32)
    x, y = Quant((0.01,), -128), Quant((10.0,), 0)
    made = quantize_weights(weights, None, 0, x, y)
    assert accumulate(made, x, y).bounds[1] < 2**31
    assert 0.98 < float(made.real_weights(0).mean()) < 1.02


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_an_error(bad):
    weights = np.array([[1.0, bad]], np.float32)
    with pytest.raises(ValueError, match="finite"):
        quantize_weights(weights, None, 0, Quant((0.1,)), Quant((0.1,)))
