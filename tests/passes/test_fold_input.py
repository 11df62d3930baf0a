"""The camera byte enters as byte - 128."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mcucc.errors import ModelError
from mcucc.evaluate.float_run import evaluate_graph
from mcucc.ir import Graph
from mcucc.numerics import RELU
from mcucc.ops.clip import Clip
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.fully_connected import FullyConnected
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


def test_padding_stays_within_the_channels_zero_points() -> None:
    scale, offset = IMAGENET
    g = Floats(1, 8, 9, 3)
    weights = g.random("w", 5, 3, 3, 3)
    before = g.graph(g("y", Conv2d(SAME), "x", weights))
    after = fold_input_normalisation(before, "x", scale, offset)
    old, new = _results(before, after, scale, offset)
    np.testing.assert_allclose(new["y"][:, 1:-1, 1:-1], old["y"][:, 1:-1, 1:-1], atol=1e-4)
    # Padding now stands for the input's zero point in each channel instead of 0.
    zero = after.tensors["x"].quantization.zero_point
    padding = np.abs(scale * (zero + 128) + offset)
    allowed = (np.abs(g.tensors["w"].constant) * padding).sum(axis=(1, 2, 3))
    assert (np.abs(new["y"] - old["y"]) <= allowed + 1e-4).all()


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
    np.testing.assert_allclose(new["y"][:, 1:-1, 1:-1], old["y"][:, 1:-1, 1:-1], atol=1e-4)


def test_the_number_of_channels_must_fit() -> None:
    g = Floats(1, 4, 4, 1)
    before = g.graph(g("y", Clip(RELU), "x"))
    with pytest.raises(ModelError, match="3 channels, the network takes 1"):
        fold_input_normalisation(before, "x", *HALF)
