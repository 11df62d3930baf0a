"""`--outputs`: networks that end where the user says, equal to their oracles at the same cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnxruntime.quantization import QuantFormat

from mcucc.errors import ModelError, UnsupportedError
from mcucc.frontends.imported import ImportedModel
from mcucc.frontends.load import ending_at, import_file, load_model, read_file
from mcucc.ir import Quant
from mcucc.numerics.fixed_point import Rounding
from mcucc.oracles.exact_session import exact_session
from mcucc.quantize.lower import lower
from tests.frontends.onnx_nets import Net, outputs_of, runtime
from tests.frontends.test_load import quantized
from tests.frontends.test_tflite_ops import Case, agrees, lowered
from tests.litert_builder import run_litert

SHAPE = (1, 3, 12, 12)


def detector(folder: Path) -> Path:
    """Two heads, decoded by what mcucc does not compile and by a custom operator."""
    n = Net([1, 3, 12, 12])
    n.inputs.append(helper.make_tensor_value_info("scale", TensorProto.FLOAT, [1]))
    x = n("Relu", n.conv("image", 3, 6, out="stem"), out="features")
    boxes, scores = n.conv(x, 6, 4, 1, out="boxes"), n.conv(x, 6, 2, 1, out="logits")
    best = n("ArgMax", n("Hardmax", n("Softmax", scores, axis=1)), axis=1)
    n("Mul", n("Exp", n("Cos", boxes)), "scale", out="decoded")
    n.nodes.append(helper.make_node("NMS", ["decoded", best], ["found"], "nms", domain="vendor"))
    model = n.model("found")
    model.opset_import.append(helper.make_opsetid("vendor", 1))
    path = folder / "net.onnx"
    onnx.save(model, str(path))
    return path


def names_of(imported: ImportedModel) -> tuple[str, ...]:
    """The outputs as the file calls them."""
    return tuple(port.name for port in imported.outputs)


def test_a_detector_ends_at_its_heads(tmp_path: Path) -> None:
    path = detector(tmp_path)
    with pytest.raises(ModelError):
        load_model(path)
    imported = load_model(path, outputs=["boxes,logits"])
    assert not imported.quantized
    assert names_of(imported) == ("boxes", "logits")
    assert imported.graph.inputs == ("image",)
    assert {node.op.kind for node in imported.graph.nodes} == {"Conv2d", "Clip"}
    picture = np.random.default_rng(1).normal(0, 1, SHAPE).astype(np.float32)
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(read_file(path, ["boxes", "logits"]).content)
    ours = outputs_of(imported, imported.graph, {"image": picture})
    for name, theirs in zip(("boxes", "logits"), runtime(cut, {"image": picture}), strict=True):
        value = ours[name].transpose(np.argsort(imported.sources[name].permutation))
        np.testing.assert_allclose(value, theirs, rtol=1e-4, atol=1e-5)


def test_what_follows_from_the_shape_of_a_cut_tensor_alone_stays(tmp_path: Path) -> None:
    """Anchors of ST's detectors are tiled by the shape of the map that has their numbers."""
    n = Net([1, 3, 12, 12])
    boxes = n.conv("image", 3, 4, 1, out="boxes")
    sides = n("Slice", n("Shape", boxes), n.ints(2), n.ints(4))
    times = n("Concat", n.ints(1, 1), sides, axis=0)
    n("Tile", n.const(np.full((1, 4, 1, 1), 0.5)), times, out="anchors")
    n("Exp", boxes, out="decoded")
    file = read_file(n.save(tmp_path, "decoded", "anchors"))
    cut, inner = ending_at(file, {"boxes": "output.boxes.heads[0].boxes"})
    assert inner == {"boxes": "boxes"}
    assert import_file(cut).constants["anchors"].values.shape == (1, 4, 12, 12)


def test_what_is_refused_behind_a_network_is_told_with_where_to_end_it(tmp_path: Path) -> None:
    n = Net([1, 3, 12, 12])
    x = n("Relu", n.conv("image", 3, 6))
    boxes, scores = n.conv(x, 6, 4, 1, out="boxes"), n.conv(x, 6, 2, 1, out="logits")
    path = n.save(tmp_path, n("Hardmax", boxes), n("NonZero", scores))
    with pytest.raises(UnsupportedError) as error:
        load_model(path)
    assert error.value.ends == ("boxes", "logits")
    assert "--outputs boxes,logits" in error.value.hint
    assert names_of(load_model(path, outputs=error.value.ends)) == error.value.ends


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("boxs", "no tensor 'boxs' .*boxes"),
        ("image", "'image' is an input"),
        ("const_0", "'const_0' is a constant"),
        (",", "no name"),
    ],
)
def test_names_that_cannot_be_ends(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ModelError, match=words) as error:
        load_model(detector(tmp_path), outputs=[name])
    assert "--outputs NAME,..." in error.value.hint


def test_every_wrong_name_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"'boxs'.*'logit'"):
        load_model(detector(tmp_path), outputs=["boxs", "logits", "logit"])


def values_of(path: Path, name: str, picture: np.ndarray) -> np.ndarray:
    """An output of a quantized network as the file would give it, cut at `name`."""
    imported = load_model(path, input_shapes={"image": SHAPE}, outputs=[name])
    assert imported.quantized
    (begin,), (end,) = imported.inputs, imported.outputs
    graph = lower(imported.graph, Rounding.DOUBLE)
    q = graph.run({begin.tensor: begin.integers(picture)[None]})[end.tensor]
    return end.from_integers(end.in_file(q))


@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator])
def test_either_side_of_a_quantization_may_be_named(tmp_path: Path, form: QuantFormat) -> None:
    path = quantized(tmp_path, form, layers=3)
    model = onnx.load(str(path))
    picture = np.random.default_rng(2).uniform(-1, 1, SHAPE).astype(np.float32)
    sides = [n.output[0] for n in model.graph.node if n.op_type != "DequantizeLinear"]
    sides += [n.output[0] for n in model.graph.node if n.op_type == "DequantizeLinear"]
    inner = [n for n in sides if not n.startswith(("const", "image")) and "const" not in n]
    assert len(inner) >= 4
    for name in inner:
        cut = onnx.load_model_from_string(read_file(path, [name]).content)
        (theirs,) = exact_session(cut).run(None, {"image": picture})
        ours = values_of(path, name, picture)
        assert ours.dtype == theirs.dtype
        step = 1 if theirs.dtype.kind in "iu" else np.abs(theirs).max() / 50
        assert np.abs(ours.astype(np.float64) - theirs).max() <= step * 1.01, name
        assert ours.std() > 0


def three_layers(custom: bool) -> tuple[Case, bytes]:
    """RELU, LOGISTIC, then what only the vendor knows."""
    case = Case(3)
    x = case.input((1, 4, 4, 3), Quant((0.05,), -3))
    y = case.builder.tensor((1, 4, 4, 3), np.int8, Quant((0.05,), -3), name="first")
    z = case.builder.tensor((1, 4, 4, 3), np.int8, Quant((1 / 256,), -128), name="second;same")
    end = case.builder.tensor((1, 4, 4, 3), np.int8, Quant((1 / 256,), -128), name="end")
    case.builder.op("RELU", None, [x], [y])
    case.builder.op("LOGISTIC", None, [y], [z])
    case.builder.op("COS" if custom else "RELU", None, [z], [end])
    return case, case.builder.build([x], [end])


@pytest.mark.parametrize("names", [["first"], ["second;same"], ["second;same", "first"]])
def test_a_tflite_ends_where_it_is_told(tmp_path: Path, names: list[str]) -> None:
    case, data = three_layers(custom=True)
    path = tmp_path / "net.tflite"
    path.write_bytes(data)
    with pytest.raises(UnsupportedError):
        load_model(path)
    imported = load_model(path, outputs=names)
    assert list(names_of(imported)) == names
    assert len(imported.graph.nodes) == (1 if names == ["first"] else 2)
    agrees(read_file(path, names).content, case.data)


def test_a_cut_tflite_computes_what_the_whole_one_does(tmp_path: Path) -> None:
    case, data = three_layers(custom=False)
    path = tmp_path / "net.tflite"
    path.write_bytes(data)
    cut = read_file(path, ["second;same"]).content
    graph, whole = lowered(cut), lowered(data)
    feed = {graph.inputs[0]: case.data[0]}
    np.testing.assert_array_equal(
        graph.run(feed)[graph.outputs[0]], whole.run({whole.inputs[0]: case.data[0]})["second;same"]
    )
    assert len(run_litert(cut, case.data)) == 1


def test_a_name_that_a_tflite_does_not_have(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(three_layers(custom=False)[1])
    with pytest.raises(ModelError, match=r"no tensor 'secnd' .*second;same"):
        load_model(path, outputs=["secnd"])


def heads_and_embedding(folder: Path) -> Path:
    """A map inside, what follows from it, and an output of its own."""
    n = Net([1, 3, 12, 12])
    x = n("Relu", n.conv("image", 3, 6), out="features")
    decoded = n("Exp", n.conv(x, 6, 4, 1, out="raw"), out="decoded")
    vector = n("GlobalAveragePool", x, out="vector")
    return n.save(folder, decoded, vector)


def test_an_inner_tensor_is_an_end_and_what_follows_from_it_is_gone(tmp_path: Path) -> None:
    file = read_file(heads_and_embedding(tmp_path))
    same, ends = ending_at(file, {"vector": "output.embedding.tensor"})
    assert same is file and ends == {} and not file.cut
    made, ends = ending_at(file, {"raw": "output.boxes.heads[0].tensor"})
    assert ends == {"raw": "raw"} and made.cut and made.sha256 == file.sha256
    assert names_of(import_file(made)) == ("vector", "raw")
    made, _ = ending_at(file, {"raw": "a", "decoded": "b"})
    assert names_of(import_file(made)) == ("decoded", "vector", "raw")


def test_an_inner_tensor_of_a_tflite_is_an_end_too(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(three_layers(custom=True)[1])
    made, ends = ending_at(read_file(path), {"first": "output.mask.tensor"})
    assert ends == {} and made.cut
    assert names_of(import_file(made)) == ("first",)


@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator])
def test_an_inner_tensor_of_a_quantized_file_is_what_it_is_quantized_to(
    tmp_path: Path, form: QuantFormat
) -> None:
    file = read_file(quantized(tmp_path, form, layers=3))
    nodes = file.parsed.graph.node
    name = [n.output[0] for n in nodes if n.op_type in ("Conv", "QLinearConv")][1]
    made, ends = ending_at(file, {name: "output.mask.tensor"})
    assert ends[name] in names_of(import_file(made, {"image": SHAPE}))


def test_a_wrong_inner_tensor_is_told_with_its_key(tmp_path: Path) -> None:
    file = read_file(heads_and_embedding(tmp_path))
    with pytest.raises(ModelError, match=r"output.mask.tensor: there is no tensor 'row' .*raw"):
        ending_at(file, {"row": "output.mask.tensor"})
