"""Scales and offsets per channel into the layers around them."""

import numpy as np
import pytest

from mcucc.ir.op import Op
from mcucc.numerics.fixed_point import RELU, Clamp
from mcucc.ops.add import Add
from mcucc.ops.clip import Clip
from mcucc.ops.common.spatial import Window2d
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.fully_connected import FullyConnected
from mcucc.ops.reshape import Reshape
from mcucc.passes import fold_affine
from tests.passes.float_graphs import ONE, PLAIN, SAME, Floats, assert_same_values, flow

SCALE = [0.5, -2.0, 1.5, 0.1]
OFFSET = [1.0, 0.0, -0.5, 2.0]


def _conv(g: Floats, name: str, x: str, window: Window2d, op: type[Op] = Conv2d) -> str:
    shapes = {Conv2d: (4, *window.kernel, 4), DepthwiseConv2d: (*window.kernel, 4)}
    weights = g.random(f"{name}.w", *shapes[op])
    return g(name, op(window), x, weights, g.random(f"{name}.b", 4))


@pytest.mark.parametrize("op", [Conv2d, DepthwiseConv2d])
def test_batch_norm_goes_into_the_convolution_before_it(op: type[Op]) -> None:
    g = Floats()
    g.affine("norm", _conv(g, "conv", "x", SAME, op), SCALE, OFFSET)
    before = g.graph("norm")
    after = fold_affine.run(before)
    assert flow(before) == [
        f"%conv: [1x6x7x4] = {op.__name__}(window=3x3 p1,1,1,1) %x",
        "%norm: [1x6x7x4] = DepthwiseConv2d(window=1x1) %conv",
    ]
    assert flow(after) == [f"%norm: [1x6x7x4] = {op.__name__}(window=3x3 p1,1,1,1) %x"]
    assert_same_values(before, after)


def test_a_convolution_without_bias_gets_one() -> None:
    g = Floats()
    conv = g("conv", Conv2d(ONE), "x", g.random("w", 4, 1, 1, 4))
    g.affine("norm", conv, SCALE, OFFSET)
    before = g.graph("norm")
    after = fold_affine.run(before)
    assert len(after.nodes) == 1 and len(after.nodes[0].inputs) == 3
    assert_same_values(before, after)


def test_not_into_a_convolution_that_others_read() -> None:
    g = Floats()
    conv = _conv(g, "conv", "x", SAME)
    g("sum", Add(), conv, g.affine("norm", conv, SCALE, OFFSET))
    before = g.graph("sum")
    assert fold_affine.run(before) is before


def test_a_uniform_scale_moves_through_a_clamp() -> None:
    g = Floats()
    conv = g("conv", Conv2d(ONE, clamp=Clamp(0.0, 6.0)), "x", g.random("w", 4, 1, 1, 4))
    g.affine("sixth", conv, 1 / 6, 0.25)
    before = g.graph("sixth")
    after = fold_affine.run(before)
    assert flow(after) == [
        "%sixth: [1x6x7x4] = Conv2d(window=1x1, clamp=clamp(0.25,1.25)) %x",
    ]
    assert_same_values(before, after)


@pytest.mark.parametrize(("scale", "offset"), [(SCALE, 0.0), (-1.0, 0.0), ([1, 2, 3, 4], 1.0)])
def test_other_scales_do_not_move_through_a_clamp(scale: object, offset: float) -> None:
    g = Floats()
    conv = g("conv", Conv2d(ONE, clamp=Clamp(0.0, 6.0)), "x", g.random("w", 4, 1, 1, 4))
    g.affine("norm", conv, scale, offset)
    before = g.graph("norm")
    assert fold_affine.run(before) is before


def test_positive_scales_per_channel_move_through_a_relu() -> None:
    g = Floats()
    conv = g("conv", Conv2d(ONE, clamp=RELU), "x", g.random("w", 4, 1, 1, 4))
    g.affine("norm", conv, [1, 2, 3, 4], 0.0)
    before = g.graph("norm")
    after = fold_affine.run(before)
    assert flow(after) == ["%norm: [1x6x7x4] = Conv2d(window=1x1, clamp=relu) %x"]
    assert_same_values(before, after)


@pytest.mark.parametrize("op", [Conv2d, DepthwiseConv2d])
def test_into_the_reader_where_nothing_is_padded(op: type[Op]) -> None:
    g = Floats()
    g.affine("norm", g("relu", Clip(RELU), "x"), SCALE, OFFSET)
    _conv(g, "conv", "norm", PLAIN, op)
    before = g.graph("conv")
    after = fold_affine.run(before)
    assert flow(after) == [
        "%relu: [1x6x7x4] = Clip() %x",
        f"%conv: [1x4x5x4] = {op.__name__}(window=3x3) %relu",
    ]
    assert_same_values(before, after)


def test_padding_is_zero_behind_the_offset() -> None:
    g = Floats()
    g.affine("norm", g("relu", Clip(RELU), "x"), SCALE, OFFSET)
    _conv(g, "conv", "norm", SAME)
    before = g.graph("conv")
    assert fold_affine.run(before) is before


def test_a_scale_alone_passes_padding() -> None:
    g = Floats()
    g.affine("norm", g("relu", Clip(RELU), "x"), SCALE, 0.0)
    _conv(g, "conv", "norm", SAME)
    before = g.graph("conv")
    after = fold_affine.run(before)
    assert len(after.nodes) == 2
    assert_same_values(before, after)


def test_into_grouped_and_multiplied_channels_and_dense_layers() -> None:
    g = Floats(1, 2, 3, 4)
    g.affine("norm", g("relu", Clip(RELU), "x"), SCALE, OFFSET)
    g("grouped", Conv2d(ONE, groups=2), "norm", g.random("w1", 6, 1, 1, 2))
    g("more", DepthwiseConv2d(ONE), "norm", g.random("w2", 1, 1, 12), g.random("b2", 12))
    g("dense", FullyConnected(), "norm", g.random("w3", 5, 24))
    before = g.graph("grouped", "more", "dense")
    after = fold_affine.run(before)
    assert [node.name for node in after.nodes] == ["relu", "grouped", "more", "dense"]
    assert_same_values(before, after)


def test_through_a_reshape_into_a_dense_layer() -> None:
    g = Floats(1, 6)
    dense = g("dense", FullyConnected(), "x", g.random("w", 4, 6))
    g.affine("norm", g("map", Reshape((1, 1, 1, 4)), dense), SCALE, OFFSET)
    g("relu", Clip(RELU), "norm")
    before = g.graph("relu")
    after = fold_affine.run(before)
    assert flow(after) == [
        "%norm: [1x4] = FullyConnected() %x",
        "%norm.shape: [1x1x1x4] = Reshape(shape=(1, 1, 1, 4)) %norm",
        "%relu: [1x1x1x4] = Clip() %norm.shape",
    ]
    assert_same_values(before, after)


def test_chains_become_one_and_identities_none() -> None:
    g = Floats()
    y = g("relu", Clip(RELU), "x")
    y = g.affine("a", y, SCALE, OFFSET)
    y = g.affine("b", y, 2.0, 1.0)
    y = g.affine("one", y, 1.0, 0.0)
    g("low", Clip(Clamp(hi=1.0)), y)
    before = g.graph("low")
    after = fold_affine.run(fold_affine.run(before))
    assert [node.op.kind for node in after.nodes] == ["Clip", "DepthwiseConv2d", "Clip"]
    weights = after.tensors[after.nodes[1].inputs[1]].constant
    np.testing.assert_allclose(weights.ravel(), 2 * np.float32(SCALE))
    assert_same_values(before, after)


def test_an_output_of_the_network_is_left_alone() -> None:
    g = Floats()
    y = g.affine("norm", g("relu", Clip(RELU), "x"), SCALE, OFFSET)
    _conv(g, "conv", y, PLAIN)
    before = g.graph("conv", "norm")
    assert fold_affine.run(before) is before
