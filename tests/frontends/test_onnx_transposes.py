"""Transposes of four and more axes: windows of a picture there and back, tokens in pieces."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcucc.ops.permute import Permute
from tests.frontends.onnx_nets import Net, assert_equal_to_runtime, kinds

C = 6


def pixels(net: Net) -> str:
    """A convolution's picture as (1, 4, 6, C)."""
    return net("Transpose", net.conv("image", 3, C), perm=[0, 2, 3, 1])


def linear(net: Net, x: str, outputs: int = C) -> str:
    return net("Add", net("MatMul", x, net.weights(C, outputs)), net.weights(outputs))


def windows(net: Net, x: str, size: int = 2) -> str:
    split = net("Reshape", x, net.ints(1, 4 // size, size, 6 // size, size, C))
    moved = net("Transpose", split, perm=[0, 1, 3, 2, 4, 5])
    return net("Reshape", moved, net.ints(-1, size * size, C))


def joined(net: Net, x: str, size: int = 2) -> str:
    split = net("Reshape", x, net.ints(1, 4 // size, 6 // size, size, size, C))
    moved = net("Transpose", split, perm=[0, 1, 3, 2, 4, 5])
    return net("Reshape", moved, net.ints(1, 4, 6, C))


def test_windows_there_and_back_are_blocks_of_pixels(tmp_path: Path) -> None:
    """Swin, TinyViT: what streams by rows of windows, and a residual around it."""
    net = Net([1, 3, 4, 6])
    x = pixels(net)
    y = joined(net, linear(net, windows(net, x)))
    graph = assert_equal_to_runtime(net.save(tmp_path, net("Relu", net("Add", x, y))))
    assert {"SpaceToDepth", "DepthToSpace"} <= set(kinds(graph))
    assert "Permute" not in kinds(graph)


@pytest.mark.parametrize("first", ["the picture", "the windows"])
def test_a_picture_and_its_windows_are_matched(first: str, tmp_path: Path) -> None:
    """MobileViT: tokens are the pixels of one place in all patches, the residual a picture."""
    net = Net([1, 3, 4, 6])
    x = net.conv("image", 3, C)
    split = net("Reshape", x, net.ints(C * 2, 2, 3, 2))
    moved = net("Transpose", split, perm=[0, 2, 1, 3])
    patches = net("Reshape", moved, net.ints(1, C, 6, 4))
    tokens = net("Reshape", net("Transpose", patches, perm=[0, 3, 2, 1]), net.ints(4, 6, C))
    y = linear(net, tokens)
    total = net("Add", *((tokens, y) if first == "the picture" else (y, tokens)))
    back = net("Transpose", net("Reshape", total, net.ints(1, 4, 6, C)), perm=[0, 3, 2, 1])
    moved = net("Transpose", net("Reshape", back, net.ints(C * 2, 3, 2, 2)), perm=[0, 2, 1, 3])
    picture = net("Reshape", moved, net.ints(1, C, 4, 6))
    graph = assert_equal_to_runtime(net.save(tmp_path, net.conv(picture, C, 3)))
    assert kinds(graph).count("Permute") == 2


def test_any_order_of_five_axes(tmp_path: Path) -> None:
    net = Net([1, 3, 4, 6])
    split = net("Reshape", pixels(net), net.ints(2, 2, 3, 2, 2, 3))
    moved = net("Transpose", split, perm=[4, 2, 0, 5, 3, 1])
    y = linear(net, net("Reshape", moved, net.ints(1, 4, 6, C)))
    graph = assert_equal_to_runtime(net.save(tmp_path, y))
    assert any(isinstance(node.op, Permute) for node in graph.nodes)
