"""uint8 files of TensorFlow 1: activations as int8, wide weights as the sum of two int8 ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mcucc.frontends.tflite.context import INT8, Array, Context
from mcucc.frontends.tflite.file import FileTensor, TfliteFile
from mcucc.frontends.tflite.kinds import WEIGHTED
from mcucc.ir.op import Op
from mcucc.ir.tensor import Quant, Tensor
from mcucc.numerics.fixed_point import INT8_MAX, INT8_MIN
from mcucc.ops.requantize import Requantize
from mcucc.ops.reshape import Reshape
from mcucc.ops.resize_nearest import ResizeNearest

# Operators whose uint8 kernels are LiteRT's int8 ones but for the shift by 128, by drawn cases.
COMPILED = frozenset(
    {
        "AVERAGE_POOL_2D",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "DEQUANTIZE",
        "MAX_POOL_2D",
        "RESHAPE",
        "SOFTMAX",
        "SQUEEZE",
    }
)
_SHIFT = 128


def is_unsigned(file: TfliteFile) -> bool:
    """Whether a layer of the file has weights of uint8."""
    return any(
        file.tensors[op.inputs[1]].type_name == "UINT8"
        for op in file.operators
        if op.kind in WEIGHTED and len(op.inputs) > 1 and op.inputs[1] >= 0
    )


def refused(file: TfliteFile) -> Iterator[str]:
    """What a uint8 file uses that is not compiled exactly."""
    for kind in sorted({op.kind for op in file.operators} - COMPILED):
        yield f"{kind} of uint8"
    if any(t.dtype == INT8 and t.scale for t in file.tensors):
        yield "int8 beside uint8"


def as_int8(file: TfliteFile) -> TfliteFile:
    """The same file with every quantized uint8 tensor as int8: values and zero points less 128."""
    return replace(file, tensors=tuple(_shifted(tensor) for tensor in file.tensors))


def _shifted(tensor: FileTensor) -> FileTensor:
    if tensor.dtype != np.uint8 or not tensor.scale:
        return tensor
    data = tensor.data
    if data is not None:
        data = (data.astype(np.int16) - _SHIFT).astype(np.int8)
    points = tuple(point - _SHIFT for point in tensor.zero_point)
    return replace(tensor, type_name="INT8", dtype=INT8, zero_point=points, data=data)


def fits_int8(data: Array) -> bool:
    """Whether weights less their zero point are int8."""
    return int(data.min()) >= INT8_MIN and int(data.max()) <= INT8_MAX


def halved(ctx: Context, x: Tensor, data: Array) -> tuple[Tensor, Array]:
    """`x` with every channel twice, and int8 weights for both that add up to `data` (-255..255).

    `data` is (C_out, KH, KW, C_in of a group). The sum of a window is the same integer.
    """
    twice = ctx.between(f"{x.name}_twice", x, (*x.shape[:3], 2 * x.shape[3]), x.quantization)
    ctx.emit(ResizeNearest(1, 1, 2), [x.name], twice)
    first = data >> 1
    pairs = np.stack([first, data - first], axis=-1).astype(np.int8)
    return twice, pairs.reshape(*data.shape[:3], -1)


def unsigned_pool(ctx: Context, op: Op, x: Tensor, y: Tensor) -> None:
    """A pool whose halves are rounded up, as those of unsigned sums are: on int16 from 0 to 255."""
    scale = x.quantization.scale
    bytes_of = Quant(scale, INT8_MIN)
    size = op.infer([x.type]).shape
    raw = ctx.relabelled(x, bytes_of)
    wide = _int16(ctx, f"{x.name}_wide", x.shape, scale)
    ctx.emit(Requantize(), [raw.name], wide)
    pooled = _int16(ctx, f"{y.name}_wide", size, scale)
    ctx.emit(op, [wide.name], pooled)
    made = ctx.between(f"{y.name}_bytes", raw, size, bytes_of)
    ctx.emit(Requantize(), [pooled.name], made)
    ctx.emit(Reshape(y.shape), [made.name], y)


def _int16(ctx: Context, name: str, shape: tuple[int, ...], scale: tuple[float, ...]) -> Tensor:
    made = Tensor(ctx.unique(name), shape, np.dtype(np.int16), Quant(scale, 0))
    ctx.tensors[made.name] = made
    return made
