"""Slice, Split and Gather of ONNX, in the forms of their opsets, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcucc.errors import UnsupportedError
from mcucc.frontends.onnx.importer import import_onnx
from tests.frontends.onnx_nets import Net, assert_equal_to_runtime, kinds


@pytest.mark.parametrize(
    ("begin", "end", "axes", "steps"),
    [
        ([1], [3], [1], [1]),
        ([0], [2**63 - 1], [3], [2]),
        ([-3], [-1], [2], [1]),
        ([1, 0, 2], [5, 7, 4], [2, 3, 1], [2, 3, 1]),
    ],
)
def test_a_box_of_a_picture_is_one_slice(
    tmp_path: Path, begin: list[int], end: list[int], axes: list[int], steps: list[int]
) -> None:
    net = Net([1, 4, 6, 7])
    net("Slice", "image", *(net.ints(*part) for part in (begin, end, axes, steps)), out="y")
    assert kinds(assert_equal_to_runtime(net.save(tmp_path, "y"))) == ["Slice"]


def test_the_focus_of_a_detector(tmp_path: Path) -> None:
    """Every second pixel, four times, stacked: rows first, then columns, as torch slices."""
    net = Net([1, 3, 8, 6])
    corners = []
    for top, left in ((0, 0), (1, 0), (0, 1), (1, 1)):
        rows = net("Slice", "image", net.ints(top), net.ints(99), net.ints(2), net.ints(2))
        corners.append(net("Slice", rows, net.ints(left), net.ints(99), net.ints(3), net.ints(2)))
    net.conv(net("Concat", *corners, axis=1), 12, 4)
    path = net.save(tmp_path, net.nodes[-1].output[0])
    assert kinds(assert_equal_to_runtime(path)).count("Transpose") == 0


@pytest.mark.parametrize("opset", [11, 13, 18])
def test_halves_that_change_places(tmp_path: Path, opset: int) -> None:
    net = Net([1, 4, 5, 5], opset)
    x = net.conv("image", 4, 8)
    if opset == 11:
        net("Split", x, out="first", axis=1, split=[3, 5])
    elif opset == 13:
        net("Split", x, net.ints(3, 5), out="first", axis=-3)
    else:
        net("Split", x, out="first", axis=1, num_outputs=2)
    net.nodes[-1].output.append("second")
    net("Concat", "second", "first", axis=1, out="y")
    graph = assert_equal_to_runtime(net.save(tmp_path, "y", "second"))
    assert kinds(graph) == ["Conv2d", "Slice", "Slice", "Concat"]


def test_uneven_parts_without_lengths(tmp_path: Path) -> None:
    net = Net([1, 7], 18)
    net("Split", "image", out="a", axis=1, num_outputs=3)
    net.nodes[-1].output.extend(["b", "c"])
    graph = assert_equal_to_runtime(net.save(tmp_path, "a", "b", "c"))
    assert [graph.tensors[name].shape for name in "abc"] == [(1, 3), (1, 3), (1, 1)]


def test_columns_of_a_table_of_boxes(tmp_path: Path) -> None:
    net = Net([1, 2, 3, 12])
    boxes = net("Reshape", net("Transpose", "image", perm=[0, 2, 3, 1]), net.ints(1, -1, 4))
    sizes = net("Slice", boxes, net.ints(2), net.ints(4), net.ints(2))
    net("Slice", net("Sigmoid", sizes), net.ints(3), net.ints(9), net.ints(1), out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


@pytest.mark.parametrize(
    ("positions", "axis"), [(1, 1), (-1, 2), ([2], 3), ([0, 2, 4], 3), ([1, 2], 1)]
)
def test_gather_at_equal_distances(tmp_path: Path, positions: int | list[int], axis: int) -> None:
    net = Net([1, 3, 4, 5])
    net("Gather", "image", net.const(np.array(positions), np.int64), axis=axis, out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (([4], [0], [1], [0]), "a step of 0"),
        (([0, 1], [1, 2], [2, -2], [1, 1]), "one twice"),
        (([3], [3], [1], [1]), "nothing is left"),
        (([0], [1], [4], [1]), "axis 4"),
    ],
)
def test_what_is_no_box_is_refused(
    tmp_path: Path, bounds: tuple[list[int], ...], words: str
) -> None:
    net = Net([1, 4, 6, 40])
    net("Slice", "image", *(net.ints(*part) for part in bounds), out="y")
    with pytest.raises(UnsupportedError, match=words):
        import_onnx(net.save(tmp_path, "y"))


@pytest.mark.parametrize("positions", [5, [], [0, 4]])
def test_gather_of_anything_else_is_refused(tmp_path: Path, positions: int | list[int]) -> None:
    net = Net([1, 4, 6, 7])
    net("Gather", "image", net.const(np.array(positions), np.int64), axis=1, out="y")
    with pytest.raises(UnsupportedError, match="positions"):
        import_onnx(net.save(tmp_path, "y"))


@pytest.mark.parametrize(
    "shape", [(1, 40, 2, 3), (1, 2, 40, 3), (1, 2, 3, 40), (1, 40), (1, 5, 40)]
)
@pytest.mark.parametrize("kind", ["permuted", "reversed", "repeated"])
def test_positions_in_no_order(tmp_path: Path, shape: tuple[int, ...], kind: str) -> None:
    rng = np.random.default_rng(1)
    drawn = {
        "permuted": rng.permutation(40),
        "reversed": np.arange(40)[::-1],
        "repeated": rng.integers(0, 40, (2, 25)),
    }
    net = Net(list(shape))
    axis = shape.index(40)
    x = net("Sigmoid", "image")
    net("Gather", x, net.const(drawn[kind], np.int64), axis=axis, out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize(
    "positions",
    [
        [3, 0, 1],
        [1, 1],
        [5, 4, 3, 2, 1, 0],
        [[0, 1]],
        [[0, 2, 4], [1, 3, 5]],
        [[0, 1, 2], [1, 2, 3], [3, 4, 5]],
    ],
)
def test_gather_in_any_order(tmp_path: Path, positions: list[int], axis: int) -> None:
    net = Net([1, 6, 6, 6])
    x = net.conv("image", 6, 6)
    net("Gather", x, net.const(np.array(positions), np.int64), axis=axis, out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


@pytest.mark.parametrize(
    "positions",
    [
        np.arange(12).reshape(3, 4),
        np.arange(12).reshape(4, 3).T,
        np.arange(12).reshape(2, 3, 2).transpose(2, 0, 1),
    ],
)
def test_gather_that_only_counts_differently_moves_nothing(
    tmp_path: Path, positions: np.ndarray
) -> None:
    """As dynamo writes as_strided; what reads the axes in another order pays, not this."""
    net = Net([1, 12])
    x = net("Gather", "image", net.const(positions, np.int64), axis=1)
    order = np.argsort([-s for s in positions.strides], kind="stable")
    x = net("Transpose", x, perm=[0, *(1 + order)])
    net("Relu", x, out="y")
    assert set(kinds(assert_equal_to_runtime(net.save(tmp_path, "y")))) <= {"Clip", "Reshape"}


def test_backwards_beside_forwards(tmp_path: Path) -> None:
    net = Net([1, 4, 5, 7])
    bounds = ([-1, 1, 2**31], [-(2**31), 4, 0], [2, 1, 3], [-1, 2, -3])
    net("Slice", "image", *(net.ints(*part) for part in bounds), out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


@pytest.mark.parametrize("mode", ["reflect", "edge", "wrap"])
@pytest.mark.parametrize(
    "pads", [[0, 0, 1, 2, 0, 0, 2, 1], [0, 1, 0, 3, 0, 0, 0, 0], [0, 0, 4, 0, 0, 0, 4, 0]]
)
def test_borders_of_what_a_picture_holds(tmp_path: Path, mode: str, pads: list[int]) -> None:
    net = Net([1, 3, 5, 6], 19)
    x = net.conv("image", 3, 4)
    net("Pad", x, net.ints(*pads), mode=mode, out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


def test_borders_wider_than_the_picture_are_refused(tmp_path: Path) -> None:
    net = Net([1, 3, 5, 6])
    net("Pad", "image", net.ints(0, 0, 5, 0, 0, 0, 0, 0), mode="reflect", out="y")
    with pytest.raises(UnsupportedError, match="around a length of 5"):
        import_onnx(net.save(tmp_path, "y"))


@pytest.mark.parametrize(("axis", "deep"), [(1, True), (2, True), (3, True), (2, False)])
@pytest.mark.parametrize("by", ["Gather", "Slice"])
def test_three_values_backwards_that_are_no_picture_s_channels(
    tmp_path: Path, by: str, axis: int, deep: bool
) -> None:
    net = Net([1, 3, 3, 4 if axis != 3 else 3])
    x = net.conv("image", 3, 3) if deep else "image"
    if by == "Gather":
        net("Gather", x, net.ints(2, 1, 0), axis=axis, out="y")
    else:
        net("Slice", x, net.ints(-1), net.ints(-4), net.ints(axis), net.ints(-1), out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))
