"""ArgMax, ArgMin and casts against ONNX Runtime; what integers are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from mcucc.errors import UnsupportedError
from mcucc.frontends.onnx.importer import import_onnx
from tests.frontends.onnx_nets import Net, assert_equal_to_runtime, kinds

FLOAT, UINT8, INT8, INT32, INT64 = 1, 2, 3, 6, 7


@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("axis", [1, 2, -1])
@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("last", [0, 1])
def test_of_pictures(op: str, axis: int, keepdims: int, last: int, tmp_path: Path) -> None:
    """Rounded, so that scores tie."""
    net = Net([1, 3, 4, 5])
    scores = net("Round", net.conv("image", 3, 6))
    index = net(op, scores, axis=axis, keepdims=keepdims, select_last_index=last)
    net("Cast", index, to=FLOAT, out="y")
    found = kinds(assert_equal_to_runtime(net.save(tmp_path, "y")))
    assert found.count("ArgMax") == 1
    assert ("Transpose" in found) == (axis != 1)  # channels lie innermost as they are


def test_over_all_positions_of_each_channel(tmp_path: Path) -> None:
    """Keypoints: more than 256 entries are int16."""
    net = Net([1, 3, 18, 20])
    flat = net("Reshape", net.conv("image", 3, 4), net.ints(1, 4, -1))
    net("Cast", net("ArgMax", flat, axis=2, keepdims=0), to=FLOAT, out="y")
    graph = assert_equal_to_runtime(net.save(tmp_path, "y"))
    (op,) = (node.op for node in graph.nodes if node.op.kind == "ArgMax")
    quant = op.fixed_quant()
    assert quant is not None
    assert (quant.scale, quant.zero_point, quant.limit) == ((1.0,), 0, 32767)


def test_an_axis_of_one_entry(tmp_path: Path) -> None:
    net = Net([1, 3, 4, 5])
    net("Cast", net("ArgMax", net.conv("image", 3, 1), axis=1), to=FLOAT, out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


def test_indices_are_an_output_as_they_are(tmp_path: Path) -> None:
    """int64 in the file, and behind what moves and counts with them."""
    net = Net([1, 3, 4, 5])
    index = net("ArgMax", net.conv("image", 3, 6), axis=1)
    narrow = net("Cast", net("Squeeze", index, net.ints(1)), to=UINT8)
    wide = net("Cast", narrow, to=INT64)
    net("Mul", net("Add", wide, net.ints(3)), net.ints(2), out="y")
    path = net.save(tmp_path, "y")
    model = onnx.load(str(path))
    model.graph.output[0].type.tensor_type.elem_type = INT64
    onnx.save(model, str(path))
    assert_equal_to_runtime(path)


def test_floats_are_cut_to_integers(tmp_path: Path) -> None:
    net = Net([1, 3, 4, 5])
    net("Cast", net("Cast", net("Mul", "image", net.const(4.0)), to=INT32), to=FLOAT, out="y")
    assert_equal_to_runtime(net.save(tmp_path, "y"))


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([("Cast", INT8)], "a cast of integers to INT8"),
        ([("Div", 2)], "the operator is not compiled for integers"),
        ([("Sigmoid", None)], "the operator is not compiled for integers"),
    ],
)
def test_what_integers_are_refused(
    steps: list[tuple[str, int | None]], words: str, tmp_path: Path
) -> None:
    """130 classes have no int8; a quotient of integers is no quotient of reals."""
    net = Net([1, 3, 4, 5])
    x = net("ArgMax", net.conv("image", 3, 130, 1), axis=1)
    for op, value in steps:
        if op == "Cast":
            x = net("Cast", x, to=value)
        else:
            x = net(op, x, *([] if value is None else [net.ints(value)]))
    with pytest.raises(UnsupportedError, match=words):
        import_onnx(net.save(tmp_path, x))


def test_more_entries_than_int16_has_are_refused(tmp_path: Path) -> None:
    net = Net([1, 1, 200, 200])
    flat = net("Reshape", "image", net.ints(1, -1))
    with pytest.raises(UnsupportedError, match=r"an index into 40,000 entries \(at most 32,768\)"):
        import_onnx(net.save(tmp_path, net("ArgMax", flat, axis=1)))


def test_integers_behind_a_cast_of_a_map_keep_the_layout(tmp_path: Path) -> None:
    """A mask is (1, H, W), whatever axis the classes had."""
    net = Net([1, 3, 4, 5])
    net("ArgMax", net.conv("image", 3, 6), axis=1, keepdims=0, out="y")
    model = import_onnx(net.save(tmp_path, "y"))
    assert model.outputs[0].shape == (1, 4, 5)
    assert np.prod(model.graph.tensors["y"].shape) == 20
