"""Small files to mutate: every kind of operator and constant, float and quantized."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
from onnx import helper
from onnxruntime.quantization import QuantFormat, QuantType

from mcucc.ir import Quant
from tests.frontends.onnx_nets import Net
from tests.frontends.test_qdq import float_network, quantized
from tests.frontends.test_tflite_damage import small_network
from tests.litert_builder import LiteRTBuilder

LARGEST_FOREIGN = 60_000  # bytes of a file of the zoo that is mutated too


def seeds(folder: Path) -> tuple[list[bytes], list[bytes]]:
    """ONNX and .tflite files; `folder` is scratch. Those of MCUCC_ZOO too, where small."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx_files = [net.SerializeToString() for net in _float_nets()]
    path = folder / "float.onnx"
    float_network(path)
    for form, kind in (
        (QuantFormat.QDQ, QuantType.QInt8),
        (QuantFormat.QDQ, QuantType.QUInt8),
        (QuantFormat.QOperator, QuantType.QUInt8),
    ):
        onnx_files.append(quantized(path, folder, form, kind, True).read_bytes())
    tflite_files = [small_network(), _tflite_moves()]
    zoo = Path(os.environ.get("MCUCC_ZOO", "/nonexistent"))
    for suffix, files in ((".onnx", onnx_files), (".tflite", tflite_files)):
        for foreign in sorted(zoo.rglob(f"*{suffix}")):
            if foreign.stat().st_size <= LARGEST_FOREIGN:
                files.append(foreign.read_bytes())
    return onnx_files, tflite_files


def _float_nets() -> list[onnx.ModelProto]:
    return [_classifier(), _shapes(), _folded(), _elementwise(), _resized(), _function()]


def _classifier() -> onnx.ModelProto:
    n = Net([1, 3, 8, 8])
    x = n("Relu", n.batch_norm(n.conv("image", 3, 4), 4))
    x = n("Clip", n.conv(x, 4, 4, group=4), n.const(0.0), n.const(6.0))
    x = n("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = n("AveragePool", x, kernel_shape=[2, 2], pads=[1, 1, 0, 0])
    x = n("Flatten", n("GlobalAveragePool", x))
    x = n("Gemm", x, n.weights(2, 4), n.weights(2), transB=1)
    return n.model(n("Softmax", x))


def _shapes() -> onnx.ModelProto:
    n = Net([1, 4, 6, 6])
    a = n("Slice", "image", n.ints(0), n.ints(2), n.ints(1))
    b = n("Slice", "image", n.ints(2), n.ints(4), n.ints(1), n.ints(1))
    x = n("Concat", b, a, axis=1)
    x = n("Pad", x, n.ints(0, 0, 1, 1, 0, 0, 1, 1), n.const(0.5))
    x = n("Transpose", n("Reshape", x, n.ints(1, 2, 2, 64)), perm=[0, 2, 1, 3])
    x = n("Reshape", x, n.ints(0, 4, 8, -1))
    x = n("Unsqueeze", n("Squeeze", n("ReduceMean", x, axes=[2, 3]), n.ints(2, 3)), n.ints(2))
    return n.model(n("MatMul", n("Transpose", x, perm=[0, 2, 1]), n.weights(4, 3)))


def _folded() -> onnx.ModelProto:
    """Constants computed at import, in the ways of exporters."""
    n = Net([1, 2, 4, 4])
    shape = n("Shape", "image")
    rows = n("Gather", shape, n.const(2, np.int64))
    ones = n("ConstantOfShape", n("Concat", n.ints(1, 2), n.ints(4, 4), axis=0))
    table = n("Cast", n("Range", n.const(0, np.int64), rows, n.const(1, np.int64)), to=1)
    grid = n("Expand", n("Reshape", table, n.ints(1, 1, 4, 1)), n.ints(1, 2, 4, 4))
    tiled = n("Tile", n("Unsqueeze", n.const(0.5), n.ints(0)), n.ints(1))
    x = n("Add", "image", n("Mul", n("Add", ones, grid), tiled))
    w = n("Transpose", n.node_const(np.ones((2, 3, 1, 1))), perm=[1, 0, 2, 3])
    return n.model(n("Conv", x, w))


def _elementwise() -> onnx.ModelProto:
    n = Net([1, 3, 5, 5])
    x = n.conv("image", 3, 3)
    y = n("Sigmoid", x)
    x = n("Add", n("Mul", x, y), n("Sub", "image", n.const(np.ones((3, 1, 1)))))
    x = n("PRelu", n("LeakyRelu", n("Tanh", x), alpha=0.2), n.weights(3, 1, 1))
    x = n("Max", x, n("HardSwish", n("Div", x, n.const(3.0))))
    first = n("Split", x, n.ints(1, 2), axis=1)
    n.nodes[-1].output.append("rest")
    return n.model(n("Neg", first), n("Elu", "rest"))


def _resized() -> onnx.ModelProto:
    n = Net([1, 2, 4, 4])
    x = n("Resize", "image", "", n.const([1, 1, 2, 2]), mode="nearest",
          coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip
    x = n("Resize", x, "", "", n.ints(1, 2, 5, 5), mode="linear")
    x = n("ConvTranspose", x, n.weights(2, 4, 2, 2), strides=[2, 2])
    return n.model(n("SpaceToDepth", n("DepthToSpace", x, blocksize=2), blocksize=2))


def _function() -> onnx.ModelProto:
    n = Net([1, 3, 8, 8], 18)
    n.nodes.append(helper.make_node("twice", [n.conv("image", 3, 4)], ["y"], domain="local"))
    body = [helper.make_node("Relu", ["a"], ["b"]), helper.make_node("Add", ["b", "b"], ["c"])]
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)]
    model = n.model("y")
    model.functions.append(helper.make_function("local", "twice", ["a"], ["c"], body, opsets))
    model.opset_import.append(opsets[1])
    return model


def _tflite_moves() -> bytes:
    """Operators that move values, and arithmetic of two activations."""
    b = LiteRTBuilder()
    q = Quant((0.1,), 0)
    x = b.tensor((1, 4, 4, 2), np.int8, q, name="image")

    def moved(shape: tuple[int, ...], scale: Quant = q) -> int:
        return b.tensor(shape, np.int8, scale)

    def ints(*values: int) -> int:
        return b.constant(np.array(values, np.int32))

    cut = moved((1, 2, 4, 2))
    b.op("SLICE", "SliceOptions", [x, ints(0, 1, 0, 0), ints(1, 2, 4, 2)], [cut])
    strided = moved((1, 2, 4, 2))
    steps = [ints(0, 0, 0, 0), ints(1, 4, 4, 2), ints(1, 2, 1, 1)]
    b.op("STRIDED_SLICE", "StridedSliceOptions", [x, *steps], [strided])
    joined = moved((1, 2, 4, 4))
    b.op("CONCATENATION", "ConcatenationOptions", [cut, strided], [joined], axis=3)
    shaped = moved((1, 4, 4, 2))
    b.op("RESHAPE", "ReshapeOptions", [joined, ints(1, 4, 4, 2)], [shaped], newShape=[1, 4, 4, 2])
    total = moved((1, 4, 4, 2), Quant((0.2,), 3))
    b.op("ADD", "AddOptions", [x, shaped], [total], fusedActivationFunction=1)
    big = moved((1, 8, 8, 2), Quant((0.2,), 3))
    b.op("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions", [total, ints(8, 8)], [big])
    mean = moved((1, 2), Quant((0.2,), 3))
    b.op("MEAN", "ReducerOptions", [big, ints(1, 2)], [mean], keepDims=False)
    data = np.arange(-3, 3, dtype=np.int8).reshape(3, 2)
    dense = moved((1, 3), Quant((0.5,), 1))
    w = b.constant(data, Quant((0.01,), 0))
    b.op("FULLY_CONNECTED", "FullyConnectedOptions", [mean, w, -1], [dense])
    return b.build([x], [dense])
