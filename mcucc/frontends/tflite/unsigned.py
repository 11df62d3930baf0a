"""uint8 tensors of a .tflite, as TensorFlow 1 wrote them: int8 ones whose bytes are 128 less.

Everything behind this module sees int8; what LiteRT's uint8 kernels round otherwise is here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mcucc.frontends.tflite.context import INT8, Array, Context
from mcucc.frontends.tflite.file import FileOperator, FileTensor, TfliteFile
from mcucc.frontends.tflite.options import ResizeOptions
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.tensor import Tensor
from mcucc.numerics.fixed_point import INT8_MAX, INT8_MIN
from mcucc.ops.requantize import Requantize
from mcucc.ops.resize_bilinear import ONE, ResizeBilinear, Sampling
from mcucc.ops.resize_nearest import ResizeNearest

# Operators whose uint8 kernels are LiteRT's int8 ones but for the shift by 128, or are made so
# here; each by drawn cases (tests/frontends/test_tflite_unsigned_ops.py).
PROVED = frozenset(
    {
        *("ADD", "AVERAGE_POOL_2D", "BATCH_TO_SPACE_ND", "BROADCAST_TO", "CONCATENATION"),
        *("CONV_2D", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE", "DEQUANTIZE", "EQUAL"),
        *("EXPAND_DIMS", "FULLY_CONNECTED", "GATHER", "GATHER_ND", "GELU", "GREATER"),
        *("GREATER_EQUAL", "HARD_SWISH", "LEAKY_RELU", "LESS", "LESS_EQUAL", "LOGISTIC"),
        *("MAXIMUM", "MAX_POOL_2D", "MEAN", "MINIMUM", "MIRROR_PAD", "MUL", "NOT_EQUAL"),
        *("PACK", "PAD", "PADV2", "PRELU", "QUANTIZE", "REDUCE_MAX", "REDUCE_MIN", "RELU"),
        *("RELU6", "RELU_0_TO_1", "RELU_N1_TO_1", "RESHAPE", "RESIZE_BILINEAR"),
        *("RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "SELECT", "SELECT_V2", "SLICE", "SOFTMAX"),
        *("SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQUEEZE"),
        *("STRIDED_SLICE", "SUB", "TANH", "TILE", "TRANSPOSE", "TRANSPOSE_CONV", "UNPACK"),
    }
)
_SHIFT = 128
FINEST = 64  # parts of a pixel: 8 bits of a value and 6 of each weight fit float32 with room


def as_int8(file: TfliteFile) -> tuple[TfliteFile, frozenset[int]]:
    """The file with quantized uint8 tensors as int8: values and zero points less 128; which."""
    found = frozenset(t.index for t in file.tensors if t.dtype == np.uint8 and t.scale)
    tensors = tuple(_shifted(t) if t.index in found else t for t in file.tensors)
    return replace(file, tensors=tensors), found


def _shifted(tensor: FileTensor) -> FileTensor:
    data = tensor.data
    if data is not None:
        data = (data ^ np.uint8(_SHIFT)).view(np.int8)
    points = tuple(point - _SHIFT for point in tensor.zero_point)
    return replace(tensor, type_name="INT8", dtype=INT8, zero_point=points, data=data)


def check_proved(ctx: Context, operator: FileOperator) -> None:
    """UnsupportedNode for an operator of uint8 that may round otherwise than that of int8."""
    tensors = {*operator.inputs, *operator.outputs}
    if operator.kind not in PROVED and tensors & ctx.unsigned:
        raise UnsupportedNode(
            f"{operator.kind} of uint8", "quantize with TensorFlow 2 (int8), or end before it"
        )


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


def unsigned_resize(
    op: ResizeBilinear, lengths: Sequence[int], options: ResizeOptions
) -> ResizeBilinear:
    """The resize where LiteRT's float32 sums for uint8 are exact; UnsupportedNode elsewhere.

    With steps of 1/64 pixel its products and sums have at most 24 bits, and halves are
    rounded up. Where one pixel is repeated any weights add up to it, but for a half of the other
    axis.
    """
    pairs = list(zip(lengths, (op.rows, op.columns), strict=True))
    blended = [(n, axis) for n, axis in pairs if n > 1]
    exact = all(_is_binary(n, axis, options) for n, axis in blended)
    plain = all(axis.unit == 1 for _, axis in blended)
    repeats = [axis.size for n, axis in pairs if n == 1]
    if (
        not exact
        or max(axis.size for _, axis in pairs) > ONE
        or not (plain or all(size & (size - 1) == 0 for size in repeats))
    ):
        sizes = f"{list(lengths)} to {[op.rows.size, op.columns.size]}"
        raise UnsupportedNode(
            f"resizes {sizes} uint8 pixels, in float32",
            "only steps that are binary fractions, 1/64 or more, are compiled exactly",
        )
    rows, columns = (_repeated(axis) if n == 1 else axis for n, axis in pairs)
    return ResizeBilinear(rows, columns, halves_up=True)


def _repeated(axis: Sampling) -> Sampling:
    """Of an axis of one pixel, in parts that divide 1024."""
    return Sampling(axis.size, 1, 1 << (axis.size - 1).bit_length())


def _is_binary(length: int, axis: Sampling, options: ResizeOptions) -> bool:
    """Whether positions are whole numbers of 1/64, and those of LiteRT, too."""
    corners = options.align_corners and axis.size > 1
    inner, outer = (length - 1, axis.size - 1) if corners else (length, axis.size)
    centred = not options.half_pixel_centers or (ONE * inner // outer - ONE) % 2 == 0
    return axis.unit <= FINEST and ONE * inner % outer == 0 and centred


def rescaled(ctx: Context, operator: FileOperator, parts: list[Tensor], y: Tensor) -> list[Tensor]:
    """The parts of a CONCATENATION in the scale of the whole, by LiteRT's floats for uint8."""
    if operator.outputs[0] not in ctx.unsigned:
        return parts
    made = []
    for part in parts:
        if part.quant != y.quant:
            own = ctx.between(f"{part.name}_rescaled", part, part.shape, y.quantization)
            ctx.emit(Requantize(by_floats=True), [part.name], own)
            part = own
        made.append(part)
    return made
