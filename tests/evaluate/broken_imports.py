"""Importers broken on purpose, one way at a time, and small networks on which it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from mcucc.frontends.onnx import registry as onnx_registry
from mcucc.frontends.onnx.context import Context as OnnxContext
from mcucc.frontends.onnx.converters import converters
from mcucc.frontends.qdq import attach as qdq_attach
from mcucc.frontends.qdq.context import Context as QdqContext
from mcucc.frontends.tflite import context as tflite_context
from mcucc.frontends.tflite import registry as tflite_registry
from mcucc.frontends.tflite.context import Context as TfliteContext
from mcucc.ir import Quant
from mcucc.ir.op import Op
from mcucc.numerics.fixed_point import RELU6, Clamp
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.leaky_relu import LeakyRelu
from mcucc.ops.pad import Pad
from tests.frontends.onnx_nets import Net
from tests.litert_builder import LiteRTBuilder

SIDE = 8
FORMS = ("float", "qdq", "tflite")
# A zero point is nothing that a float network has.
FAULTS = ("pad value", "zero point", "resize", "weights", "bias", "activation")
LESS = Clamp(0.0, 0.5)  # instead of ReLU6
Patch = pytest.MonkeyPatch


def float_file(folder: Path) -> Path:
    """Conv, LeakyRelu, Pad of a value, Resize, Conv."""
    n = Net([1, 3, SIDE, SIDE])
    x = n("LeakyRelu", n.conv("image", 3, 4), alpha=0.2)
    x = n("Pad", x, n.ints(0, 0, 1, 1, 0, 0, 1, 1), n.const(0.3))
    x = n("Resize", x, n.const([]), n.const([1.0, 1.0, 2.0, 2.0]), mode="nearest")
    return n.save(folder, n.conv(x, 4, 4, pads=[0] * 4))


class Pictures(CalibrationDataReader):
    """Random pictures for ONNX Runtime's quantizer."""

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        shape = (1, 3, SIDE, SIDE)
        self.left: Iterator[np.ndarray] = iter(rng.uniform(0, 1, (4, *shape)).astype(np.float32))

    def get_next(self) -> dict[str, np.ndarray] | None:
        picture = next(self.left, None)
        return None if picture is None else {"image": picture}


def qdq_file(folder: Path) -> Path:
    """The same by ONNX Runtime's quantizer."""
    path = folder / "quantized.onnx"
    kinds = {"activation_type": QuantType.QInt8, "weight_type": QuantType.QInt8}
    quantize_static(float_file(folder), path, Pictures(), quant_format=QuantFormat.QDQ, **kinds)
    return path


def tflite_file(folder: Path) -> Path:
    """The same with a fused ReLU6, as the converter would write it."""
    rng = np.random.default_rng(2)
    b = LiteRTBuilder()
    q = Quant((0.02,), 3)
    x = b.tensor((1, SIDE, SIDE, 3), np.int8, Quant((0.004,), -128), name="image")

    def conv(x: int, c: int, shape: tuple[int, ...], out: Quant, name: str, **fields: Any) -> int:
        weights = b.constant(
            rng.integers(-127, 128, (4, 3, 3, c)).astype(np.int8), Quant((0.01,) * 4, 0, 0)
        )
        bias = b.constant(
            rng.integers(500, 900, 4).astype(np.int32), Quant((0.01 * 0.02,) * 4, 0, 0)
        )
        y = b.tensor(shape, np.int8, out, name=name)
        b.op("CONV_2D", "Conv2DOptions", [x, weights, bias], [y], strideH=1, strideW=1, **fields)
        return y

    y = conv(x, 3, (1, SIDE, SIDE, 4), q, "first", fusedActivationFunction=3)
    sides = b.constant(np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32))
    value = b.constant(np.array([20], np.int8), q)
    padded = b.tensor((1, SIDE + 2, SIDE + 2, 4), np.int8, q, name="padded")
    b.op("PADV2", "PadV2Options", [y, sides, value], [padded])
    size = b.constant(np.array([2 * SIDE + 4] * 2, np.int32))
    large = b.tensor((1, 2 * SIDE + 4, 2 * SIDE + 4, 4), np.int8, q, name="large")
    b.op("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions", [padded, size], [large])
    last = conv(large, 4, (1, 2 * SIDE + 2, 2 * SIDE + 2, 4), Quant((0.2,), -7), "last", padding=1)
    path = folder / "net.tflite"
    path.write_bytes(b.build([x], [last]))
    return path


FILES: dict[str, Callable[[Path], Path]] = {
    "float": float_file,
    "qdq": qdq_file,
    "tflite": tflite_file,
}


def sabotage(patch: Patch, form: str, fault: str) -> None:
    """Break the importer of one form in one way, until `patch` is undone."""
    if fault == "zero point":
        _zero_point(patch, form, 9)
    elif fault == "one step":
        _zero_point(patch, form, 1)
    elif fault == "resize":
        _resize(patch, form)
    elif fault == "bias" and form == "qdq":  # it takes the file's integers, not the floats
        _lose_integer_bias(patch)
    elif form == "tflite":
        _emitted(patch, fault)
    else:
        _computed(patch, fault)


def _spoiled(op: Op, operands: Sequence[str], tensors: dict[str, Any], fault: str) -> Op:
    """The op as the broken importer makes it; constants are spoiled where they lie."""
    if fault == "pad value" and isinstance(op, Pad):
        return replace(op, value=op.value + 0.2)
    if fault == "activation" and isinstance(op, LeakyRelu):
        return LeakyRelu(0.5)
    if fault == "activation" and isinstance(op, Conv2d) and op.clamp == RELU6:
        return replace(op, clamp=LESS)
    if isinstance(op, Conv2d) and fault in ("weights", "bias"):
        name = operands[1 if fault == "weights" else 2]
        data = tensors[name].data
        spoiled = data.transpose(0, 2, 1, 3) if fault == "weights" else np.zeros_like(data)
        tensors[name] = replace(tensors[name], data=np.ascontiguousarray(spoiled))
    return op


def _computed(patch: Patch, fault: str) -> None:
    compute = OnnxContext.compute

    def broken(self: OnnxContext, node: Any, op: Op, inputs: Sequence[str], part: str = "") -> str:
        return compute(self, node, _spoiled(op, inputs, self.tensors, fault), inputs, part)

    patch.setattr(OnnxContext, "compute", broken)


def _emitted(patch: Patch, fault: str) -> None:
    emit = TfliteContext.emit

    def broken(self: TfliteContext, op: Op, inputs: list[str], output: Any) -> None:
        emit(self, _spoiled(op, inputs, self.tensors, fault), inputs, output)

    patch.setattr(TfliteContext, "emit", broken)


def _resize(patch: Patch, form: str) -> None:
    """It becomes the identity."""
    if form == "tflite":

        def same(ctx: TfliteContext, operator: Any) -> None:
            made = ctx.define(ctx.output_tensor(operator))
            ctx.merge(made, ctx.activation(operator), ctx.output_tensor(operator))

        patch.setitem(tflite_registry.CONVERTERS, "RESIZE_NEAREST_NEIGHBOR", same)
    else:
        converters()  # fills the table
        patch.setitem(onnx_registry.CONVERTERS, "Resize", lambda ctx, node: ctx.view(node, 0))


def _zero_point(patch: Patch, form: str, steps: int) -> None:
    """Of the last tensor: so many steps off."""
    if form == "tflite":
        per_tensor = tflite_context.per_tensor

        def other(tensor: Any) -> Quant:
            quant = per_tensor(tensor)
            moved = replace(quant, zero_point=quant.zero_point + steps)
            return moved if tensor.name == "last" else quant

        patch.setattr(tflite_context, "per_tensor", other)
        return
    quant = QdqContext.quant

    def moved(self: Any, node: Any, scale: int, zero: int, dtype: Any) -> Quant:
        found = quant(self, node, scale, zero, dtype)
        shift = steps if node.input(zero) == "conv_4_zero_point" else 0
        return replace(found, zero_point=found.zero_point + shift)

    patch.setattr(QdqContext, "quant", moved)


def _lose_integer_bias(patch: Patch) -> None:
    integer_weights = qdq_attach.integer_weights

    def lost(*operands: Any) -> list[Any]:
        weights, bias = integer_weights(*operands)
        return [weights, replace(bias, data=np.zeros_like(bias.data))]

    patch.setattr(qdq_attach, "integer_weights", lost)
