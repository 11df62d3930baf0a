"""Fields of a .tflite that are easily read as a wrong default: read as LiteRT does, or refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import flatbuffers
import numpy as np
import pytest
import tflite
from ai_edge_litert import schema_py_generated as schema

from mcucc.errors import McuccError
from mcucc.frontends.tflite.importer import import_tflite
from mcucc.ir import Quant
from tests.frontends.test_tflite_ops import agrees, lowered
from tests.litert_builder import LiteRTBuilder, run_litert

Q = Quant((0.05,), 3)
SHAPE = (1, 4, 4, 2)


class Convolution:
    """A 1x1 convolution with a bias, whose tables a test changes before it is written."""

    def __init__(self, scales: tuple[float, ...] = (0.01,)) -> None:
        rng = np.random.default_rng(0)
        self.builder = b = LiteRTBuilder()
        self.picture = rng.integers(-128, 128, SHAPE).astype(np.int8)
        self.values = rng.integers(-127, 128, (3, 1, 1, 2)).astype(np.int8)
        x = b.tensor(SHAPE, np.int8, Q)
        w = b.constant(self.values, Quant(scales, 0, 0))
        bias = b.constant(np.array([100, -50, 7], np.int32), Quant((0.0005,), 0))
        y = b.tensor((1, 4, 4, 3), np.int8, Quant((0.1,), 5))
        b.op("CONV_2D", "Conv2DOptions", [x, w, bias], [y], strideH=1, strideW=1)
        self.x, self.weights, self.bias, self.y = b.tensors
        self.options, self.code = b.operators[0].builtinOptions, b.codes[0]

    def buffer(self, tensor: Any) -> Any:
        return self.builder.buffers[tensor.buffer]

    def data(self) -> bytes:
        return self.builder.build([0], [3])


def agree(net: Convolution) -> None:
    agrees(net.data(), [net.picture])


def product(old: int, new: int) -> bytes:
    """MUL(x, x), its code in either field."""
    b = LiteRTBuilder()
    x, y = (b.tensor(SHAPE, np.int8, Q) for _ in range(2))
    b.op("MUL", None, [x, x], [y])
    b.codes[0].deprecatedBuiltinCode, b.codes[0].builtinCode = old, new
    return b.build([x], [y])


MUL = schema.BuiltinOperator.MUL


@pytest.mark.parametrize(("old", "new"), [(0, MUL), (MUL, 0), (MUL, MUL)])
def test_the_operator_is_the_larger_of_both_codes(old: int, new: int) -> None:
    data = product(old, new)
    agrees(data, [np.arange(-16, 16, dtype=np.int8).reshape(SHAPE)])
    assert [node.kernel.describe() for node in lowered(data).nodes] == ["Mul"]


def test_an_operator_beyond_127_by_its_new_code_alone() -> None:
    net = Convolution()
    net.builder.codes[0].deprecatedBuiltinCode = 0
    agree(net)


def test_weights_of_four_bits() -> None:
    """Packed two to a byte, the first in the lower half; an odd number of them per channel."""
    net = Convolution((0.01, 0.02, 0.03))
    small = (net.values.reshape(-1) // 16).astype(np.uint8) & 15
    net.weights.type = schema.TensorType.INT4
    net.buffer(net.weights).data = small[::2] | (small[1::2] << 4)
    agree(net)


def test_data_behind_the_flatbuffer() -> None:
    net = Convolution()
    buffer, weights = net.buffer(net.weights), net.values.tobytes()
    buffer.data, buffer.offset, buffer.size = None, 1 << 20, len(weights)
    size = len(net.data())
    buffer.offset = size + -size % 16
    data = net.data() + bytes(-size % 16) + weights
    agrees(data, [net.picture])
    with pytest.raises(McuccError, match=r"buffer \d ends at"):
        lowered(data[:-1])


Change = Callable[[Convolution], None]


def _set(part: str, **fields: Any) -> Change:
    def change(net: Convolution) -> None:
        target: Any = net
        for name in part.split("."):
            target = getattr(target, name)
        for name, value in fields.items():
            setattr(target, name, value)

    return change


def _details(net: Convolution) -> None:
    quantization = net.weights.quantization
    quantization.detailsType = schema.QuantizationDetails.CustomQuantization
    quantization.details = schema.CustomQuantizationT()


def _first_buffer(net: Convolution) -> None:
    net.builder.buffers[0], net.weights.buffer = net.buffer(net.weights), 0


REFUSED: list[tuple[Change, str]] = [
    (_set("code", version=99), "version 99 of it"),
    (_set("builder", version=2), "schema version 2"),
    (_set("x.quantization", zeroPoint=None), "1 scales and 0 zero points"),
    (_set("bias.quantization", zeroPoint=[5]), "zero point of the bias"),
    (_set("weights", externalBuffer=7), "in another file"),
    (_set("weights", isVariable=True), "not a constant"),
    (_set("weights", sparsity=schema.SparsityParametersT()), "is sparse"),
    (_set("weights.quantization", zeroPoint=[1]), "zero point is not 0"),
    (_set("options", padding=2), "padding of the kind 2"),
    (_set("options", fusedActivationFunction=4), "fused activation TANH"),
    (_set("options", dilationHFactor=0), "at least 1"),
    (_details, "details of a newer form"),
    (_first_buffer, "not a constant"),
]


@pytest.mark.parametrize(("change", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_means_something_else_is_refused(change: Change, words: str) -> None:
    net = Convolution()
    change(net)
    with pytest.raises(McuccError, match=words):
        lowered(net.data())


def test_the_default_of_every_field_left_out_is_litert_s() -> None:
    """No options at all: no fused activation, padding SAME."""
    b = LiteRTBuilder()
    x, a, y = (b.tensor(SHAPE, np.int8, Q) for _ in range(3))
    b.op("ADD", None, [x, x], [a])
    b.op("LEAKY_RELU", None, [a], [y])
    data = b.build([x], [y])
    agrees(data, [np.arange(-16, 16, dtype=np.int8).reshape(SHAPE)])


def test_the_newest_versions_are_those_litert_runs() -> None:
    """One version more of an operator, and LiteRT itself has none."""
    net = Convolution()
    net.code.version = 8
    agree(net)
    net.code.version = 9
    with pytest.raises(ValueError, match="Didn't find op"):
        run_litert(net.data(), [net.picture])
    with pytest.raises(McuccError, match="version 9 of it; the newest known is 8"):
        lowered(net.data())


def shared_tables(copies: int, size: int, field: str) -> bytes:
    """`copies` tensors that are one table, with a name, a shape or scales of `size` bytes."""
    b = flatbuffers.Builder(1 << 16)
    name = b.CreateString("n" * (size if field == "name" else 1))
    shape = b.CreateNumpyVector(np.ones(size // 4 if field == "shape" else 4, np.int32))
    scale = b.CreateNumpyVector(np.ones(size // 4 if field == "scale" else 1, np.float32))
    zero = b.CreateNumpyVector(np.zeros(size // 4 if field == "scale" else 1, np.int64))
    tflite.QuantizationParametersStart(b)
    tflite.QuantizationParametersAddScale(b, scale)
    tflite.QuantizationParametersAddZeroPoint(b, zero)
    quantization = tflite.QuantizationParametersEnd(b)
    tflite.TensorStart(b)
    tflite.TensorAddShape(b, shape)
    tflite.TensorAddType(b, tflite.TensorType.INT8)
    tflite.TensorAddName(b, name)
    tflite.TensorAddQuantization(b, quantization)
    table = tflite.TensorEnd(b)
    tensors = _vector(b, tflite.SubGraphStartTensorsVector, [table] * copies)
    first, second = (b.CreateNumpyVector(np.array([i], np.int32)) for i in (0, 1))
    tflite.SubGraphStart(b)
    tflite.SubGraphAddTensors(b, tensors)
    tflite.SubGraphAddInputs(b, first)
    tflite.SubGraphAddOutputs(b, second)
    graphs = _vector(b, tflite.ModelStartSubgraphsVector, [tflite.SubGraphEnd(b)])
    tflite.BufferStart(b)
    buffers = _vector(b, tflite.ModelStartBuffersVector, [tflite.BufferEnd(b)])
    tflite.ModelStart(b)
    tflite.ModelAddVersion(b, 3)
    tflite.ModelAddSubgraphs(b, graphs)
    tflite.ModelAddBuffers(b, buffers)
    b.Finish(tflite.ModelEnd(b), b"TFL3")
    return bytes(b.Output())


def _vector(b: Any, start: Callable[[Any, int], Any], tables: list[int]) -> Any:
    start(b, len(tables))
    for table in tables:
        b.PrependUOffsetTRelative(table)
    return b.EndVector()


@pytest.mark.parametrize(
    ("copies", "size", "field", "words"),
    [
        (200_000, 4, "name", "tensors, more than"),
        (15_000, 1_000_000, "name", "names are longer than"),
        (15_000, 1_000_000, "scale", "more than 2097152 numbers"),
        (15_000, 1_000_000, "shape", "axes"),
    ],
)
def test_one_table_named_many_times_is_bounded(
    tmp_path: Path, copies: int, size: int, field: str, words: str
) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(shared_tables(copies, size, field))
    start = time.perf_counter()
    with pytest.raises(McuccError, match=words):
        import_tflite(path)
    assert time.perf_counter() - start < 5


def test_a_box_beyond_the_tensor_is_one_short_message() -> None:
    b = LiteRTBuilder()
    x, y = (b.tensor(SHAPE, np.int8, Q) for _ in range(2))
    bounds = [b.constant(np.array(v, np.int32)) for v in ([1, 0, 0, 0], [2**31 - 1, 4, 4, 2])]
    b.op("SLICE", "SliceOptions", [x, *bounds], [y])
    with pytest.raises(McuccError) as error:
        lowered(b.build([x], [y]))
    assert len(str(error.value)) < 500


def test_weights_that_many_operators_share_are_in_memory_once() -> None:
    """Each reader of negative scales turned them over into a copy of its own."""
    b = LiteRTBuilder()
    first = b.tensor((1, 1, 1, 64), np.int8, Q)
    w = b.constant(np.ones((64, 64), np.int8), Quant((-0.01,) * 64, 0, 0))
    x = first
    for _ in range(5):
        y = b.tensor((1, 64), np.int8, Q)
        b.op("FULLY_CONNECTED", "FullyConnectedOptions", [x, w, -1], [y])
        x = y
    graph = imported(b.build([first], [x]))
    weights = {id(t.data) for t in graph.tensors.values() if t.data is not None}
    assert len(weights) == 1


def imported(data: bytes) -> Any:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "net.tflite"
        path.write_bytes(data)
        return import_tflite(path).graph
