"""Activation fusion, pads, layout, hard swish and dead code: before and after."""

import math

import numpy as np
import pytest

from mcucc.ir import Graph, Quant, Tensor
from mcucc.ir.op import Op
from mcucc.numerics.fixed_point import RELU, RELU6, Clamp, Rounding
from mcucc.ops.add import Add
from mcucc.ops.average_pool import AveragePool
from mcucc.ops.clip import Clip
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.erf import Erf
from mcucc.ops.fully_connected import FullyConnected
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.hard_sigmoid import HardSigmoid
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.mul import Mul
from mcucc.ops.pad import Pad
from mcucc.ops.reshape import Reshape
from mcucc.ops.sigmoid import Sigmoid
from mcucc.ops.softplus import Softplus
from mcucc.ops.tanh import Tanh
from mcucc.ops.transpose import Transpose
from mcucc.passes import dead_code, fold_pad, fuse_activation, fuse_functions, simplify_layout
from mcucc.passes.pipeline import optimize
from tests.passes.float_graphs import ONE, PLAIN, SAME, Floats, assert_same_values, flow

BORDER = Pads(1, 0, 2, 1)


def _conv(g: Floats, name: str, x: str, window: Window2d = SAME) -> str:
    return g(name, Conv2d(window), x, g.random(f"{name}.w", 4, *window.kernel, 4))


# Activation fusion


@pytest.mark.parametrize("op", [Add(), Mul()])
def test_clip_goes_into_the_op_before_it(op: Op) -> None:
    g = Floats()
    g("relu6", Clip(RELU6), g("y", op, "x", "x"))
    before = g.graph("relu6")
    after = fuse_activation.run(before)
    assert flow(after) == [f"%relu6: [1x6x7x4] = {op.kind}(clamp=relu6) %x, %x"]
    assert_same_values(before, after)


@pytest.mark.parametrize("op", [MaxPool(SAME), AveragePool(PLAIN), GlobalAveragePool()])
def test_clip_goes_into_pools(op: Op) -> None:
    g = Floats()
    g("relu", Clip(RELU), g("y", op, "x"))
    before = g.graph("relu")
    after = fuse_activation.run(before)
    assert [node.op.kind for node in after.nodes] == [op.kind]
    assert_same_values(before, after)


def test_clips_in_a_row_are_one() -> None:
    g = Floats()
    y = g("c", Clip(Clamp(hi=1.0)), g("b", Clip(RELU6), _conv(g, "a", "x")))
    before = g.graph(y)
    after = fuse_activation.run(before)
    assert flow(after) == [
        "%c: [1x6x7x4] = Conv2d(window=3x3 p1,1,1,1, clamp=clamp(0,1)) %x",
    ]
    assert_same_values(before, after)


def test_a_value_read_twice_keeps_its_clip() -> None:
    g = Floats()
    y = _conv(g, "conv", "x")
    g("sum", Add(), y, g("relu", Clip(RELU), y))
    before = g.graph("sum")
    assert fuse_activation.run(before) is before


def test_an_output_keeps_its_clip_apart() -> None:
    g = Floats()
    y = _conv(g, "conv", "x")
    before = g.graph(y, g("relu", Clip(RELU), y))
    assert fuse_activation.run(before) is before


# Pads


@pytest.mark.parametrize("op", [Conv2d, DepthwiseConv2d])
def test_zeros_go_into_convolutions(op: type[Op]) -> None:
    g = Floats()
    shape = (4, 3, 3, 4) if op is Conv2d else (3, 3, 4)
    g("y", op(SAME), g("pad", Pad(BORDER), "x"), g.random("w", *shape))
    before = g.graph("y")
    after = fold_pad.run(before)
    assert flow(after) == [f"%y: [1x9x8x4] = {op.__name__}(window=3x3 p2,1,3,2) %x"]
    assert_same_values(before, after)


def test_other_values_and_channels_stay() -> None:
    for op in (Pad(BORDER, value=1.0), Pad(BORDER, (0, 2))):
        g = Floats(1, 6, 7, 4)
        c = g("pad", op, "x")
        channels = g.tensors[c].shape[3]
        g("y", Conv2d(PLAIN), c, g.random("w", 2, 3, 3, channels))
        before = g.graph("y")
        assert fold_pad.run(before) is before


def test_counted_zeros_of_an_average_pool() -> None:
    g = Floats()
    g("y", AveragePool(PLAIN), g("pad", Pad(BORDER), "x"))
    before = g.graph("y")
    after = fold_pad.run(before)
    assert flow(after) == [
        "%y: [1x7x6x4] = AveragePool(window=3x3 p1,0,2,1, count_include_pad=True) %x"
    ]
    assert_same_values(before, after)


def test_an_average_pool_with_padding_of_its_own_counts_differently() -> None:
    g = Floats()
    g("y", AveragePool(SAME), g("pad", Pad(BORDER), "x"))
    before = g.graph("y")
    assert fold_pad.run(before) is before


def test_zeros_never_win_above_a_relu() -> None:
    g = Floats()
    g("y", MaxPool(PLAIN), g("pad", Pad(Pads(1, 1, 1, 1)), g("relu", Clip(RELU), "x")))
    before = g.graph("y")
    after = fold_pad.run(before)
    assert [node.op.kind for node in after.nodes] == ["Clip", "MaxPool"]
    assert_same_values(before, after)


@pytest.mark.parametrize(("border", "clamp"), [(1, Clamp(lo=-1.0)), (3, RELU)])
def test_zeros_may_win_elsewhere(border: int, clamp: Clamp) -> None:
    # Below zero they are the largest, and a window of nothing but border is 0.
    g = Floats()
    pads = Pads(border, border, border, border)
    g("y", MaxPool(PLAIN), g("pad", Pad(pads), g("clip", Clip(clamp), "x")))
    before = g.graph("y")
    assert fold_pad.run(before) is before


def test_minus_infinity_is_the_padding_of_a_max_pool() -> None:
    g = Floats()
    g("y", MaxPool(PLAIN), g("pad", Pad(Pads(1, 1, 1, 1), value=-math.inf), "x"))
    before = g.graph("y")
    after = fold_pad.run(before)
    assert flow(after) == ["%y: [1x6x7x4] = MaxPool(window=3x3 p1,1,1,1) %x"]
    assert_same_values(before, after)


# Layout


def test_transposes_cancel() -> None:
    g = Floats()
    y = g("b", Transpose((0, 2, 3, 1)), g("a", Transpose((0, 3, 1, 2)), "x"))
    _conv(g, "conv", y)
    before = g.graph("conv")
    after = simplify_layout.run(before)
    assert flow(after) == ["%conv: [1x6x7x4] = Conv2d(window=3x3 p1,1,1,1) %x"]
    assert_same_values(before, after)


def test_transposes_that_do_not_cancel_are_one() -> None:
    g = Floats()
    y = g("b", Transpose((0, 3, 1, 2)), g("a", Transpose((0, 3, 1, 2)), "x"))
    before = g.graph(y)
    after = simplify_layout.run(before)
    assert flow(after) == ["%b: [1x7x4x6] = Transpose(permutation=(0, 2, 3, 1)) %x"]
    assert_same_values(before, after)


def test_a_transpose_of_short_axes_is_no_code() -> None:
    g = Floats(1, 1, 1, 8)
    y = g("a", Transpose((0, 3, 1, 2)), "x")
    g("y", FullyConnected(), g("flat", Reshape((1, 8)), y), g.random("w", 3, 8))
    before = g.graph("y")
    after = simplify_layout.run(before)
    assert flow(after) == ["%y: [1x3] = FullyConnected() %x"]
    assert_same_values(before, after)


def test_a_moving_transpose_before_a_dense_layer_stays() -> None:
    g = Floats(1, 2, 3, 4)
    y = g("a", Transpose((0, 3, 1, 2)), "x")
    g("y", FullyConnected(), g("flat", Reshape((1, 24)), y), g.random("w", 3, 24))
    before = g.graph("y")
    after = simplify_layout.run(before)
    assert [node.op.kind for node in after.nodes] == ["Transpose", "FullyConnected"]
    assert_same_values(before, after)


def test_an_output_behind_identity_reshapes_keeps_name_and_shape() -> None:
    g = Floats()
    y = g("back", Reshape((1, 6, 7, 4)), g("flat", Reshape((1, 168)), _conv(g, "conv", "x")))
    before = g.graph(y)
    after = simplify_layout.run(before)
    assert flow(after) == ["%back: [1x6x7x4] = Conv2d(window=3x3 p1,1,1,1) %x"]
    assert_same_values(before, after)


def test_element_wise_ops_change_places_with_reshapes() -> None:
    g = Floats(1, 6)
    y = g("map", Reshape((1, 1, 1, 4)), g("fc", FullyConnected(), "x", g.random("w", 4, 6)))
    g("y", FullyConnected(), g("relu", Clip(RELU), y), g.random("v", 3, 4))
    before = g.graph("y")
    after = optimize(before)
    assert flow(after) == [
        "%relu: [1x4] = FullyConnected(clamp=relu) %x",
        "%y: [1x3] = FullyConnected() %relu",
    ]
    assert_same_values(before, after)


def test_a_factor_per_channel_may_be_a_vector() -> None:
    g = Floats()
    mean = g("flat", Reshape((1, 4)), g("mean", GlobalAveragePool(), "x"))
    s = g("s", Sigmoid(), g("fc", FullyConnected(), mean, g.random("w", 4, 4)))
    g("y", Mul(), "x", g("map", Reshape((1, 1, 1, 4)), s))
    before = g.graph("y")
    after = simplify_layout.run(before)
    kinds = [node.op.kind for node in after.nodes]
    assert kinds == ["GlobalAveragePool", "FullyConnected", "Sigmoid", "Mul"]
    assert_same_values(before, after)


# Functions of one tensor


def _swish(g: Floats, spelling: str) -> str:
    if spelling == "hard sigmoid":
        return g("y", Mul(), "x", g("gate", HardSigmoid(), "x"))
    gate = g("clip", Clip(RELU6), g.affine("plus3", "x", 1.0, 3.0))
    if spelling == "divided before":
        return g("y", Mul(), g.affine("sixth", gate, 1 / 6, 0.0), "x")
    return g.affine("y", g("product", Mul(), "x", gate), 1 / 6, 0.0)


@pytest.mark.parametrize("spelling", ["hard sigmoid", "divided before", "divided after"])
def test_every_spelling_is_one_hard_swish(spelling: str) -> None:
    g = Floats()
    before = g.graph(_swish(g, spelling))
    after = dead_code.run(fuse_functions.run(before))
    assert flow(after) == ["%y: [1x6x7x4] = HardSwish() %x"]
    assert_same_values(before, after)


def test_silu_is_the_product_with_its_sigmoid() -> None:
    g = Floats()
    before = g.graph(g("y", Mul(), g("gate", Sigmoid(), "x"), "x"))
    after = dead_code.run(fuse_functions.run(before))
    assert flow(after) == ["%y: [1x6x7x4] = Silu() %x"]
    assert_same_values(before, after)


def test_mish_is_the_product_with_tanh_of_softplus() -> None:
    g = Floats()
    before = g.graph(g("y", Mul(), "x", g("gate", Tanh(), g("soft", Softplus(), "x"))))
    after = dead_code.run(fuse_functions.run(before))
    assert flow(after) == ["%y: [1x6x7x4] = Mish() %x"]
    assert_same_values(before, after)


@pytest.mark.parametrize("half_first", [True, False])
def test_gelu_is_written_with_erf(half_first: bool) -> None:
    g = Floats()
    gate = g.affine("plus1", g("erf", Erf(), g.affine("root", "x", 0.5**0.5, 0.0)), 1.0, 1.0)
    if half_first:
        y = g("y", Mul(), g.affine("half", "x", 0.5, 0.0), gate)
    else:
        y = g.affine("y", g("product", Mul(), "x", gate), 0.5, 0.0)
    before = g.graph(y)
    after = dead_code.run(fuse_functions.run(before))
    assert flow(after) == ["%y: [1x6x7x4] = Gelu() %x"]
    assert_same_values(before, after)


def test_gelu_is_written_with_tanh_of_a_cubic() -> None:
    g = Floats()
    cube = g("cube", Mul(), g("square", Mul(), "x", "x"), "x")
    inner = g("sum", Add(), "x", g.affine("cubic", cube, 0.044715, 0.0))
    gate = g.affine("plus1", g("tanh", Tanh(), g.affine("root", inner, 0.79788456, 0.0)), 1.0, 1.0)
    before = g.graph(g("y", Mul(), g.affine("half", "x", 0.5, 0.0), gate))
    after = dead_code.run(fuse_functions.run(before))
    assert flow(after) == ["%y: [1x6x7x4] = Gelu(tanh=True) %x"]
    assert_same_values(before, after)


def test_a_gate_that_others_read_stays() -> None:
    g = Floats()
    gate = g("gate", Sigmoid(), "x")
    before = g.graph(g("y", Mul(), "x", gate), gate)
    after = dead_code.run(fuse_functions.run(before))
    assert sorted(node.op.kind for node in after.nodes) == ["Sigmoid", "Silu"]
    assert_same_values(before, after)


@pytest.mark.parametrize(
    "gate", [HardSigmoid(0.2, 0.5), HardSigmoid(1 / 6, 0.4), Tanh(), Clip(RELU6)]
)
def test_other_gates_are_not(gate: Op) -> None:
    g = Floats()
    before = g.graph(g("y", Mul(), "x", g("gate", gate, "x")))
    assert fuse_functions.run(before) is before


def test_the_gate_must_be_of_the_same_value() -> None:
    g = Floats()
    other = _conv(g, "conv", "x", ONE)
    before = g.graph(g("y", Mul(), other, g("gate", HardSigmoid(), "x")))
    assert fuse_functions.run(before) is before


# The rest


def test_dead_code_goes() -> None:
    g = Floats()
    _conv(g, "unused", _conv(g, "conv", "x"))
    before = g.graph("conv")
    after = dead_code.run(before)
    assert [node.name for node in after.nodes] == ["conv"]
    assert "unused.w" not in after.tensors
    assert_same_values(before, after)


def test_the_pipeline_shows_what_each_pass_made() -> None:
    g = Floats()
    y = g.affine("norm", _conv(g, "conv", g("pad", Pad(BORDER), "x"), PLAIN), 2.0, 1.0)
    before = g.graph(g("relu", Clip(RELU), y))
    seen: list[tuple[str, Graph]] = []
    after = optimize(before, lambda name, made: seen.append((name, made)))
    assert [name for name, _ in seen] == ["fold_affine", "fold_pad", "fuse_activation"]
    assert seen[-1][1] is after
    assert flow(after) == ["%relu: [1x7x6x4] = Conv2d(window=3x3 p1,0,2,1, clamp=relu) %x"]
    assert_same_values(before, after)
    assert np.array_equal(before.tensors["conv.w"].constant, g.tensors["conv.w"].constant)


@pytest.mark.parametrize(("value", "expected"), [(-math.inf, -128), (1e9, 127), (0.5, -123)])
def test_a_border_that_stays_saturates(value: float, expected: int) -> None:
    x = Tensor("x", (1, 2, 2, 1), np.dtype(np.int8), Quant((0.1,), -128))
    kernel = Pad(BORDER, value=value).lower([x], x, Rounding.SINGLE)
    assert kernel.run([np.zeros((1, 2, 2, 1), np.int8)])[0, 0, 0, 0] == expected
