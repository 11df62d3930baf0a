"""Float, float16 and hybrid .tflite files against LiteRT: every operator, and whole networks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcucc.errors import UnsupportedError
from mcucc.frontends.imported import Format, ImportedModel
from mcucc.frontends.load import load_model
from mcucc.ir import Quant
from mcucc.ir.float_run import evaluate_graph
from mcucc.oracles.float_session import FloatSession
from mcucc.passes.pipeline import optimize
from tests.litert_builder import LiteRTBuilder, run_litert

F32 = np.float32
SHAPE = (1, 6, 5, 4)


class Net:
    """A float .tflite of one input, an operator after the other."""

    def __init__(self, shape: Sequence[int] = SHAPE) -> None:
        self.b, self.rng = LiteRTBuilder(), np.random.default_rng(0)
        self.image = self.last = self.b.tensor(shape, F32, name="image")

    def constant(self, *shape: int) -> int:
        return self.b.constant(self.rng.normal(0, 0.5, shape).astype(F32))

    def ints(self, *values: int) -> int:
        return self.b.constant(np.array(values, np.int32))

    def op(
        self, kind: str, options: str | None, inputs: Sequence[int], shape: Sequence[int], **k: Any
    ) -> int:
        self.last = self.b.tensor(shape, F32)
        self.b.op(kind, options, inputs, [self.last], **k)
        return self.last

    def conv(self, x: int, channels: int, made: Sequence[int], **k: Any) -> int:
        weights = self.constant(made[-1], 3, 3, channels)
        fields = {"padding": 0, "strideW": 1, "strideH": 1} | k
        return self.op(
            "CONV_2D", "Conv2DOptions", [x, weights, self.constant(made[-1])], made, **fields
        )


def check(net: Net, folder: Path) -> ImportedModel:
    """The imported graph computes what LiteRT does, before and after the passes."""
    path = folder / "net.tflite"
    path.write_bytes(net.b.build([net.image], [net.last]))
    model = load_model(path)
    assert model.format is Format.TFLITE and not model.quantized
    port = model.inputs[0]
    value = net.rng.uniform(-1, 1, port.shape).astype(F32)
    (wanted,) = run_litert(path.read_bytes(), [value])
    for graph in (model.graph, optimize(model.graph)):
        found = evaluate_graph(graph, {port.tensor: port.in_graph(value)})
        made = model.outputs[0].in_file(found[graph.outputs[0]])
        np.testing.assert_allclose(made, wanted, rtol=1e-4, atol=1e-5)
    assert FloatSession(model).run([value])
    return model


UNARY = ("ABS", "EXP", "FLOOR", "HARD_SWISH", "LOGISTIC", "NEG", "RELU", "RELU6", "SIN")
UNARY += ("TANH", "SQUARE", "RELU_N1_TO_1", "COS")


@pytest.mark.parametrize("kind", UNARY)
def test_functions(kind: str, tmp_path: Path) -> None:
    net = Net()
    net.op(kind, None, [net.image], SHAPE)
    check(net, tmp_path)


@pytest.mark.parametrize("kind", ["SQRT", "RSQRT", "LOG"])
def test_functions_of_positive_values(kind: str, tmp_path: Path) -> None:
    net = Net()
    x = net.op("ABS", None, [net.image], SHAPE)
    x = net.op("ADD", "AddOptions", [x, net.b.constant(np.array([0.5], F32))], SHAPE)
    net.op(kind, None, [x], SHAPE)
    check(net, tmp_path)


@pytest.mark.parametrize("kind", ["ADD", "SUB", "MUL", "DIV", "MAXIMUM", "SQUARED_DIFFERENCE"])
@pytest.mark.parametrize("shape", [(4,), (1, 6, 1, 1), (1, 6, 5, 4)])
def test_constants(kind: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    net = Net()
    if kind == "MAXIMUM":
        shape = ()
    options = f"{kind.title()}Options" if kind in ("ADD", "SUB", "MUL", "DIV") else None
    constant = net.b.constant(net.rng.uniform(0.5, 1.5, shape).astype(F32))
    net.op(kind, options, [net.image, constant], SHAPE)
    check(net, tmp_path)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("activation", [0, 1, 3])
def test_convolutions(stride: int, padding: int, activation: int, tmp_path: Path) -> None:
    net = Net((1, 9, 8, 4))
    size = [-(-n // stride) if padding == 0 else (n - 3) // stride + 1 for n in (9, 8)]
    fields = {"padding": padding, "strideW": stride, "strideH": stride}
    made = (1, *size, 6)
    x = net.conv(net.image, 4, made, fusedActivationFunction=activation, **fields)
    weights, bias = net.constant(1, 3, 3, 12), net.constant(12)
    x = net.op(
        "DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", [x, weights, bias], (1, *size, 12),
        padding=0, strideW=1, strideH=1, depthMultiplier=2,
    )  # fmt: skip
    check(net, tmp_path)


def test_transposed_convolution(tmp_path: Path) -> None:
    net = Net()
    operands = [net.ints(1, 12, 10, 3), net.constant(3, 3, 3, 4), net.image, net.constant(3)]
    fields = {"padding": 0, "strideW": 2, "strideH": 2}
    net.op("TRANSPOSE_CONV", "TransposeConvOptions", operands, (1, 12, 10, 3), version=3, **fields)
    check(net, tmp_path)


def test_a_network_with_pools_and_a_classifier(tmp_path: Path) -> None:
    net = Net()
    fields = {"padding": 0, "strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2}
    x = net.op("AVERAGE_POOL_2D", "Pool2DOptions", [net.image], (1, 3, 3, 4), **fields)
    x = net.op("MAX_POOL_2D", "Pool2DOptions", [x], (1, 2, 2, 4), **fields)
    x = net.op("MEAN", "ReducerOptions", [x, net.ints(1, 2)], (1, 4))
    dense = [x, net.constant(3, 4), net.constant(3)]
    x = net.op("FULLY_CONNECTED", "FullyConnectedOptions", dense, (1, 3))
    net.op("SOFTMAX", "SoftmaxOptions", [x], (1, 3), beta=1.0)
    check(net, tmp_path)


def test_layouts(tmp_path: Path) -> None:
    """(1, C, H, W) in, as converters of PyTorch write it, and channels last after that."""
    net = Net((1, 4, 6, 5))
    x = net.op("TRANSPOSE", "TransposeOptions", [net.image, net.ints(0, 2, 3, 1)], SHAPE)
    x = net.conv(x, 4, (1, 6, 5, 6))
    x = net.op("MEAN", "ReducerOptions", [x, net.ints(2)], (1, 6, 1, 6), keepDims=True)
    x = net.op("MEAN", "ReducerOptions", [x, net.ints(1)], (1, 1, 1, 6), keepDims=True)
    net.op("RESHAPE", "ReshapeOptions", [x, net.ints(1, 6)], (1, 6))
    model = check(net, tmp_path)
    assert not [n for n in optimize(model.graph).nodes if n.op.kind == "Transpose"]


def test_joined_split_and_padded(tmp_path: Path) -> None:
    net = Net()
    parts = [net.b.tensor((1, 6, 5, 2), F32) for _ in range(2)]
    net.b.op("SPLIT", "SplitOptions", [net.ints(3), net.image], parts, numSplits=2)
    x = net.op("CONCATENATION", "ConcatenationOptions", parts[::-1], SHAPE, axis=3)
    widths = net.b.constant(np.array([[0, 0], [1, 2], [0, 1], [0, 0]], np.int32))
    x = net.op("PAD", "PadOptions", [x, widths], (1, 9, 6, 4))
    bounds = [net.ints(0, 1, 0, 0), net.ints(1, 9, 6, 4), net.ints(1, 2, 1, 1)]
    x = net.op("STRIDED_SLICE", "StridedSliceOptions", [x, *bounds], (1, 4, 6, 4))
    sizes = net.ints(8, 12)
    net.op(
        "RESIZE_BILINEAR", "ResizeBilinearOptions", [x, sizes], (1, 8, 12, 4), halfPixelCenters=True
    )
    check(net, tmp_path)


def small_convolution(net: Net, weights: int) -> None:
    """Of six channels, with these weights."""
    fields = {"padding": 0, "strideW": 1, "strideH": 1}
    operands = [net.image, weights, net.constant(6)]
    net.op("CONV_2D", "Conv2DOptions", operands, (1, 6, 5, 6), **fields)


def test_weights_in_float16(tmp_path: Path) -> None:
    net = Net()
    half = net.b.constant(net.rng.normal(0, 0.5, (6, 3, 3, 4)).astype(np.float16))
    weights = net.b.tensor((6, 3, 3, 4), F32)
    net.b.op("DEQUANTIZE", "DequantizeOptions", [half], [weights])
    small_convolution(net, weights)
    check(net, tmp_path)


@pytest.mark.parametrize(
    ("dtype", "quant"),
    [
        (np.int8, Quant((0.01,) * 6, 0, 0)),
        (np.int8, Quant((0.01,), 0)),
        (np.uint8, Quant((0.01,), 100)),
    ],
)
def test_hybrid_weights(dtype: type, quant: Quant, tmp_path: Path) -> None:
    """Their real values are imported, and LiteRT, given those, agrees."""
    net, limits = Net(), np.iinfo(dtype)
    integers = net.rng.integers(limits.min + 1, limits.max + 1, (6, 3, 3, 4)).astype(dtype)
    small_convolution(net, net.b.constant(integers, quant))
    path = tmp_path / "net.tflite"
    path.write_bytes(net.b.build([net.image], [net.last]))
    model = load_model(path)
    (node,) = [n for n in model.graph.nodes if n.op.kind == "Conv2d"]
    real = (integers.astype(int) - quant.zero_point) * np.float32(0.01)
    found = model.graph.tensors[node.inputs[1]].constant
    np.testing.assert_allclose(found, real, rtol=1e-6)
    value = net.rng.uniform(-1, 1, SHAPE).astype(F32)
    session = FloatSession(model)
    assert session.oracle == "LiteRT"
    port = model.inputs[0]
    found = evaluate_graph(model.graph, {port.tensor: value})
    for name, wanted in session.run([value]).items():
        np.testing.assert_allclose(found[name], wanted, rtol=1e-4, atol=1e-4)


def test_a_channels_first_picture_that_is_padded_first(tmp_path: Path) -> None:
    """Its rows, columns and channels are stored as a camera gives them; nothing is moved."""
    net = Net((1, 3, 6, 5))
    widths = net.b.constant(np.array([[0, 0], [0, 0], [1, 1], [1, 1]], np.int32))
    x = net.op("PAD", "PadOptions", [net.image, widths], (1, 3, 8, 7))
    x = net.op("TRANSPOSE", "TransposeOptions", [x, net.ints(0, 2, 3, 1)], (1, 8, 7, 3))
    net.conv(x, 3, (1, 6, 5, 6), padding=1)
    model = check(net, tmp_path)
    assert model.inputs[0].stored == (1, 6, 5, 3)
    assert not [n for n in optimize(model.graph).nodes if n.op.kind in ("Transpose", "Reshape")]


def test_a_picture_that_nothing_slides_over(tmp_path: Path) -> None:
    """It keeps its own order, (N, H, W, C)."""
    net = Net((1, 6, 5, 1))
    x = net.op("RESHAPE", "ReshapeOptions", [net.image, net.ints(1, 30)], (1, 30))
    dense = [x, net.constant(3, 30), net.constant(3)]
    net.op("FULLY_CONNECTED", "FullyConnectedOptions", dense, (1, 3))
    assert check(net, tmp_path).inputs[0].stored == (1, 6, 5, 1)


def test_what_is_not_compiled_is_named(tmp_path: Path) -> None:
    net = Net()
    net.op("UNIQUE", None, [net.image], SHAPE)
    path = tmp_path / "net.tflite"
    path.write_bytes(net.b.build([net.image], [net.last]))
    with pytest.raises(UnsupportedError, match="UNIQUE"):
        load_model(path)
