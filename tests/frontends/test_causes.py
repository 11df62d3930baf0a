"""Refused networks: one problem a cause, under names that the file has."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantFormat

from mcucc.errors import ModelError, Problem, UnsupportedError, causes
from mcucc.frontends.load import load_model
from mcucc.ir import Quant
from mcucc.ir.float_run import evaluate_graph
from mcucc.oracles.float_session import FloatSession
from tests.frontends.onnx_nets import Net
from tests.frontends.test_load import quantized
from tests.frontends.test_tflite_ops import Case


def refusal(path: Path, names: set[str]) -> UnsupportedError:
    """What is said of a file; every name in it is one of the file's."""
    with pytest.raises(UnsupportedError) as error:
        load_model(path, input_shapes=None)
    found = error.value
    assert {problem.node for problem in found.problems} <= names
    assert set(found.ends) <= names
    for word in re.findall(r"[\w/:]+\.[\w.]+", "; ".join(map(str, found.problems))):
        beginnings = [word[:dot] for dot, letter in enumerate(word) if letter == "."]
        assert word in names or not names.intersection(beginnings), word
    return found


def names_in(path: Path) -> set[str]:
    graph = onnx.load(str(path)).graph
    outputs = {name for node in graph.node for name in node.output}
    return outputs | {n.name for n in graph.node if n.name} | {v.name for v in graph.input}


FAULTS: dict[str, Callable[[Net, str], str]] = {
    "an operator": lambda n, x: n("Hardmax", x),
    "an attribute": lambda n, x: n.conv(x, 4, 4, group=3),
    "a mode": lambda n, x: n("Resize", x, "", n.const([1, 1, 2, 2]), mode="area"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("named", [True, False])
def test_one_fault_of_a_drawn_network_is_one_problem(
    tmp_path: Path, fault: str, seed: int, named: bool
) -> None:
    rng = np.random.default_rng(seed)
    n = Net([1, 4, 8, 8], seed=seed)
    x = n.conv("image", 4, 4)
    place = int(rng.integers(0, 4))
    ends = []
    for layer in range(4):
        kind = rng.choice(["Conv", "Relu", "Add", "Mean"])
        if layer == place:
            x = at_fault = FAULTS[fault](n, x)
        elif kind == "Conv":
            x = n.conv(x, 4, 4)
        elif kind == "Add":
            x = n("Add", x, n("Relu", x))
        elif kind == "Mean":
            ends.append(n("Sigmoid", x))
        else:
            x = n("Relu", x)
    path = n.save(tmp_path, x, *ends)
    if not named:
        model = onnx.load(str(path))
        for node in model.graph.node:
            node.name = ""
        onnx.save(model, str(path))
    (problem,) = refusal(path, names_in(path)).problems
    assert problem.node == (f"n_{at_fault}" if named else at_fault)


@pytest.mark.parametrize("shape", [(2, 2, 8, 8), (1, 2, 2, 8, 8)])
def test_many_that_refuse_one_shape_are_one_problem(tmp_path: Path, shape: tuple[int, ...]) -> None:
    n = Net([1, 4, 8, 8])
    x = n("Reshape", n.conv("image", 4, 4), n.ints(*shape), out="odd")
    ends = [n("MaxPool", n("Relu", x), kernel_shape=[1] * (len(shape) - 2)) for _ in range(3)]
    again = n("Reshape", n("Relu", x), n.ints(1, 4, 8, 8))
    path = n.save(tmp_path, *ends, n.conv(again, 4, 4), n("Hardmax", again))
    pool, sin = refusal(path, names_in(path)).problems
    assert (pool.op, pool.cause, sin.op, sin.cause) == ("MaxPool", "odd", "Hardmax", "")


def unquantized(model: onnx.ModelProto) -> str:
    """The pair behind the second layer goes: that layer and what follows compute in float."""
    quantize = [n for n in model.graph.node if n.op_type == "QuantizeLinear"][2]
    behind = next(n for n in model.graph.node if quantize.output[0] in n.input)
    for node in model.graph.node:
        node.input[:] = [quantize.input[0] if n == behind.output[0] else n for n in node.input]
    for node in (quantize, behind):
        model.graph.node.remove(node)
    return quantize.input[0]


def asymmetric(model: onnx.ModelProto) -> str:
    """The weights of one layer get a zero point."""
    conv = [n for n in model.graph.node if n.op_type == "Conv"][1]
    read = next(n for n in model.graph.node if n.output[0] == conv.input[1])
    tensor = next(t for t in model.graph.initializer if t.name == read.input[2])
    made = numpy_helper.from_array(numpy_helper.to_array(tensor) + np.int8(3), tensor.name)
    tensor.CopyFrom(made)
    return conv.output[0]


def dynamic(model: onnx.ModelProto) -> str:
    """One scale is computed by the network."""
    quantize = [n for n in model.graph.node if n.op_type == "QuantizeLinear"][1]
    quantize.input[1] = "image"
    return quantize.output[0]


@pytest.mark.parametrize("break_", [unquantized, asymmetric, dynamic], ids=lambda f: f.__name__)
@pytest.mark.parametrize("named", [True, False])
def test_one_fault_of_a_quantized_network_is_one_problem(
    tmp_path: Path, break_: Callable[[onnx.ModelProto], str], named: bool
) -> None:
    path = quantized(tmp_path, QuantFormat.QDQ, layers=3, opened=False)
    model = onnx.load(str(path))
    output = break_(model)
    node = next(n for n in model.graph.node if output in n.output)
    label, op = node.name if named else output, node.op_type
    for each in model.graph.node if not named else ():
        each.name = ""
    onnx.save(model, str(path))
    (problem,) = refusal(path, names_in(path)).problems
    assert (problem.node, problem.op) == (label, op)


def test_a_tail_in_float_is_ended_before(tmp_path: Path) -> None:
    path = quantized(tmp_path, QuantFormat.QDQ, layers=3, opened=False)
    model = onnx.load(str(path))
    last = model.graph.output[0].name
    model.graph.node.append(helper.make_node("Sigmoid", [last], ["scores"], "tail"))
    model.graph.node.append(helper.make_node("Mul", ["scores", last], ["gated"], "gate"))
    model.graph.output[0].name = "gated"
    onnx.save(model, str(path))
    found = refusal(path, names_in(path))
    assert [problem.node for problem in found.problems] == ["tail"]
    load_model(path, outputs=found.ends)


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("kind", ["COS", "CUSTOM", "rank"])
def test_one_fault_of_a_tflite_is_one_problem(tmp_path: Path, place: int, kind: str) -> None:
    case = Case(place)
    q = Quant((0.05,), 3)
    x = case.input((1, 8, 8, 4), q)
    first, y = x, x
    for layer in range(4):
        shape = (1, 8, 8, 4) if layer != place or kind != "rank" else (1, 8, 8, 2, 2)
        y = case.builder.tensor(shape, np.int8, q, name=f"layer{layer}")
        if layer == place and kind == "rank":
            case.builder.op("RESHAPE", None, [x, case.builder.constant(np.int32(shape))], [y])
        else:
            case.builder.op(kind if layer == place else "RELU", None, [x], [y])
        x = y
    path = tmp_path / "net.tflite"
    path.write_bytes(case.builder.build([first], [y]))
    names = {"net.tflite", *(f"layer{layer}" for layer in range(4))}
    (problem,) = refusal(path, names).problems
    # A shape of rank 5 is refused by what reads it.
    assert problem.node == f"layer{place + (kind == 'rank')}"
    assert ("in front" in problem.why) == (kind == "CUSTOM" and place == 0)


def test_an_open_batch_in_shapes_is_one_problem(tmp_path: Path) -> None:
    case = Case(1)
    q, b = Quant((0.05,), 3), case.builder
    x = case.input((1, 8, 8, 4), q)
    shape, batch, rest = (b.tensor((n,), np.int32) for n in (4, 1, 3))
    b.op("SHAPE", None, [x], [shape])
    b.op("UNIQUE", None, [shape], [batch])
    b.op("UNIQUE", None, [shape], [rest])
    product, target = b.tensor((1,), np.int32), b.tensor((2,), np.int32)
    b.op("REDUCE_ANY", None, [rest], [product])
    b.op("PACK", None, [batch, product], [target])
    y = b.tensor((1, 256), np.int8, q, name="flat")
    b.op("RESHAPE", None, [x, target], [y])
    path = tmp_path / "net.tflite"
    path.write_bytes(b.build([x], [y]))
    with pytest.raises(UnsupportedError) as error:
        load_model(path)
    (problem,) = error.value.problems
    assert "fixed batch" in problem.hint


def test_a_decoder_in_front_is_called_one(tmp_path: Path) -> None:
    n = Net([1, 3, 8, 8])
    n.inputs = [helper.make_tensor_value_info("file", TensorProto.UINT8, ["n"])]
    n.nodes.append(helper.make_node("ImageDecoder", ["file"], ["pixels"], "decode"))
    model = n.model(n.conv("pixels", 3, 4))
    onnx.save(model, str(tmp_path / "net.onnx"))
    with pytest.raises(
        ModelError, match=r"a decoder of pictures, decode \[ImageDecoder\]"
    ) as error:
        load_model(tmp_path / "net.onnx")
    assert "Cast" not in str(error.value)


def test_a_constant_output_is_named_and_not_computed(tmp_path: Path) -> None:
    n = Net([1, 3, 8, 8])
    anchors = n("Tile", n.const([[1.0, 2.0]]), n.ints(3, 1), out="anchors")
    path = n.save(tmp_path, anchors, n.conv("image", 3, 4, out="scores"))
    model = load_model(path)
    assert model.graph.outputs == ("scores",)
    assert [port.name for port in model.outputs] == ["scores"]
    np.testing.assert_array_equal(model.constants["anchors"].values, [[1.0, 2.0]] * 3)
    (picture,) = (np.ones(port.stored, np.float32) for port in model.ports)
    (truth,) = FloatSession(model).run([picture]).values()
    made = evaluate_graph(model.graph, {"image": picture})["scores"]
    np.testing.assert_allclose(made, truth, rtol=1e-5, atol=1e-5)


def test_what_reads_a_lost_value_is_silent(tmp_path: Path) -> None:
    """Lengths of a value of unknown shape are not known either, which is nobody's fault."""
    n = Net([1, 3, 8, 8], 18)
    lost = n("NonZero", "image")
    length = n("Gather", n("Shape", lost), n.const(np.array([1])))
    x = n("Expand", n("Cast", length, to=TensorProto.FLOAT), n.ints(1, 4))
    path = n.save(tmp_path, n("Hardmax", x))
    (problem,) = refusal(path, names_in(path)).problems
    assert problem.op == "NonZero"


def test_problems_alike_are_one_line(tmp_path: Path) -> None:
    """Nodes of one operator and one reason, whatever shapes they read."""
    n = Net([1, 3, 8, 8])
    x = n("RequantShift", n.conv("image", 3, 4))
    with pytest.raises(UnsupportedError) as error:
        load_model(n.save(tmp_path, n("RequantShift", n.conv(x, 4, 2, 3))))
    text = str(error.value)
    assert len(error.value.problems) == 2
    assert text.count("no operator of ONNX") == 1
    assert ", and 1 more RequantShift" in text


@pytest.mark.parametrize(
    ("domain", "what"),
    [("org.pytorch.aten", "an operator of PyTorch"), ("com.example", "domain com.example")],
)
def test_operators_of_others_are_named(tmp_path: Path, domain: str, what: str) -> None:
    n = Net([1, 3, 8, 8])
    x = n.conv("image", 3, 4)
    n.nodes.append(helper.make_node("ATen", [x], ["y"], "odd", domain=domain))
    path = n.save(tmp_path, "y")
    (problem,) = refusal(path, names_in(path)).problems
    assert what in problem.why
    assert problem.hint


def test_problems_of_one_cause_are_one() -> None:
    a = Problem("a", "Hardmax", "unknown")
    follows = [Problem(name, "Add", "shape", cause="a") for name in "bc"]
    batch = [Problem(name, "Pack", "shape", cause="open batch") for name in "de"]
    assert causes([a, *follows, *batch]) == (a, batch[0])


@pytest.mark.parametrize("by", ["Gather", "Slice"])
def test_swapped_channels_are_the_tomls_business(tmp_path: Path, by: str) -> None:
    n = Net([1, 3, 8, 8])
    if by == "Gather":
        x = n("Gather", "image", n.ints(2, 1, 0), axis=1)
    else:
        x = n("Slice", "image", n.ints(-1), n.ints(-4), n.ints(1), n.ints(-1))
    (problem,) = refusal(n.save(tmp_path, n.conv(x, 3, 4)), {"image", f"n_{x}"}).problems
    assert 'channels = "bgr"' in problem.hint


def test_half_wide_constants_have_a_hint(tmp_path: Path) -> None:
    n = Net([1, 3, 8, 8])
    n.initializers.append(helper.make_tensor("w", TensorProto.BFLOAT16, [4, 3, 1, 1], [0.5] * 12))
    path = n.save(tmp_path, n("Conv", "image", "w"))
    with pytest.raises(ModelError, match="'w' of type bfloat16") as error:
        load_model(path)
    assert "float32" in error.value.hint
