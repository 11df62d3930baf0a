"""Depthwise convolutions of one tap, and factors by channel, as one product and one shift."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from mcucc.ir.kernel import Kernel
from mcucc.numerics.affine import INPUTS, lines_through
from mcucc.numerics.fixed_point import NO_CLAMP, Clamp, Rounding
from mcucc.ops.channel_affine import ChannelAffineKernel
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.quantize.lines import as_lines
from tests.ops import draw
from tests.ops.draw import Case

ONE_TAP = Window2d((1, 1))
EVERY = INPUTS.astype(np.int8)


def one_tap(channels: int, seed: int, window: Window2d = ONE_TAP, clamp: Clamp = NO_CLAMP) -> Case:
    """A depthwise convolution of random weights and biases, 1 x 2 x 3 pixels."""
    op, weights = DepthwiseConv2d(window, clamp), (*window.kernel, channels)
    return draw.weighted(op, (1, 2, 3, channels), weights, (3, -7), draw.FREE, seed)


def every_value(kernel: Kernel, channels: int) -> np.ndarray:
    return kernel.run([np.broadcast_to(EVERY, (256, channels))[None, None]])


@pytest.mark.parametrize("clamp", [NO_CLAMP, Clamp(0.0, 6.0)])
def test_one_tap_is_a_line_of_each_channel_for_every_value(clamp: Clamp) -> None:
    for seed in range(30):
        kernel = one_tap(64, seed, clamp=clamp).kernel(Rounding.SINGLE)
        line = as_lines(kernel)
        assert isinstance(line, ChannelAffineKernel)
        assert line.requant is None
        assert line.in_place(0)
        assert line.macs_per_pixel == kernel.macs_per_pixel == 64
        np.testing.assert_array_equal(every_value(line, 64), every_value(kernel, 64))


def test_what_is_no_line_of_one_value_stays() -> None:
    pads = Window2d((1, 1), pads=Pads(1, 0, 0, 0))
    others = [pads, Window2d((1, 1), (2, 2)), Window2d((1, 2)), Window2d((2, 1))]
    for window in others:
        kernel = one_tap(4, 0, window).kernel()
        assert as_lines(kernel) is kernel


def test_two_roundings_are_a_line_or_stay_as_they_are() -> None:
    """LiteRT's nudge has another sign on either side of 0: no line follows both closely."""
    kept = 0
    for seed in range(20):
        kernel = one_tap(16, seed).kernel(Rounding.DOUBLE)
        line = as_lines(kernel)
        kept += line is kernel
        np.testing.assert_array_equal(every_value(line, 16), every_value(kernel, 16))
    assert kept > 0


@settings(derandomize=True, max_examples=40, suppress_health_check=list(HealthCheck))
@given(case=draw.channel_operand_cases())
def test_factors_by_channel_keep_their_bytes(case: Case) -> None:
    kernel = case.kernel()
    np.testing.assert_array_equal(as_lines(kernel).run(case.images), kernel.run(case.images))


def test_a_step_that_no_line_takes_is_refused() -> None:
    line = np.clip((INPUTS * 3 + 1) >> 2, -128, 127)
    found = lines_through(line, np.array([0.75]), (-128, 127))
    assert found is not None
    np.testing.assert_array_equal((INPUTS * found.factors + found.offsets) >> found.shift, line)
    bent = line.copy()
    bent[100] += 1
    assert lines_through(bent, np.array([0.75]), (-128, 127)) is None


def test_steep_and_flat_lines_stay_within_int32() -> None:
    for slope in (0.0, 1e-9, -3.0, 300.0, -20000.0):
        line = np.clip(np.floor(INPUTS * slope + 40.5).astype(np.int64), -128, 127)
        found = lines_through(line, np.array([slope]), (-128, 127))
        assert found is not None
        sums = INPUTS * found.factors + found.offsets
        assert np.abs(sums).max() < 2**31
        np.testing.assert_array_equal(np.clip(sums >> found.shift, -128, 127), line)
    assert lines_through(line, np.array([4e4]), (-128, 127)) is None
