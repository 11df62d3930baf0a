"""Converters of the .tflite operators without weights."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mcucc.frontends.tflite import islands
from mcucc.frontends.tflite.context import (
    INT8,
    INT16,
    Context,
    check_integer,
    per_tensor,
)
from mcucc.frontends.tflite.file import FileOperator, FileTensor
from mcucc.frontends.tflite.options import BlockOptions, ResizeOptions, SoftmaxOptions
from mcucc.frontends.tflite.registry import converter
from mcucc.frontends.tflite.unsigned import unsigned_resize
from mcucc.frontends.tflite.windows import image
from mcucc.frontends.unsupported import UnsupportedNode, UnsupportedType
from mcucc.ir.window import hwc
from mcucc.ops.common.spatial import Pads
from mcucc.ops.common.table_function import FIXED
from mcucc.ops.depth_to_space import DepthToSpace
from mcucc.ops.pad import Pad
from mcucc.ops.requantize import Requantize
from mcucc.ops.reshape import Reshape
from mcucc.ops.resize_bilinear import ONE, ResizeBilinear, Sampling
from mcucc.ops.resize_nearest import ResizeNearest
from mcucc.ops.sigmoid import Sigmoid
from mcucc.ops.softmax import Softmax
from mcucc.ops.space_to_depth import SpaceToDepth
from mcucc.ops.tanh import Tanh


@converter("PAD", "PADV2")
def pad(ctx: Context, operator: FileOperator) -> None:
    """Pad; PADV2 brings the border's value as an int8 of the output's scale."""
    x, shape, widths = ctx.activation(operator), ctx.shape_at(operator), ctx.integers(operator, 1)
    sides = list(zip(widths[::2], widths[1::2], strict=False))
    if len(widths) != 2 * len(shape) or min(widths) < 0:
        raise UnsupportedNode(f"padding widths {list(widths)} of {list(shape)}")
    made = tuple(n + sum(pair) for n, pair in zip(shape, sides, strict=True))
    value = 0.0
    if operator.kind == "PADV2":
        value = _border(ctx, operator)
    y = ctx.define(ctx.output_tensor(operator), made)
    sides = [(0, 0)] * (4 - len(sides)) + sides
    matrix = x.shape == (1, *shape)
    if any(sides[0]) or not (matrix or x.shape == shape):
        raise UnsupportedNode(f"pads {list(shape)} by {list(widths)}", "not the batch axis")
    x = ctx.relabelled(x, y.quantization)
    _, (top, bottom), (left, right), channels = sides
    op = Pad(Pads(top, left, bottom, right), channels, value)
    if len(x.shape) == 4:
        ctx.emit(op, [x.name], y)
    else:
        ctx.chain([Reshape((1, *hwc(x.shape))), op, Reshape(y.shape)], x, y)


def _border(ctx: Context, operator: FileOperator) -> float:
    """The value of a PADV2's border as a real number."""
    number, quant = ctx.file_tensor(operator, 2), per_tensor(ctx.output_tensor(operator))
    values = ctx.integers(operator, 2)
    check_integer(number)
    if len(values) != 1 or per_tensor(number) != quant:
        raise UnsupportedNode("the border's value has another scale or zero point")
    return (values[0] - quant.zero_point) * quant.per_tensor_scale


@converter("SOFTMAX")
def softmax(ctx: Context, operator: FileOperator) -> None:
    """Softmax over the last axis."""
    x = ctx.activation(operator)
    beta = operator.options.beta if isinstance(operator.options, SoftmaxOptions) else 1.0
    if not 0.0 < beta < 1e6:
        raise UnsupportedNode(f"beta {beta}")
    if not ctx.shape_at(operator):
        raise UnsupportedNode("softmax of one number")
    _with_fixed_output(ctx, operator, Softmax(beta), x.name)


@converter("LOGISTIC", "TANH")
def fixed_output(ctx: Context, operator: FileOperator) -> None:
    op = Sigmoid() if operator.kind == "LOGISTIC" else Tanh()
    _with_fixed_output(ctx, operator, op, ctx.activation(operator, phases=True).name)


def _with_fixed_output(
    ctx: Context, operator: FileOperator, op: Softmax | Sigmoid | Tanh, x: str
) -> None:
    y, fixed = ctx.define(ctx.output_tensor(operator), ctx.like(operator)), op.fixed_quant()
    if y.dtype == INT16:
        fixed = FIXED
    if y.quant != fixed:
        scale, zero_point = round(1 / fixed.per_tensor_scale), fixed.zero_point
        raise UnsupportedNode(
            f"the output must have the scale 1/{scale} and the zero point {zero_point}"
        )
    ctx.emit(op, [x], y)


@converter("RESIZE_NEAREST_NEIGHBOR")
def resize_nearest(ctx: Context, operator: FileOperator) -> None:
    """ResizeNearest where every row and every column is repeated a whole number of times."""
    x, options = ctx.picture(operator), operator.options
    y = ctx.define(ctx.output_tensor(operator))
    size = ctx.integers(operator, 1)
    if not isinstance(options, ResizeOptions) or size != image(y)[:2]:
        raise UnsupportedNode(f"resizes to {list(size)}, the file says {list(y.shape)}")
    factors = []
    for length, made in zip(image(x)[:2], size, strict=True):
        factors.append(made // length)
        repeated = np.arange(made) // max(factors[-1], 1)
        if made < length or not np.array_equal(_nearest(length, made, options), repeated):
            raise UnsupportedNode(
                f"resizes {length} to {made} pixels",
                "only whole factors without align_corners are compiled",
            )
    rows, columns = factors
    x = ctx.relabelled(x, y.quantization)
    ctx.emit(ResizeNearest(rows, 0 if columns == rows else columns), [x.name], y)


def _nearest(length: int, size: int, options: ResizeOptions) -> npt.NDArray[np.int64]:
    """The source of each position. Source: LiteRT's GetNearestNeighbor, in float32.

    Its rounding is why a factor of 41 does not repeat every pixel 41 times.
    """
    if options.align_corners and options.half_pixel_centers:
        raise UnsupportedNode("align_corners together with half_pixel_centers")
    corners = options.align_corners and size > 1
    inner, outer = (length - 1, size - 1) if corners else (length, size)
    scale = np.float32(inner) / np.float32(outer)
    places = np.arange(size, dtype=np.float32) + np.float32(0.5 * options.half_pixel_centers)
    places = places * scale
    found = np.floor(places + np.float32(0.5)) if options.align_corners else np.floor(places)
    nearest: npt.NDArray[np.int64] = np.minimum(found.astype(np.int64), length - 1)
    return nearest


@converter("RESIZE_BILINEAR")
def resize_bilinear(ctx: Context, operator: FileOperator) -> None:
    """ResizeBilinear to any size; positions have 10 bits behind the point, as in LiteRT."""
    x, options = ctx.picture(operator), operator.options
    y = ctx.define(ctx.output_tensor(operator))
    x = ctx.relabelled(x, y.quantization)
    size = ctx.integers(operator, 1)
    if not isinstance(options, ResizeOptions) or size != image(y)[:2]:
        raise UnsupportedNode(f"resizes to {list(size)}, the file says {list(y.shape)}")
    if options.align_corners and options.half_pixel_centers:
        raise UnsupportedNode("align_corners together with half_pixel_centers")
    rows, columns = (_sampling(n, m, options) for n, m in zip(image(x)[:2], size, strict=True))
    op = ResizeBilinear(rows, columns)
    if operator.inputs[0] in ctx.unsigned:
        op = unsigned_resize(op, image(x)[:2], options)
    ctx.emit(op, [x.name], y)


def _sampling(length: int, size: int, options: ResizeOptions) -> Sampling:
    """Source: the fixed-point scale of LiteRT's reference RESIZE_BILINEAR."""
    if length == 1:
        return Sampling.repeated(size)
    corners = options.align_corners and size > 1
    inner, outer = (length - 1, size - 1) if corners else (length, size)
    step = (ONE * inner + outer // 2) // outer
    return Sampling.of(size, step, ONE, (step - ONE) // 2 if options.half_pixel_centers else 0)


@converter("DEPTH_TO_SPACE", "SPACE_TO_DEPTH")
def blocks(ctx: Context, operator: FileOperator) -> None:
    x = ctx.picture(operator)
    if not isinstance(operator.options, BlockOptions):
        raise UnsupportedNode("no block size")
    block = operator.options.block
    y = ctx.define(ctx.output_tensor(operator))
    x = ctx.relabelled(x, y.quantization)
    op = DepthToSpace(block) if operator.kind == "DEPTH_TO_SPACE" else SpaceToDepth(block)
    ctx.emit(op, [x.name], y)


@converter("QUANTIZE")
def quantize(ctx: Context, operator: FileOperator) -> None:
    """The float or uint8 end of the network, or a change of scale within it."""
    x, y = ctx.file_tensor(operator, 0), ctx.output_tensor(operator)
    if x.dtype in (INT8, INT16):
        source = ctx.activation(operator, phases=True)
        target = ctx.define(y, ctx.like(operator))
        if (source.quant, source.dtype) == (target.quant, target.dtype):
            ctx.merge(target, source, y)
        else:
            ctx.emit(Requantize(), [source.name], target)
    elif x.dtype == np.float32 and x.index in ctx.file.inputs and y.dtype in (INT8, INT16):
        _quantize_input(ctx, x, y)
    elif x.dtype == np.float32:
        islands.end(ctx, operator)
    else:
        raise UnsupportedType(f"from {x.type_name} to {y.type_name} within the network")


def _quantize_input(ctx: Context, x: FileTensor, y: FileTensor) -> None:
    known = ctx.names.get(x.index)
    if known is None:
        made = ctx.define(y)
        ctx.inputs.append(made.name)
        ctx.names[x.index] = made.name
    elif ctx.tensors[known].quant == per_tensor(y) and y.index not in ctx.names:
        ctx.names[y.index] = known
    else:
        raise UnsupportedNode(f"input {x.name} is quantized in two ways", "quantize it once")
