"""Small files that ask for gigabytes or hours: one clear error each, before anything is made."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from mcucc.api import load
from mcucc.errors import ModelError
from mcucc.frontends.onnx.bounds import MOST_NODES
from tests.frontends.onnx_nets import Net

SECONDS, MEGABYTES = 5.0, 1000  # of the processor; beyond what the process had


def net() -> Net:
    n = Net([1, 3, 8, 8])
    n("Relu", n.conv("image", 3, 4), out="y")
    return n


def refused(content: onnx.ModelProto | bytes, folder: Path) -> str:
    """The message, after little time and memory."""
    path = folder / "net.onnx"
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    before = resource.getrusage(resource.RUSAGE_SELF)
    with pytest.raises(ModelError) as caught:
        load(path)
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert after.ru_utime - before.ru_utime < SECONDS
    assert after.ru_maxrss - before.ru_maxrss < MEGABYTES * 1024
    assert len(str(caught.value)) < 20_000
    return str(caught.value)


def shapes(n: Net) -> None:
    """Each for itself is below what one constant may have."""
    for _ in range(5):
        n("ConstantOfShape", n.ints(2**24))


def a_range(n: Net) -> None:
    n("Range", n.const(0, np.int64), n.const(10**15, np.int64), n.const(1, np.int64))


def expanded(n: Net) -> None:
    n("Expand", n.const(1.0), n.ints(2**20, 2**20))


def tiled(n: Net) -> None:
    n("Tile", n.const(np.zeros((64, 64))), n.ints(2**9, 2**9))


def padded(n: Net) -> None:
    n("Pad", n.const(np.zeros(8)), n.ints(0, 2**40))


def resized(n: Net) -> None:
    n("Resize", n.const(np.zeros((1, 1, 8, 8))), "", n.const([1, 1, 1e4, 1e4]))


def gathered(n: Net) -> None:
    picked = n("Gather", n.const(np.zeros((2, 2**13))), n.const(np.zeros(2**9), np.int64))
    for _ in range(8):
        picked = n("Concat", picked, picked, axis=0)


def doubled(n: Net) -> None:
    x = n.const(np.zeros(2**10))
    for _ in range(40):
        x = n("Concat", x, x, axis=0)


def multiplied(n: Net) -> None:
    n(
        "MatMul",
        n("ConstantOfShape", n.ints(2**12, 2**11)),
        n("ConstantOfShape", n.ints(2**11, 2**12)),
    )


def hot(n: Net) -> None:
    n("OneHot", n.const(np.zeros(2**16), np.int64), n.const(2**16, np.int64), n.const([0.0, 1.0]))


@pytest.mark.parametrize(
    "bomb",
    [shapes, a_range, expanded, tiled, padded, resized, gathered, doubled, multiplied, hot],
    ids=lambda bomb: bomb.__name__,
)
def test_constants_that_unfold(bomb: Callable[[Net], None], tmp_path: Path) -> None:
    n = Net([1, 3, 8, 8])
    bomb(n)
    n("Relu", n.conv("image", 3, 4), out="y")
    words = refused(n.model("y"), tmp_path)
    assert "large" in words or "not known" in words or "malformed" in words


def test_what_exporters_compute_is_still_folded(tmp_path: Path) -> None:
    n = Net([1, 2, 4, 4])
    rows = n("Gather", n("Shape", "image"), n.const(2, np.int64))
    grid = n("Range", n.const(0, np.int64), rows, n.const(1, np.int64))
    grid = n("Reshape", n("Cast", grid, to=1), n.ints(1, 1, 4, 1))
    n("Add", "image", n("Expand", grid, n.ints(1, 2, 4, 4)), out="y")
    path = n.save(tmp_path, "y")
    assert load(path).graph.nodes


def functions(count: int, calls: int, last: str = "Relu") -> onnx.ModelProto:
    """f0 calls f1 so often, f1 calls f2, ..."""
    model = net().model("y")
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    for level in range(count):
        target = ("local", f"f{level + 1}") if level + 1 < count else ("", last)
        if target[1].startswith("f"):
            target = ("local", target[1])
        names = ["a", *(f"b{i}" for i in range(calls))]
        body = [
            helper.make_node(target[1], [names[i]], [names[i + 1]], domain=target[0])
            for i in range(calls)
        ]
        made = helper.make_function("local", f"f{level}", ["a"], [names[-1]], body, opsets)
        model.functions.append(made)
    model.opset_import.append(opsets[1])
    model.graph.node.append(helper.make_node("f0", ["y"], ["z"], domain="local"))
    model.graph.output[0].name = "z"
    return model


def test_functions_that_call_each_other(tmp_path: Path) -> None:
    assert "nodes" in refused(functions(40, 2), tmp_path)
    assert "calls itself" in refused(functions(3, 1, last="f0"), tmp_path)
    assert "calls itself" in refused(functions(500, 1), tmp_path)
    path = tmp_path / "net.onnx"
    path.write_bytes(functions(4, 2).SerializeToString())
    assert len(load(path).graph.nodes) == 1 + 1 + 2**4


def test_more_nodes_than_any_network_has(tmp_path: Path) -> None:
    n = net()
    node = helper.make_node("Relu", ["image"], ["r"])
    model = n.model("y")
    model.graph.node.extend([node] * (MOST_NODES + 1))
    assert f"{MOST_NODES:,}" in refused(model, tmp_path)
    model = n.model("y")
    model.graph.node.append(helper.make_node("Concat", ["image"] * 200_000, ["c"], axis=1))
    assert "200,0" in refused(model, tmp_path)


def test_more_operations_than_are_planned(tmp_path: Path) -> None:
    n, x = Net([1, 1, 2, 2]), "image"
    for _ in range(2100):
        x = n("Tanh", x)
    assert "2,001 operations" in refused(n.model(x), tmp_path)


def test_names_that_are_no_text_or_no_names(tmp_path: Path) -> None:
    n = Net([1, 3, 8, 8])
    for name in ("c@nv", "n@me"):
        n.nodes.append(helper.make_node("Relu", ["image"], ["c@nv"], name=name))
        content = (
            n.model("c@nv")
            .SerializeToString()
            .replace(name.encode(), name[0].encode() + b"\xe9" + name[2:].encode())
        )
        assert "not UTF-8" in refused(content, tmp_path)
        n.nodes.clear()
    long = Net([1, 3, 8, 8])
    long("Relu", "image", out="y" * 10_000)
    assert "10,000 characters" in refused(long.model("y" * 10_000), tmp_path)


def test_networks_that_compute_nothing(tmp_path: Path) -> None:
    n = Net([1, 3, 8, 8])
    n("Identity", "image", out="y")
    assert "computes nothing" in refused(n.model("y"), tmp_path)
    n = Net([1, 1, 8, 8])
    n("Reshape", "image", n.ints(1, 64), out="y")
    assert "computes nothing" in refused(n.model("y"), tmp_path)


def test_a_quantized_network_of_constants(tmp_path: Path) -> None:
    n = Net([1, 3, 8, 8])
    n("QuantizeLinear", n.const(np.zeros(4)), n.const(0.1), n.const(0, np.int8), out="q")
    assert "constant" in refused(n.model("q"), tmp_path)


def test_an_input_that_is_left_out(tmp_path: Path) -> None:
    n = net()
    n("Transpose", n("Transpose", ""))
    assert "input 0 is missing" in refused(n.model("y"), tmp_path)


def external(path: Path, count: int, location: str, length: int) -> None:
    model = net().model("y")
    for number in range(count):
        tensor = numpy_helper.from_array(np.zeros(length, np.uint8), f"big{number}")
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
        model.graph.initializer.append(tensor)
    path.write_bytes(model.SerializeToString())


def test_one_data_file_for_many_tensors(tmp_path: Path) -> None:
    """20 MB sparse on disk, named a hundred times."""
    with (tmp_path / "weights.bin").open("wb") as stream:
        stream.truncate(20_000_000)
    external(tmp_path / "net.onnx", 100, "weights.bin", 20_000_000)
    with pytest.raises(ModelError, match="external data of more than"):
        load(tmp_path / "net.onnx")


def test_a_link_out_of_the_folder(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret").write_bytes(bytes(8))
    (inside / "weights.bin").symlink_to(tmp_path / "secret")
    (inside / "folder").symlink_to(tmp_path)
    for location in ("weights.bin", "folder/secret", "../secret", str(tmp_path / "secret")):
        external(inside / "net.onnx", 1, location, 8)
        with pytest.raises(ModelError, match="outside the model's folder"):
            load(inside / "net.onnx")


def test_many_outputs_take_no_more_than_their_number(tmp_path: Path) -> None:
    """Linear: four times the outputs take less than ten times the time."""
    seconds = []
    for count in (300, 1200):
        n = Net([1, 3, 4, 4])
        w = n.weights(3, 3, 1, 1)
        outputs = [n("Conv", "image", w) for _ in range(count)]
        path = n.save(tmp_path, *outputs)
        begin = time.process_time()
        assert len(load(path).graph.outputs) == count
        seconds.append(time.process_time() - begin)
    assert seconds[1] < 10 * seconds[0]
