"""Functions in pieces, truths, and what moves values by positions, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcucc.errors import UnsupportedError
from mcucc.frontends.onnx.importer import import_onnx
from tests.frontends.onnx_nets import Net, assert_equal_to_runtime, kinds

FLOAT, BOOL = 1, 9
COMPARISONS = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual")


@pytest.mark.parametrize(
    "shape", [(6, 1, 1), (1, 5), (4, 5), (6, 4, 5), (1, 4, 1), (1, 6, 1, 1)], ids=str
)
def test_slopes_of_any_shape(shape: tuple[int, ...], tmp_path: Path) -> None:
    """One a channel is an op of its own; others multiply what is negative."""
    net = Net([1, 3, 4, 5])
    net("PRelu", net.conv("image", 3, 6), net.weights(*shape), out="y")
    found = kinds(assert_equal_to_runtime(net.save(tmp_path, "y")))
    assert ("PRelu" in found) == (shape[-3:] == (6, 1, 1))


def test_slopes_of_a_vector(tmp_path: Path) -> None:
    net = Net([1, 7])
    net("PRelu", "image", net.weights(7), out="y")
    assert "PRelu" in kinds(assert_equal_to_runtime(net.save(tmp_path, "y")))


@pytest.mark.parametrize("op", COMPARISONS)
@pytest.mark.parametrize("first", [True, False])
def test_comparisons_with_a_number(op: str, first: bool, tmp_path: Path) -> None:
    net = Net([1, 3, 4, 5], 16)
    pair = [net.const(0.25), net.conv("image", 3, 4)]
    truth = net(op, *(pair if first else pair[::-1]))
    net("Cast", net("Not", truth), to=FLOAT, out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


def test_truths_are_joined(tmp_path: Path) -> None:
    """As torch writes hardshrink: x where it is large, else 0."""
    net = Net([1, 3, 4, 5], 16)
    x = net.conv("image", 3, 4)
    above, below = net("Greater", x, net.const(0.5)), net("Less", x, net.const(-0.5))
    large = net("Cast", net("Or", net("Cast", above, to=BOOL), below), to=BOOL)
    net("Where", net("And", large, large), x, net.const(0.0), out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


def test_one_class_of_a_map(tmp_path: Path) -> None:
    """An index that equals a number; of real numbers this means nothing."""
    net = Net([1, 3, 4, 5])
    scores = net.conv("image", 3, 4)
    index = net("ArgMax", scores, axis=1)
    net("Cast", net("Equal", net("Mod", index, net.ints(3)), net.ints(1)), to=FLOAT, out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))
    net("Equal", scores, net.const(0.5), out="z")
    with pytest.raises(UnsupportedError, match=r"real numbers that equal 0\.5"):
        import_onnx(net.save(tmp_path, "z"))


@pytest.mark.parametrize("given", ["both", "first", "second", "neither"])
@pytest.mark.parametrize("is_mask", [True, False])
def test_choices(given: str, is_mask: bool, tmp_path: Path) -> None:
    """By a mask of the file, or by a condition that is computed."""
    net = Net([1, 3, 4, 5], 16)
    x, y = net.conv("image", 3, 4), net.conv("image", 3, 4)
    mask = net.const(net.rng.random((4, 5)) < 0.5, np.bool_)
    condition = mask if is_mask else net("Greater", x, net.const(0.1))
    choices = {
        "both": (x, y),
        "first": (x, net.const(-1.5)),
        "second": (net.const(2.0), y),
        "neither": (net.const(2.0), net.const(-1.5)),
    }[given]
    chosen = net("Where", condition, *choices)
    net("Add", chosen, x, out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


@pytest.mark.parametrize("op", ["Equal", "Greater"])
def test_two_activations_are_not_compared(op: str, tmp_path: Path) -> None:
    """CenterNet's peaks: the message names where to end instead."""
    net = Net([1, 3, 4, 5], 16)
    heat = net("Sigmoid", net.conv("image", 3, 4), out="heat")
    most = net("MaxPool", heat, kernel_shape=[3, 3], pads=[1] * 4, out="most")
    net("Mul", heat, net("Cast", net(op, heat, most), to=FLOAT), out="y")
    with pytest.raises(UnsupportedError, match="two activations compared") as refusal:
        import_onnx(net.save(tmp_path, "y"))
    assert "--outputs heat,most ends the network before" in str(refusal.value)


def test_infinity_is_no_choice(tmp_path: Path) -> None:
    net = Net([1, 3, 4, 5], 16)
    net("Where", net("Greater", "image", net.const(0.0)), "image", net.const(-np.inf), out="y")
    with pytest.raises(UnsupportedError, match="stands for infinity"):
        import_onnx(net.save(tmp_path, "y"))


@pytest.mark.parametrize("divisor", [0.75, -0.5])
def test_remainders(divisor: float, tmp_path: Path) -> None:
    net = Net([1, 3, 4, 5])
    net("Mod", net.conv("image", 3, 4), net.const(divisor), fmod=1, out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


@pytest.mark.parametrize("repeats", [(1, 1, 2, 3), (1, 3, 1, 1), (2, 2, 1, 2), (1, 1, 1, 1)])
def test_tiles(repeats: tuple[int, ...], tmp_path: Path) -> None:
    net = Net([1, 3, 4, 5])
    tiled = net("Tile", net.conv("image", 3, 4), net.ints(*repeats))
    net("Reshape", tiled, net.ints(1, -1), out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


@pytest.mark.parametrize("positions", [[[0, 1], [0, 3], [0, 0]], [[0], [0]], [[0, -1, 2, 1]]])
def test_gathered_by_several_axes(positions: list[list[int]], tmp_path: Path) -> None:
    net = Net([1, 3, 4, 5])
    taken = net("GatherND", net.conv("image", 3, 4), net.const(positions, np.int64))
    net("Reshape", taken, net.ints(1, -1), out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_products_along_an_axis(axis: int, tmp_path: Path) -> None:
    net = Net([1, 3, 4, 5], 18)
    net("ReduceProd", net.conv("image", 3, 7), net.ints(axis), out="y", keepdims=0)
    assert_equal_to_runtime(net.save(tmp_path, "y"))


def test_pads_that_cut_off(tmp_path: Path) -> None:
    net = Net([1, 3, 6, 7])
    net("Pad", net.conv("image", 3, 4), net.ints(0, 0, -1, 2, 0, -1, 1, -2), out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


@pytest.mark.parametrize("axis", [1, -1])
def test_logarithms_of_softmax(axis: int, tmp_path: Path) -> None:
    net = Net([1, 3, 4, 5])
    net("LogSoftmax", net.conv("image", 3, 6), axis=axis, out="y")
    assert "LogSoftmax" in kinds(assert_equal_to_runtime(net.save(tmp_path, "y")))


@pytest.mark.parametrize("equation", ["bchw,cd->bdhw", "cd,bchw->bhwd", "bchw,cwd->bhd"])
def test_einsum_of_a_matrix(equation: str, tmp_path: Path) -> None:
    net = Net([1, 3, 4, 5])
    x, matrix = net.conv("image", 3, 6), net.weights(*((6, 5, 7) if "cw" in equation else (6, 7)))
    pair = (matrix, x) if equation.startswith("cd") else (x, matrix)
    net("Einsum", *pair, equation=equation, out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))
