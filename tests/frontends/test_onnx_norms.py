"""Normalisations in the spellings of exporters, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.frontends.onnx_nets import Net, assert_equal_to_runtime, kinds

TOKENS = [1, 7, 6]
PICTURE = [1, 6, 4, 5]


def test_layer_norm_of_tokens(tmp_path: Path) -> None:
    net = Net(TOKENS)
    net("LayerNormalization", "image", net.weights(6), net.weights(6), out="y", epsilon=1e-3)
    assert kinds(assert_equal_to_runtime(net.save(tmp_path, "y"))) == ["LayerNorm"]


def test_layer_norm_between_transposes_is_one_of_channels(tmp_path: Path) -> None:
    net = Net(PICTURE)
    x = net("Transpose", net.conv("image", 6, 6), perm=[0, 2, 3, 1])
    x = net("LayerNormalization", x, net.weights(6), net.weights(6))
    net.conv(net("Transpose", x, perm=[0, 3, 1, 2]), 6, 3)
    graph = assert_equal_to_runtime(net.save(tmp_path, net.nodes[-1].output[0]))
    assert kinds(graph) == ["Conv2d", "LayerNorm", "Conv2d"]


def test_layer_norm_over_several_axes(tmp_path: Path) -> None:
    net = Net(PICTURE)
    scale, offset = net.weights(6, 4, 5), net.weights(6, 4, 5)
    net("LayerNormalization", net.conv("image", 6, 6), scale, offset, out="y", axis=1)
    assert_equal_to_runtime(net.save(tmp_path, "y"))


@pytest.mark.parametrize("shape", [PICTURE, [1, 6, 20]])
def test_instance_norm(shape: list[int], tmp_path: Path) -> None:
    net = Net(shape)
    net("InstanceNormalization", "image", net.weights(6), net.weights(6), out="y")
    graph = assert_equal_to_runtime(net.save(tmp_path, "y"))
    assert "GroupNorm" in kinds(graph) or len(shape) < 4


def test_group_norm_as_exporters_spell_it(tmp_path: Path) -> None:
    net = Net(PICTURE)
    x = net("Reshape", net.conv("image", 6, 6), net.ints(1, 2, -1))
    x = net("InstanceNormalization", x, net.const(np.ones(2)), net.const(np.zeros(2)))
    x = net("Reshape", x, net.ints(1, 6, 4, 5))
    x = net("Add", net("Mul", x, net.weights(6, 1, 1)), net.weights(6, 1, 1))
    net("Relu", x, out="y")
    graph = assert_equal_to_runtime(net.save(tmp_path, "y"))
    assert "GroupNorm" in kinds(graph)
    assert "Transpose" not in kinds(graph)


def test_group_norm(tmp_path: Path) -> None:
    net = Net(PICTURE, 21)
    x = net.conv("image", 6, 6)
    net("GroupNormalization", x, net.weights(6), net.weights(6), out="y", num_groups=3)
    assert kinds(assert_equal_to_runtime(net.save(tmp_path, "y"))) == ["Conv2d", "GroupNorm"]


@pytest.mark.parametrize(("axes", "shape"), [([-1], TOKENS), ([1], PICTURE)])
@pytest.mark.parametrize("square", ["Pow", "Mul"])
def test_layer_norm_written_out(
    axes: list[int], shape: list[int], square: str, tmp_path: Path
) -> None:
    net = Net(shape)
    x = net("Relu", "image")
    centred = net("Sub", x, net.mean(x, axes, 1))
    power = (centred, net.const(2.0)) if square == "Pow" else (centred, centred)
    variance = net("Add", net.mean(net(square, *power), axes, 1), net.const(1e-3))
    normal = net("Div", centred, net("Sqrt", variance))
    factors = (6, 1, 1) if axes == [1] else (6,)
    net("Add", net("Mul", net.weights(*factors), normal), net.weights(*factors), out="y")
    graph = assert_equal_to_runtime(net.save(tmp_path, "y"))
    assert kinds(graph).count("LayerNorm") == 1
    assert "Sub" not in kinds(graph)


def test_rms_norm_written_out(tmp_path: Path) -> None:
    net = Net(TOKENS)
    x = net("Relu", "image")
    mean = net.mean(net("Mul", x, x), [-1], 1)
    root = net("Reciprocal", net("Sqrt", net("Add", mean, net.const(1e-3))))
    net("Mul", net("Mul", x, root), net.weights(6), out="y")
    assert "LayerNorm" in kinds(assert_equal_to_runtime(net.save(tmp_path, "y")))


@pytest.mark.parametrize("expanded", [True, False])
def test_a_vector_of_length_1(expanded: bool, tmp_path: Path) -> None:
    net = Net([1, 6])
    x = net("Add", net("Relu", "image"), net.const(0.5))
    length = net("ReduceL2", x, axes=[1], keepdims=1)
    length = net("Clip", length, net.const(1e-12))
    if expanded:
        length = net("Expand", length, net("Shape", x))
    net("Div", x, length, out="y")
    assert "LayerNorm" in kinds(assert_equal_to_runtime(net.save(tmp_path, "y")))
