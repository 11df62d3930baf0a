"""The camera byte enters as byte - 128."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mcucc.errors import ModelError
from mcucc.ir import Graph
from mcucc.ir.float_run import evaluate_graph
from mcucc.numerics.fixed_point import RELU
from mcucc.ops.clip import Clip
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.conv_transpose2d import ConvTranspose2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.fully_connected import FullyConnected
from mcucc.ops.pad import Pad
from mcucc.passes.fold_input import fold_input_normalisation
from mcucc.passes.pipeline import optimize
from tests.passes.float_graphs import PLAIN, SAME, Floats, flow

HALF = ([2 / 255] * 3, [-1.0] * 3)
IMAGENET_STD, IMAGENET_MEAN = np.array([0.229, 0.224, 0.225]), np.array([0.485, 0.456, 0.406])
IMAGENET = (1 / 255 / IMAGENET_STD, -IMAGENET_MEAN / IMAGENET_STD)
BYTES = ([1.0] * 3, [0.0] * 3)


def _results(before: Graph, after: Graph, scale: Any, offset: Any) -> tuple[Any, Any]:
    """All tensors for the same camera picture, before and after."""
    shape = before.tensors["x"].shape
    camera = np.random.default_rng(5).integers(0, 256, shape)
    real = np.asarray(scale) * camera + np.asarray(offset)
    quant = after.tensors["x"].quantization
    folded = quant.per_tensor_scale * (camera - 128.0 - quant.zero_point)
    return evaluate_graph(before, {"x": real}), evaluate_graph(after, {"x": folded})


@pytest.mark.parametrize(("scale", "offset"), [HALF, IMAGENET, BYTES])
def test_exact_inside_the_picture(scale: Any, offset: Any) -> None:
    g = Floats(1, 8, 9, 3)
    g("a", Conv2d(PLAIN, clamp=RELU), "x", g.random("w", 5, 3, 3, 3), g.random("bias", 5))
    g("b", DepthwiseConv2d(PLAIN), "x", g.random("v", 3, 3, 6))
    g("c", FullyConnected(), "x", g.random("u", 4, 8 * 9 * 3))
    before = g.graph("a", "b", "c")
    after = fold_input_normalisation(before, "x", scale, offset)
    assert len(after.nodes) == 3 and after.inputs == ("x",)
    old, new = _results(before, after, scale, offset)
    for name in before.outputs:
        np.testing.assert_allclose(
            new[name], old[name], rtol=1e-4, atol=1e-5 * np.abs(old[name]).max()
        )


WINDOWS = {
    "same": SAME,
    "strided": Window2d((3, 3), (2, 2), pads=Pads(1, 1, 1, 1)),
    "dilated": Window2d((3, 2), (1, 1), (2, 3), Pads(2, 3, 2, 0)),
    "uneven": Window2d((5, 4), (2, 3), pads=Pads(4, 0, 1, 3)),
    "padding alone in some windows": Window2d((2, 2), pads=Pads(2, 1, 3, 2)),
}
FAR = ([0.01, 0.0, -0.02, 0.01, 0.03, 0.01], [9.0, 2.0, 3.0, -7.0, 0.5, 0.0])


@pytest.mark.parametrize("window", WINDOWS)
def test_padding_stays_zero_wherever_the_channels_zeros_lie(window: str) -> None:
    scale, offset = (np.array(values) for values in FAR)
    g = Floats(1, 8, 9, 6)
    opened = WINDOWS[window]
    kernel = opened.kernel
    g("a", Conv2d(opened, clamp=RELU), "x", g.random("w", 5, *kernel, 6))
    g("b", Conv2d(opened, 3), "x", g.random("v", 9, *kernel, 2), g.random("bias", 9))
    g("c", DepthwiseConv2d(opened), "x", g.random("u", *kernel, 12))
    before = g.graph("a", "b", "c")
    after = fold_input_normalisation(before, "x", scale, offset)
    assert len(after.nodes) == 3
    old, new = _results(before, after, scale, offset)
    for name in before.outputs:
        np.testing.assert_allclose(new[name], old[name], atol=1e-4 * np.abs(old[name]).max())


def test_a_scale_behind_a_border_scales_it_too() -> None:
    g = Floats(1, 8, 9, 3)
    y = g("y", Conv2d(SAME), "x", g.random("w", 5, 3, 3, 3))
    before = g.graph(g.affine("z", y, 3.0, np.arange(5.0)))
    after = optimize(fold_input_normalisation(before, "x", *IMAGENET))
    assert flow(after) == ["%z: [1x8x9x5] = Conv2d(window=3x3 p1,1,1,1) %x"]
    old, new = _results(before, after, *IMAGENET)
    np.testing.assert_allclose(new["z"], old["z"], atol=1e-4)


def test_a_pad_does_not_join_a_layer_that_has_a_border() -> None:
    g = Floats(1, 8, 9, 3)
    g("p", Pad(Pads(1, 1, 1, 1)), "x")
    border = g.random("border", 3, 3, 5)
    y = g("y", Conv2d(SAME), "p", g.random("w", 5, 3, 3, 3), g.random("bias", 5), border)
    assert len(optimize(g.graph(y)).nodes) == 2


def test_a_transposed_convolution_reads_real_values() -> None:
    g = Floats(1, 4, 5, 3)
    op = ConvTranspose2d((3, 3), (2, 2), (1, 1), (8, 10))
    before = g.graph(g("y", op, "x", g.random("w", 2, 3, 3, 3)))
    after = fold_input_normalisation(before, "x", *IMAGENET)
    assert [node.op.kind for node in after.nodes] == ["DepthwiseConv2d", "ConvTranspose2d"]
    old, new = _results(before, after, *IMAGENET)
    np.testing.assert_allclose(new["y"], old["y"], atol=1e-4)


@pytest.mark.parametrize(
    ("scale", "offset", "step", "zero"),
    [
        (*HALF, 2 / 255, 0),
        (*BYTES, 1.0, -128),
        ([0.5], [10.0], 0.5, -128),
        ([0.1], [-25.4], 0.1, 126),
    ],
)
def test_the_inputs_quantization(scale: Any, offset: Any, step: float, zero: int) -> None:
    g = Floats(1, 4, 4, len(scale))
    g("y", Conv2d(PLAIN), "x", g.random("w", 2, 3, 3, len(scale)))
    quant = fold_input_normalisation(g.graph("y"), "x", scale, offset).tensors["x"].quantization
    assert quant.per_tensor_scale == pytest.approx(step)
    assert quant.zero_point == zero


def test_nothing_is_added_where_nothing_is_left_over() -> None:
    g = Floats(1, 4, 4, 3)
    before = g.graph(g("y", Clip(RELU), "x"))
    after = fold_input_normalisation(before, "x", *BYTES)
    assert flow(after) == ["%y: [1x4x4x3] = Clip() %x"]


def test_other_readers_get_the_real_values_from_a_depthwise_convolution() -> None:
    g = Floats(1, 8, 9, 3)
    before = g.graph(g("y", Clip(RELU), "x"))
    after = fold_input_normalisation(before, "x", *IMAGENET)
    assert flow(after) == [
        "%x.real: [1x8x9x3] = DepthwiseConv2d(window=1x1) %x",
        "%y: [1x8x9x3] = Clip() %x.real",
    ]
    old, new = _results(before, after, *IMAGENET)
    np.testing.assert_allclose(new["y"], old["y"], atol=1e-5)
    np.testing.assert_allclose(new["x.real"], old["x"], atol=1e-5)


def test_normalisation_inside_the_graph_is_folded_along() -> None:
    g = Floats(1, 8, 9, 3)
    y = g.affine("minus", "x", 1.0, -IMAGENET_MEAN)
    y = g.affine("over", y, 1 / IMAGENET_STD, 0.0)
    g("y", Conv2d(SAME), y, g.random("w", 5, 3, 3, 3))
    before = g.graph("y")
    scale, offset = [1 / 255] * 3, [0.0] * 3
    after = fold_input_normalisation(optimize(before), "x", scale, offset)
    assert flow(after) == ["%y: [1x8x9x5] = Conv2d(window=3x3 p1,1,1,1) %x"]
    old, new = _results(before, after, scale, offset)
    np.testing.assert_allclose(new["y"], old["y"], atol=1e-4)


def test_the_number_of_channels_must_fit() -> None:
    g = Floats(1, 4, 4, 1)
    before = g.graph(g("y", Clip(RELU), "x"))
    with pytest.raises(ModelError, match="3 channels, the network takes 1"):
        fold_input_normalisation(before, "x", *HALF)
