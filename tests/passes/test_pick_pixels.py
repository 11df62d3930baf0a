"""Pools of one pixel, slices of slices and of borders, strides of 1x1 convolutions; exact."""

from __future__ import annotations

import pytest

from mcucc.ops.average_pool import AveragePool
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.pad import Pad
from mcucc.ops.slice import Slice
from mcucc.passes import pick_pixels, share
from mcucc.passes.pipeline import optimize
from tests.passes.float_graphs import ONE, SAME, Floats, assert_same_values, flow

EVERY_OTHER = Window2d((1, 1), (2, 2))


@pytest.mark.parametrize("pool", [AveragePool(EVERY_OTHER), MaxPool(EVERY_OTHER)])
def test_a_pool_of_one_pixel_is_a_slice(pool: AveragePool | MaxPool) -> None:
    g = Floats()
    before = g.graph(g("y", pool, "x"))
    after = pick_pixels.run(before)
    assert flow(after) == [
        "%y: [1x3x4x4] = Slice(begin=(0, 0, 0), size=(3, 4, 4), stride=(2, 2, 1)) %x"
    ]
    assert_same_values(before, after)


@pytest.mark.parametrize("depthwise", [False, True])
def test_its_stride_is_that_of_the_convolution_behind(depthwise: bool) -> None:
    g = Floats()
    x = g("pool", AveragePool(EVERY_OTHER), "x")
    if depthwise:
        y = g("y", DepthwiseConv2d(ONE), x, g.random("w", 1, 1, 4))
    else:
        y = g("y", Conv2d(EVERY_OTHER), x, g.random("w", 5, 1, 1, 4))
    before = g.graph(y)
    after = pick_pixels.run(before)
    (node,) = after.nodes
    stride = (2, 2) if depthwise else (4, 4)
    assert node.op.window.stride == stride  # type: ignore[attr-defined]
    assert_same_values(before, after)


def test_factorized_reduction_reads_the_picture() -> None:
    """NASNet: padded behind, shifted by one pixel, every other one of these."""
    g = Floats(1, 8, 6, 4)
    x = g("pad", Pad(Pads(0, 0, 1, 1), (0, 0), 0.0), "x")
    x = g("down", Slice((1, 0, 0), (8, 7, 4)), x)
    x = g("right", Slice((0, 1, 0), (8, 6, 4)), x)
    x = g("pool", AveragePool(EVERY_OTHER), x)
    before = g.graph(g("y", Conv2d(ONE), x, g.random("w", 5, 1, 1, 4)))
    after = optimize(before)
    assert_same_values(before, after)
    assert flow(after) == [
        "%pool: [1x4x3x4] = Slice(begin=(1, 1, 0), size=(4, 3, 4), stride=(2, 2, 1)) %x",
        "%y: [1x4x3x5] = Conv2d(window=1x1) %pool",
    ]


@pytest.mark.parametrize(
    "op",
    [
        Slice((0, 0, 0), (2, 3, 4), (2, 2, 1)),  # not the last of them
        Slice((1, 0, 0), (3, 4, 4), (2, 2, 1)),
        Slice((0, 0, 1), (3, 4, 3), (2, 2, 1)),
        Slice((0, 0, 0), (6, 7, 4)),
    ],
)
def test_other_slices_stay(op: Slice) -> None:
    g = Floats()
    x = g("part", op, "x")
    before = g.graph(g("y", Conv2d(ONE), x, g.random("w", 5, 1, 1, op.size[2])))
    assert pick_pixels.run(before) is before


def test_a_wider_kernel_and_a_border_that_is_read_stay() -> None:
    g = Floats()
    x = g("part", Slice((0, 0, 0), (3, 4, 4), (2, 2, 1)), "x")
    g("conv", Conv2d(SAME), x, g.random("w", 5, 3, 3, 4))
    padded = g("pad", Pad(Pads(1, 1, 0, 0), (0, 0), 0.0), "x")
    before = g.graph("conv", g("y", Slice((0, 1, 0), (7, 7, 4)), padded))
    assert pick_pixels.run(before) is before


# Shared subexpressions


def _twice(seed: float) -> Floats:
    """Two convolutions of one input, of equal weights under different names."""
    g = Floats()
    weights = g.rng.normal(0, 1, (4, 1, 1, 4))
    a = g("a", Conv2d(ONE), "x", g.const("a.w", weights))
    b = g("b", Conv2d(ONE), "x", g.const("b.w", weights + seed))
    g("c", MaxPool(SAME), a)
    g("d", MaxPool(SAME), b)
    return g


def test_the_same_of_the_same_is_computed_once() -> None:
    g = _twice(0.0)
    g("e", AveragePool(SAME), "d")
    before = g.graph("c", "e")
    after = share.run(before)
    assert [node.name for node in after.nodes] == ["a", "c", "e"]
    assert_same_values(before, after)


def test_other_weights_and_outputs_of_the_network_stay() -> None:
    g = _twice(1.0)
    before = g.graph("c", "d")
    assert share.run(before) is before
    g = _twice(0.0)
    after = share.run(g.graph("c", "d"))
    assert [node.name for node in after.nodes] == ["a", "c", "d"]
