"""Arithmetic of values and constants of any broadcastable shapes, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.frontends.onnx_nets import Net, assert_equal_to_runtime, kinds

SHAPES = {
    "a value a pixel": ([1, 6, 4, 5], [1, 1, 4, 5]),
    "a value a row": ([1, 6, 4, 5], [1, 1, 4, 1]),
    "a value a column": ([1, 6, 4, 5], [1, 1, 1, 5]),
    "a value a channel": ([1, 6, 4, 5], [1, 6, 1, 1]),
    "both stretched": ([1, 6, 4, 1], [1, 1, 1, 5]),
    "rows of channels": ([1, 6, 4, 5], [1, 6, 1, 5]),
    "tokens": ([1, 7, 6], [1, 7, 1]),
    "five axes": ([1, 2, 3, 4, 5], [1, 2, 1, 4, 1]),
    "outer product": ([1, 6, 1], [1, 1, 5]),
}


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Max"])
@pytest.mark.parametrize("what", SHAPES)
def test_two_values(op: str, what: str, tmp_path: Path) -> None:
    first, second = SHAPES[what]
    size, other = int(np.prod(first)), int(np.prod(second))
    net = Net([1, size + other])
    a = net("Slice", net("Relu", "image"), net.ints(0), net.ints(size), net.ints(1))
    b = net("Slice", "image", net.ints(size), net.ints(size + other), net.ints(1))
    a, b = net("Reshape", a, net.ints(*first)), net("Reshape", b, net.ints(*second))
    net(op, b, a, out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


@pytest.mark.parametrize("what", SHAPES)
def test_a_quotient_of_two_values(what: str, tmp_path: Path) -> None:
    first, second = SHAPES[what]
    size, other = int(np.prod(first)), int(np.prod(second))
    net = Net([1, size + other])
    a = net("Slice", "image", net.ints(0), net.ints(size), net.ints(1))
    b = net("Slice", net("Sigmoid", "image"), net.ints(size), net.ints(size + other), net.ints(1))
    a, b = net("Reshape", a, net.ints(*first)), net("Reshape", b, net.ints(*second))
    net("Div", a, b, out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


def test_a_constant_divided_by_a_value(tmp_path: Path) -> None:
    net = Net([1, 3, 4, 5])
    x = net("Sigmoid", net.conv("image", 3, 6))
    net("Div", net.weights(1, 1, 4, 5), x, out="y")
    graph = assert_equal_to_runtime(net.save(tmp_path, "y"))
    assert kinds(graph)[-2:] == ["Constant", "Div"]


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("what", SHAPES)
def test_a_value_and_a_constant(op: str, what: str, tmp_path: Path) -> None:
    for number, shapes in enumerate((SHAPES[what], SHAPES[what][::-1])):
        net = Net([1, int(np.prod(shapes[0]))])
        x = net("Reshape", net("Relu", "image"), net.ints(*shapes[0]))
        net(op, x, net.const(net.rng.uniform(0.5, 2, shapes[1])), out="y")
        folder = tmp_path / str(number)
        folder.mkdir()
        assert_equal_to_runtime(net.save(folder, "y"))


def test_a_position_embedding_leaves_the_picture_its_rows(tmp_path: Path) -> None:
    net = Net([1, 3, 4, 5])
    x = net.conv("image", 3, 8)
    x = net("Transpose", net("Reshape", x, net.ints(1, 8, 20)), perm=[0, 2, 1])
    x = net("Add", x, net.weights(1, 20, 8))
    net("Gemm", net("Flatten", x), net.weights(160, 3), out="y")
    graph = assert_equal_to_runtime(net.save(tmp_path, "y"))
    assert kinds(graph) == ["Conv2d", "Constant", "Add", "FullyConnected"]


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_constant_parts_are_joined(axis: int, tmp_path: Path) -> None:
    net = Net([1, 3, 4, 5])
    shape = [1, 3, 4, 5]
    shape[axis] = 2
    net("Concat", net.weights(*shape), net.conv("image", 3, 3), out="y", axis=axis)
    assert_equal_to_runtime(net.save(tmp_path, "y"))


def test_a_class_token_before_the_others(tmp_path: Path) -> None:
    net = Net([1, 6, 4])
    net("Concat", net.weights(1, 1, 4), net("Relu", "image"), out="y", axis=1)
    assert_equal_to_runtime(net.save(tmp_path, "y"))


def test_an_expansion_to_a_picture(tmp_path: Path) -> None:
    net = Net([1, 3, 4, 5])
    mean = net("GlobalAveragePool", net.conv("image", 3, 6))
    net("Expand", mean, net.ints(1, 6, 4, 5), out="y")
    assert kinds(assert_equal_to_runtime(net.save(tmp_path, "y")))[-1] == "ResizeNearest"
