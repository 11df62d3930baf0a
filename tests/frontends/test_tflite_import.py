"""The TFLite frontend: ends, folding, and what it says of files it does not compile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcucc.errors import UnsupportedError
from mcucc.frontends.imported import ImportedModel
from mcucc.frontends.tflite.importer import import_tflite
from mcucc.ir import Quant
from mcucc.numerics.fixed_point import Rounding
from mcucc.ops.common.spatial import Pads
from mcucc.ops.conv2d import Conv2d
from mcucc.quantize.lower import lower
from tests.frontends.test_tflite_damage import small_network
from tests.litert_builder import LiteRTBuilder, run_litert

Q = Quant((0.05,), 3)


def imported(data: bytes, tmp_path: Path) -> ImportedModel:
    path = tmp_path / "net.tflite"
    path.write_bytes(data)
    return import_tflite(path)


def rejected(data: bytes, tmp_path: Path) -> str:
    with pytest.raises(UnsupportedError) as error:
        imported(data, tmp_path)
    return str(error.value)


def test_float_ends_around_an_int8_body(tmp_path: Path) -> None:
    model = imported(small_network(), tmp_path)
    (image,), (scores,) = model.inputs, model.outputs
    assert (image.name, image.tensor, image.dtype) == ("image", "image", np.float32)
    assert image.quant == Quant((float(np.float32(0.05)),), 3)
    assert (scores.name, scores.shape, scores.quant) == ("scores", (1, 4), Quant((1 / 256,), -128))
    assert {"image", "scores"} <= set(model.sources)


def test_float_inputs_round_as_litert_does(tmp_path: Path) -> None:
    """Values between, on and beyond the ties, infinities aside."""
    b = LiteRTBuilder()
    x, q = b.tensor((1, 400), np.float32), b.tensor((1, 400), np.int8, Q)
    b.op("QUANTIZE", "QuantizeOptions", [x], [q])
    other = b.tensor((1, 1, 1, 400), np.int8, Q)
    shape = b.constant(np.array([1, 1, 1, 400], dtype=np.int32))
    b.op("RESHAPE", "ReshapeOptions", [q, shape], [other])
    data = b.build([x], [other])
    (end,) = imported(data, tmp_path).inputs
    values = (np.arange(400, dtype=np.float32) - 200) * np.float32(0.025)
    (theirs,) = run_litert(data, [values[None]])
    np.testing.assert_array_equal(end.to_integers(values), theirs.reshape(-1))


def test_uint8_ends_are_int8_shifted_by_128(tmp_path: Path) -> None:
    b = LiteRTBuilder()
    outer, inner = Quant((0.05,), 131), Quant((0.05,), 3)
    x, q = (
        b.tensor((1, 4, 4, 2), np.uint8, outer, name="in"),
        b.tensor((1, 4, 4, 2), np.int8, inner),
    )
    b.op("QUANTIZE", "QuantizeOptions", [x], [q])
    y, out = b.tensor((1, 2, 2, 2), np.int8, inner), b.tensor((1, 2, 2, 2), np.uint8, outer)
    window = {"filterHeight": 2, "filterWidth": 2, "strideH": 2, "strideW": 2, "padding": 1}
    b.op("MAX_POOL_2D", "Pool2DOptions", [q], [y], **window)
    b.op("QUANTIZE", "QuantizeOptions", [y], [out])
    data = b.build([x], [out])
    model = imported(data, tmp_path)
    assert [node.op.kind for node in model.graph.nodes] == ["MaxPool"]
    (start,), (end,) = model.inputs, model.outputs
    quant = Quant((float(np.float32(0.05)),), 131 - 128)
    assert [(port.dtype, port.quant) for port in (start, end)] == [(np.uint8, quant)] * 2
    picture = np.random.default_rng(0).integers(0, 256, (1, 4, 4, 2)).astype(np.uint8)
    graph = lower(model.graph)
    ours = end.from_integers(graph.run({start.tensor: start.to_integers(picture)})[end.tensor])
    np.testing.assert_array_equal(ours, run_litert(data, [picture])[0])


def test_a_pad_before_a_convolution_is_its_padding(tmp_path: Path) -> None:
    graph = imported(small_network(), tmp_path).graph
    op = graph.nodes[0].op
    assert isinstance(op, Conv2d) and op.window.pads == Pads(1, 1, 1, 1)
    assert "Pad" not in {node.op.kind for node in graph.nodes}


def test_a_shape_computed_from_constants_is_folded(tmp_path: Path) -> None:
    """SHAPE, STRIDED_SLICE, PACK, RESHAPE: what Keras writes for Flatten."""
    b = LiteRTBuilder()
    x = b.tensor((1, 2, 2, 3), np.int8, Q)
    shape = b.tensor((4,), np.int32)
    b.op("SHAPE", "ShapeOptions", [x], [shape])
    ends = [b.constant(np.array([n], dtype=np.int32)) for n in (0, 1, 1)]
    batch = b.tensor((), np.int32)
    b.op("STRIDED_SLICE", "StridedSliceOptions", [shape, *ends], [batch], shrinkAxisMask=1)
    rest = b.constant(np.array(12, dtype=np.int32))
    packed = b.tensor((2,), np.int32)
    b.op("PACK", "PackOptions", [batch, rest], [packed], valuesCount=2, axis=0)
    y = b.tensor((1, 12), np.int8, Q)
    b.op("RESHAPE", None, [x, packed], [y])
    graph = imported(b.build([x], [y]), tmp_path).graph
    assert [node.op.kind for node in graph.nodes] == ["Reshape"]


def test_several_outputs_keep_their_order_and_names(tmp_path: Path) -> None:
    b = LiteRTBuilder()
    x = b.tensor((1, 8), np.int8, Q)
    first = b.tensor((1, 8), np.int8, Quant((1 / 256,), -128), name="gate")
    second = b.tensor((1, 8), np.int8, Quant((0.04,), 1), name="ramp")
    b.op("LOGISTIC", None, [x], [first])
    b.op("RELU", None, [x], [second])
    model = imported(b.build([x], [second, first]), tmp_path)
    assert [end.name for end in model.outputs] == ["ramp", "gate"]
    assert model.graph.outputs == ("ramp", "gate")


def one_convolution(x_type: type, w_type: type, bias_type: type = np.int32) -> bytes:
    def quant(kind: type) -> Quant | None:
        return None if kind is np.float32 else Quant((0.05,), 0)

    b = LiteRTBuilder()
    x = b.tensor((1, 4, 4, 2), x_type, quant(x_type))
    w = b.constant(np.ones((3, 1, 1, 2), w_type), quant(w_type))
    bias = b.constant(np.zeros(3, bias_type), quant(bias_type))
    y = b.tensor((1, 4, 4, 3), x_type, quant(x_type))
    b.op("CONV_2D", "Conv2DOptions", [x, w, bias], [y], strideH=1, strideW=1)
    return b.build([x], [y])


@pytest.mark.parametrize(
    ("types", "words"),
    [
        ((np.float32, np.float32, np.float32), "the network is float"),
        ((np.float32, np.int8, np.float32), "hybrid"),
    ],
)
def test_files_of_another_kind_say_which(
    tmp_path: Path, types: tuple[type, type, type], words: str
) -> None:
    message = rejected(one_convolution(*types), tmp_path)
    assert words in message
    assert "convert" in message or "quantize" in message
    assert "--outputs" not in message  # nothing before it would be any better


def test_custom_operators_and_control_flow_say_which(tmp_path: Path) -> None:
    b = LiteRTBuilder()
    x, y, z = (b.tensor((1, 8), np.int8, Q) for _ in range(3))
    b.op("CUSTOM", None, [x], [y])
    b.op("WHILE", None, [y], [z])
    message = rejected(b.build([x], [z]), tmp_path)
    assert "custom operator" in message and "control flow" in message


def test_all_unsupported_operators_are_in_one_list(tmp_path: Path) -> None:
    """What follows from another problem is not listed again."""
    b = LiteRTBuilder()
    x, a, c, d = (b.tensor((1, 8), np.int8, Q, name=f"t{i}") for i in range(4))
    b.op("SIN", None, [x], [a])
    b.op("RELU", None, [a], [c])
    b.op("ELU", None, [c], [d])
    message = rejected(b.build([x], [d]), tmp_path)
    assert "2 unsupported nodes" in message
    assert "t1 [SIN]" in message and "t3 [ELU]" in message


def test_a_batch_is_rejected(tmp_path: Path) -> None:
    b = LiteRTBuilder()
    x, y = b.tensor((2, 8), np.int8, Q), b.tensor((2, 8), np.int8, Q)
    b.op("RELU", None, [x], [y])
    assert "one picture" in rejected(b.build([x], [y]), tmp_path)


def test_negative_weight_scales_are_turned_over(tmp_path: Path) -> None:
    """(-s) * (-w): bit for bit the same channel, with a positive scale."""
    rng = np.random.default_rng(4)
    b = LiteRTBuilder()
    x = b.tensor((1, 6, 6, 4), np.int8, Q)
    weights = rng.integers(-127, 128, (8, 1, 1, 4)).astype(np.int8)
    scales = tuple(float(s) for s in rng.uniform(0.001, 0.02, 8) * rng.choice([-1, 1], 8))
    w = b.constant(weights, Quant(scales, 0, 0))
    bias = b.constant(rng.integers(-5000, 5000, 8).astype(np.int32), Quant(scales, 0, 0))
    y = b.tensor((1, 6, 6, 8), np.int8, Quant((0.1,), 0))
    b.op("CONV_2D", "Conv2DOptions", [x, w, bias], [y], strideH=1, strideW=1)
    data = b.build([x], [y])
    model = imported(data, tmp_path)
    assert min(model.graph.tensors[model.graph.nodes[0].inputs[1]].quantization.scale) > 0

    graph = lower(model.graph, Rounding.DOUBLE)
    picture = rng.integers(-128, 128, (1, 6, 6, 4)).astype(np.int8)
    ours = graph.run({graph.inputs[0]: picture})[graph.outputs[0]]
    np.testing.assert_array_equal(ours, run_litert(data, [picture])[0])


def test_a_bias_at_the_end_of_int32_moves_inwards(tmp_path: Path) -> None:
    """A dead channel of tiny scale: its output is the same for every input, before and after."""
    b = LiteRTBuilder()
    x = b.tensor((1, 4, 4, 2), np.int8, Q)
    w = b.constant(np.full((2, 1, 1, 2), 100, np.int8), Quant((1e-10, 0.01), 0, 0))
    bias = b.constant(np.array([-(2**31), 7], dtype=np.int32), Quant((5e-12, 5e-4), 0, 0))
    y = b.tensor((1, 4, 4, 2), np.int8, Quant((0.1,), 0))
    fields = {"strideH": 1, "strideW": 1, "fusedActivationFunction": 3}
    b.op("CONV_2D", "Conv2DOptions", [x, w, bias], [y], **fields)
    graph = lower(imported(b.build([x], [y]), tmp_path).graph)
    picture = np.random.default_rng(0).integers(-128, 128, (1, 4, 4, 2)).astype(np.int8)
    dead = graph.run({graph.inputs[0]: picture})[graph.outputs[0]][..., 0]
    assert (dead == 0).all()
