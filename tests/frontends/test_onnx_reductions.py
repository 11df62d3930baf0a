"""Reductions over any axes, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.frontends.onnx_nets import Net, assert_equal_to_runtime

AXES = [[2, 3], [1], [2], [3], [1, 2], [1, 3], [1, 2, 3], [0, -1]]
PLAIN = ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin")
FUNCTIONS = ("ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp")


@pytest.mark.parametrize("op", PLAIN)
@pytest.mark.parametrize("axes", AXES, ids=str)
@pytest.mark.parametrize("keepdims", [0, 1])
def test_of_pictures(op: str, axes: list[int], keepdims: int, tmp_path: Path) -> None:
    net = Net([1, 6, 4, 5], 18)
    net(op, net.conv("image", 6, 6), net.ints(*axes), out="y", keepdims=keepdims)
    assert_equal_to_runtime(net.save(tmp_path, "y"))


@pytest.mark.parametrize("op", [*PLAIN, *FUNCTIONS])
@pytest.mark.parametrize("axis", [1, 2])
def test_of_tokens(op: str, axis: int, tmp_path: Path) -> None:
    net = Net([1, 7, 6], 18)
    net(op, net("Relu", "image"), net.ints(axis), out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))
