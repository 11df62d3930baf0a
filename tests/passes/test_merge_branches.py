"""Sums of branches of one tensor: one convolution, where that costs no more; values stay."""

from __future__ import annotations

import numpy as np
import pytest

from mcucc.ir import Graph
from mcucc.numerics.fixed_point import NO_CLAMP, RELU, Clamp
from mcucc.ops.add import Add
from mcucc.ops.common.spatial import NO_PADS, Pads, Window2d
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.passes import merge_branches
from mcucc.passes.pipeline import optimize
from tests.passes.float_graphs import ONE, SAME, Floats, assert_same_values, flow

RING = Pads(1, 1, 1, 1)


def _conv(g: Floats, name: str, window: Window2d, x: str = "x", groups: int = 1) -> str:
    weights = g.random(f"{name}.w", 4, *window.kernel, 4 // groups)
    return g(name, Conv2d(window, groups), x, weights, g.random(f"{name}.b", 4))


def _depthwise(g: Floats, name: str, window: Window2d, x: str = "x") -> str:
    weights = g.random(f"{name}.w", *window.kernel, 4)
    return g(name, DepthwiseConv2d(window), x, weights, g.random(f"{name}.b", 4))


def _sum(g: Floats, *names: str, clamp: Clamp = NO_CLAMP) -> Graph:
    """The names added one after the other."""
    total = names[0]
    for i, name in enumerate(names[1:], 1):
        last = i == len(names) - 1
        total = g("y" if last else f"sum{i}", Add(clamp if last else NO_CLAMP), total, name)
    return g.graph("y")


def _check(before: Graph, *lines: str) -> Graph:
    after = merge_branches.run(before)
    assert flow(after) == list(lines)
    assert_same_values(before, after)
    return after


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_repvgg(stride: int) -> None:
    g = Floats()
    s = (stride, stride)
    three = _conv(g, "three", Window2d((3, 3), s, pads=RING))
    before = _sum(g, _conv(g, "one", Window2d((1, 1), s)), three, clamp=RELU)
    shape = "x".join(str(n) for n in before.tensors["y"].shape)
    shown = f" s{stride},{stride}" if stride > 1 else ""
    line = f"%y: [{shape}] = Conv2d(window=3x3{shown} p1,1,1,1, clamp=relu) %x"
    (node,) = _check(before, line).nodes
    assert node.name == "three"
    assert node.merges == ("three", "one")


def test_the_input_and_its_batch_norm_are_branches_too() -> None:
    g = Floats()
    norm = g.affine("norm", "x", g.rng.normal(1, 0.3, 4), g.rng.normal(0, 0.3, 4))
    before = _sum(g, _conv(g, "three", SAME), "x", _conv(g, "one", ONE), norm)
    _check(before, "%y: [1x6x7x4] = Conv2d(window=3x3 p1,1,1,1) %x")


def test_depthwise_branches_stay_depthwise() -> None:
    g = Floats()
    wide = _depthwise(g, "wide", Window2d((5, 3), pads=Pads(2, 1, 2, 1)))
    before = _sum(g, _depthwise(g, "three", SAME), wide, "x", _depthwise(g, "one", ONE))
    _check(before, "%y: [1x6x7x4] = DepthwiseConv2d(window=5x3 p2,1,2,1) %x")


def test_groups_are_as_fine_as_all_branches_allow() -> None:
    g = Floats()
    before = _sum(g, _conv(g, "two", SAME, groups=2), _depthwise(g, "deep", SAME))
    _check(before, "%y: [1x6x7x4] = Conv2d(window=3x3 p1,1,1,1, groups=2) %x")


def test_asymmetric_kernels_lie_inside_a_square_one() -> None:
    g = Floats()
    row = _conv(g, "row", Window2d((1, 3), pads=Pads(0, 1, 0, 1)))
    column = _conv(g, "column", Window2d((3, 1), pads=Pads(1, 0, 1, 0)))
    before = _sum(g, row, _conv(g, "square", SAME), column)
    _check(before, "%y: [1x6x7x4] = Conv2d(window=3x3 p1,1,1,1) %x")


def test_taps_far_apart_keep_their_distance() -> None:
    g = Floats()
    wide = _conv(g, "wide", Window2d((3, 3), dilation=(2, 2), pads=Pads(2, 2, 2, 2)))
    before = _sum(g, wide, _conv(g, "one", ONE))
    _check(before, "%y: [1x6x7x4] = Conv2d(window=3x3 d2,2 p2,2,2,2) %x")


def test_kernels_that_begin_elsewhere_are_placed_where_they_read() -> None:
    g = Floats()
    before = _sum(
        g,
        _conv(g, "two", Window2d((2, 2), (2, 2), pads=Pads(1, 0, 0, 1))),
        _conv(g, "three", Window2d((3, 3), (2, 2), pads=Pads(1, 1, 1, 1))),
    )
    after = merge_branches.run(before)
    assert [node.op.kind for node in after.nodes] == ["Conv2d"]
    assert_same_values(before, after)


@pytest.mark.parametrize("seed", range(20))
def test_drawn_windows(seed: int) -> None:
    """Every window that makes the same picture, merged or not, gives the same values."""
    rng = np.random.default_rng(seed)
    g = Floats(1, 7, 9, 4)
    stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    big = Window2d((5, 5), stride, pads=Pads(*rng.integers(0, 3, 4).tolist()))
    names, shape = [_conv(g, "big", big), _depthwise(g, "deep", big)], g.tensors["big"].shape
    for kind in range(40):
        kernel = (int(rng.integers(1, 6)), int(rng.integers(1, 6)))
        window = Window2d(kernel, stride, pads=Pads(*rng.integers(0, 3, 4).tolist()))
        if shape[1:3] == window.output_size(7, 9):
            make = (_conv, _depthwise)[kind % 2]
            names.append(make(g, f"c{kind}", window))
    before = _sum(g, *names)
    after = merge_branches.run(before)
    assert_same_values(before, after)
    assert after.macs <= before.macs


def test_what_else_is_added_stays() -> None:
    g = Floats()
    other = _conv(g, "other", ONE, _conv(g, "far", SAME))
    before = _sum(g, _conv(g, "a", SAME), other, _conv(g, "b", ONE), clamp=RELU)
    _check(
        before,
        "%far: [1x6x7x4] = Conv2d(window=3x3 p1,1,1,1) %x",
        "%other: [1x6x7x4] = Conv2d(window=1x1) %far",
        "%a.merged: [1x6x7x4] = Conv2d(window=3x3 p1,1,1,1) %x",
        "%y: [1x6x7x4] = Add(clamp=relu) %a.merged, %other",
    )


def test_one_kernel_of_both_would_cost_more() -> None:
    g = Floats()
    row = _conv(g, "row", Window2d((1, 3), pads=Pads(0, 1, 0, 1)))
    before = _sum(g, row, _conv(g, "column", Window2d((3, 1), pads=Pads(1, 0, 1, 0))))
    assert merge_branches.run(before) is before
    g = Floats()
    before = _sum(g, _conv(g, "dense", ONE), _depthwise(g, "deep", SAME))
    assert merge_branches.run(before) is before


@pytest.mark.parametrize(("channels", "merged"), [(4, True), (256, False)])
def test_an_input_keeps_its_precision_beside_many_small_weights(
    channels: int, merged: bool
) -> None:
    g = Floats(1, 3, 3, channels)
    weights = g.const("w", g.rng.normal(0, 0.5 / channels, (channels, 3, 3, channels)))
    before = _sum(g, g("three", Conv2d(SAME), "x", weights), "x")
    after = merge_branches.run(before)
    assert (after is not before) == merged
    assert_same_values(before, after)


def test_a_branch_that_is_read_elsewhere_stays() -> None:
    g = Floats()
    one = _conv(g, "one", ONE)
    g("y", Add(), one, _conv(g, "three", SAME))
    before = g.graph("y", "one")
    assert merge_branches.run(before) is before


def test_a_clamp_between_is_no_linear_map() -> None:
    g = Floats()
    relu = g("relu", Conv2d(ONE, clamp=RELU), "x", g.random("w", 4, 1, 1, 4))
    before = _sum(g, relu, _conv(g, "three", SAME))
    assert merge_branches.run(before) is before


def test_other_sources_and_strides_stay() -> None:
    g = Floats(1, 7, 7, 4)
    two = _conv(g, "two", Window2d((3, 3), (2, 2), pads=RING))
    apart = _conv(g, "apart", Window2d((4, 4), pads=NO_PADS))
    before = _sum(g, two, apart)
    assert merge_branches.run(before) is before


def test_one_addend_twice() -> None:
    g = Floats()
    one = _conv(g, "one", ONE)
    before = _sum(g, one, one)
    _check(before, "%y: [1x6x7x4] = Conv2d(window=1x1) %x")


def test_the_whole_pipeline_merges_norms_behind_the_sum() -> None:
    g = Floats()
    _sum(g, _depthwise(g, "three", SAME), "x", _depthwise(g, "one", ONE))
    norm = g.affine("norm", "y", g.rng.normal(1, 0.3, 4), g.rng.normal(0, 0.3, 4))
    before = g.graph(norm)
    after = optimize(before)
    assert flow(after) == ["%norm: [1x6x7x4] = DepthwiseConv2d(window=3x3 p1,1,1,1) %x"]
    assert_same_values(before, after)
    assert after.nodes[0].merges == ("three", "one")


def test_sums_beyond_any_network_cost_no_time() -> None:
    g = Floats(1, 1, 1, 4)
    before = _sum(g, *(_conv(g, f"c{i}", ONE) for i in range(1000)))
    assert merge_branches.run(before) is before
