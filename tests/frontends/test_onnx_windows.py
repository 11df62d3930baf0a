"""Windows with drawn attributes against ONNX Runtime, and the layout algebra."""

from __future__ import annotations

import tempfile
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.errors import UnsupportedError
from mcucc.frontends.onnx.view import NHWC, View, storage_shape
from tests.frontends.onnx_nets import Net, assert_equal_to_runtime

DRAWN = settings(derandomize=True, deadline=None, max_examples=40)


@st.composite
def _window(draw: st.DrawFn, pool: bool) -> dict[str, Any]:
    kernel = [draw(st.integers(1, 4)), draw(st.integers(1, 4))]
    window: dict[str, Any] = {
        "kernel_shape": kernel,
        "strides": [draw(st.integers(1, 3)), draw(st.integers(1, 3))],
    }
    mode = draw(st.sampled_from(["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    if mode == "NOTSET":
        # ONNX Runtime wants pads of pools below the kernel.
        window["pads"] = [draw(st.integers(0, kernel[i % 2] - 1)) for i in range(4)]
        if not pool:
            window["dilations"] = [draw(st.integers(1, 2)), draw(st.integers(1, 2))]
    else:
        window["auto_pad"] = mode
        # ONNX Runtime computes negative pads where a stride exceeds the kernel, and fails.
        pairs = zip(window["strides"], kernel, strict=True)
        window["strides"] = [min(stride, side) for stride, side in pairs]
    return window


@DRAWN
@given(window=_window(pool=False), size=st.tuples(st.integers(7, 10), st.integers(7, 10)))
def test_conv(window: dict[str, Any], size: tuple[int, int]) -> None:
    net = Net([1, 4, *size])
    for group in (1, 2, 4):
        c_out = 8
        weights = net.weights(c_out, 4 // group, *window["kernel_shape"])
        net("Conv", "image", weights, net.weights(c_out), out=f"y{group}", group=group, **window)
    with tempfile.TemporaryDirectory() as folder:
        graph = assert_equal_to_runtime(net.save(Path(folder), "y1", "y2", "y4"))
    assert [n.op.kind for n in graph.nodes] == ["Conv2d", "Conv2d", "DepthwiseConv2d"]


@DRAWN
@given(
    window=_window(pool=True),
    size=st.tuples(st.integers(5, 9), st.integers(5, 9)),
    ceil=st.booleans(),
    include=st.booleans(),
)
def test_pools(window: dict[str, Any], size: tuple[int, int], ceil: bool, include: bool) -> None:
    net = Net([1, 3, *size])
    if "auto_pad" not in window:
        window = {**window, "ceil_mode": int(ceil)}
    net("MaxPool", "image", out="largest", **window)
    net("AveragePool", "image", out="mean", count_include_pad=int(include), **window)
    with tempfile.TemporaryDirectory() as folder:
        path = net.save(Path(folder), "largest", "mean")
        try:
            assert_equal_to_runtime(path)
        except UnsupportedError as error:
            assert ceil and include  # the one combination that is refused
            assert [problem.op for problem in error.problems] == ["AveragePool"]


@st.composite
def _views(draw: st.DrawFn) -> tuple[View, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A view, the value it stands for, and the stored elements."""
    shape = draw(st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=4))
    order = draw(st.permutations(range(len(shape))))
    value = np.arange(prod(shape)).reshape(shape)
    view = View.stored("t", shape, order)
    stored = value.transpose(order).reshape(-1)
    for _ in range(draw(st.integers(0, 3))):
        if draw(st.booleans()):
            moved = draw(st.permutations(range(value.ndim)))
            value, view = value.transpose(moved), view.transposed(moved)
        else:
            rest, wanted = value.size, []
            while rest > 1 and len(wanted) < 3:
                wanted.append(
                    draw(st.sampled_from([d for d in range(1, rest + 1) if rest % d == 0]))
                )
                rest //= wanted[-1]
            found = view.reshaped([*wanted, rest])
            if found is not None:
                value, view = value.reshape([*wanted, rest]), found
    return view, value, stored


def _read(view: View, stored: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return stored.reshape(view.atoms).transpose(view.flat).reshape(view.shape)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(drawn=_views())
def test_a_view_reads_the_value_it_stands_for(drawn: tuple[View, Any, Any]) -> None:
    view, value, stored = drawn
    np.testing.assert_array_equal(_read(view, stored), value)
    np.testing.assert_array_equal(_read(view.canonical(), stored), value)
    permutation = view.permutation(NHWC)
    if permutation is not None:
        np.testing.assert_array_equal(value.transpose(permutation).reshape(-1), stored)
    np.testing.assert_array_equal(
        view.constant_in_storage(value.astype(np.float64)).reshape(-1), stored
    )


def test_reshape_that_would_move_data_is_not_a_view() -> None:
    view = View.stored("t", (1, 3, 4, 5), NHWC)
    assert view.reshaped((1, 60)) is not None  # a flatten only renames axes
    assert view.reshaped((1, 3, 20)) is not None
    assert view.reshaped((1, 12, 5)) is not None
    assert view.reshaped((1, 4, 15)) is None


@pytest.mark.parametrize(
    ("dims", "shape"),
    [
        ((1, 5), (1, 5)),
        ((1, 2, 3, 4), (1, 2, 3, 4)),
        ((2, 3), (1, 2, 3)),
        ((1, 1, 2, 3, 4), (1, 2, 3, 4)),
        ((2, 3, 4, 5), (1, 6, 4, 5)),
        ((), (1, 1)),
    ],
)
def test_storage_has_a_batch_and_at_most_three_axes(
    dims: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    assert storage_shape(dims) == shape


def test_average_pool_counts_the_models_own_border_only(tmp_path: Path) -> None:
    """torch's default: ceil_mode adds windows, count_include_pad counts the padding alone."""
    net = Net([1, 3, 8, 9])
    window = {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1, "count_include_pad": 1}
    net("AveragePool", "image", out="y", pads=[1, 1, 1, 1], **window)
    net("AveragePool", "image", out="z", **window)
    assert_equal_to_runtime(net.save(tmp_path, "y", "z"))
