"""Converters of the .tflite operators without weights."""

from __future__ import annotations

import numpy as np

from mcucc.frontends.tflite_context import INT8, Context, RejectError, converts, per_tensor
from mcucc.frontends.tflite_file import FileOperator, FileTensor
from mcucc.frontends.tflite_options import (
    BlockOptions,
    JoinOptions,
    ResizeOptions,
    SoftmaxOptions,
)
from mcucc.frontends.tflite_windows import image, same_quantization
from mcucc.ops.concat import Concat
from mcucc.ops.depth_to_space import DepthToSpace
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.pad import Pad
from mcucc.ops.requantize import Requantize
from mcucc.ops.reshape import Reshape
from mcucc.ops.resize_bilinear import ONE, ResizeBilinear, Sampling
from mcucc.ops.resize_nearest import ResizeNearest
from mcucc.ops.sigmoid import Sigmoid
from mcucc.ops.softmax import Softmax
from mcucc.ops.space_to_depth import SpaceToDepth
from mcucc.ops.spatial import Pads
from mcucc.ops.tanh import Tanh
from mcucc.ops.transpose import Transpose


@converts("PAD", "PADV2")
def pad(ctx: Context, operator: FileOperator) -> None:
    """Pad; PADV2 brings the border's value as an int8 of the input's scale."""
    x = ctx.activation(operator)
    image(x)
    widths = ctx.integers(operator, 1)
    if len(widths) != 8 or min(widths) < 0 or any(widths[:2]):
        raise RejectError(f"padding widths {list(widths)}", "(4, 2), none for the batch axis")
    _, _, top, bottom, left, right, before, after = widths
    quant = x.quantization
    value = 0.0
    if operator.kind == "PADV2":
        (q,) = ctx.integers(operator, 2)[:1] or (quant.zero_point,)
        value = (q - quant.zero_point) * quant.per_tensor_scale
    y = ctx.define(ctx.output_tensor(operator))
    same_quantization(x, y)
    ctx.emit(Pad(Pads(top, left, bottom, right), (before, after), value), [x.name], y)


@converts("MEAN")
def mean(ctx: Context, operator: FileOperator) -> None:
    """GlobalAveragePool, and a Reshape where the axes are dropped."""
    x = ctx.activation(operator)
    channels = image(x)[2]
    axes = sorted({axis % 4 if -4 <= axis < 4 else axis for axis in ctx.integers(operator, 1)})
    if axes != [1, 2]:
        raise RejectError(f"mean over the axes {axes}", "mcucc averages over height and width")
    y = ctx.define(ctx.output_tensor(operator))
    shape = (1, 1, 1, channels)
    if y.shape == shape:
        ctx.emit(GlobalAveragePool(), [x.name], y)
        return
    pooled = ctx.between(f"{y.name}_pooled", y, shape, y.quantization)
    ctx.emit(GlobalAveragePool(), [x.name], pooled)
    ctx.emit(Reshape(y.shape), [pooled.name], y)


@converts("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
def reshape(ctx: Context, operator: FileOperator) -> None:
    """Reshape to the shape the file gives its output; a shape operand must agree with it.

    LiteRT copies the bytes, whatever scales the file notes at both ends; so does this.
    """
    x = ctx.activation(operator)
    y = ctx.define(ctx.output_tensor(operator))
    if operator.kind == "RESHAPE" and len(operator.inputs) > 1 and operator.inputs[1] >= 0:
        wanted, said = ctx.integers(operator, 1), ctx.output_tensor(operator).shape
        known = [n for n in wanted if n != -1]
        agrees = len(wanted) == len(said) and all(
            n in (-1, m) for n, m in zip(wanted, said, strict=True)
        )
        if not agrees or len(wanted) - len(known) > 1:
            raise RejectError(f"reshapes to {list(wanted)}, the file says {list(said)}")
    ctx.emit(Reshape(y.shape), [x.name], y)


@converts("SOFTMAX")
def softmax(ctx: Context, operator: FileOperator) -> None:
    """Softmax over the last axis."""
    x = ctx.activation(operator)
    beta = operator.options.beta if isinstance(operator.options, SoftmaxOptions) else 1.0
    if not 0.0 < beta < 1e6:
        raise RejectError(f"beta {beta}")
    _with_fixed_output(ctx, operator, Softmax(beta), x.name)


@converts("LOGISTIC", "TANH")
def fixed_output(ctx: Context, operator: FileOperator) -> None:
    """Sigmoid and Tanh."""
    op = Sigmoid() if operator.kind == "LOGISTIC" else Tanh()
    _with_fixed_output(ctx, operator, op, ctx.activation(operator).name)


def _with_fixed_output(
    ctx: Context, operator: FileOperator, op: Softmax | Sigmoid | Tanh, x: str
) -> None:
    y, fixed = ctx.define(ctx.output_tensor(operator)), op.fixed_quant()
    if y.quant != fixed:
        scale, zero_point = round(1 / fixed.per_tensor_scale), fixed.zero_point
        raise RejectError(
            f"the output must have the scale 1/{scale} and the zero point {zero_point}"
        )
    ctx.emit(op, [x], y)


@converts("RESIZE_NEAREST_NEIGHBOR")
def resize_nearest(ctx: Context, operator: FileOperator) -> None:
    """ResizeNearest by a whole factor; centres of half a pixel then choose the same source."""
    x = ctx.activation(operator)
    height, width, _ = image(x)
    if isinstance(operator.options, ResizeOptions) and operator.options.align_corners:
        raise RejectError("align_corners", "resize without it")
    size = ctx.integers(operator, 1)
    factor = size[0] // height if len(size) == 2 else 0
    if size != (height * factor, width * factor) or factor < 1:
        raise RejectError(f"resizes {height}x{width} to {list(size)}: not a whole factor")
    y = ctx.define(ctx.output_tensor(operator))
    same_quantization(x, y)
    ctx.emit(ResizeNearest(factor), [x.name], y)


@converts("RESIZE_BILINEAR")
def resize_bilinear(ctx: Context, operator: FileOperator) -> None:
    """ResizeBilinear to any size; positions have 10 bits behind the point, as in LiteRT."""
    x, options = ctx.activation(operator), operator.options
    y = ctx.define(ctx.output_tensor(operator))
    same_quantization(x, y)
    size = ctx.integers(operator, 1)
    if not isinstance(options, ResizeOptions) or size != image(y)[:2]:
        raise RejectError(f"resizes to {list(size)}, the file says {list(y.shape)}")
    rows, columns = (_sampling(n, m, options) for n, m in zip(image(x)[:2], size, strict=True))
    ctx.emit(ResizeBilinear(rows, columns), [x.name], y)


def _sampling(length: int, size: int, options: ResizeOptions) -> Sampling:
    """Source: the fixed-point scale of LiteRT's reference RESIZE_BILINEAR."""
    if length == 1:
        return Sampling.repeated(size)
    corners = options.align_corners and size > 1
    inner, outer = (length - 1, size - 1) if corners else (length, size)
    step = (ONE * inner + outer // 2) // outer
    return Sampling.of(size, step, ONE, (step - ONE) // 2 if options.half_pixel_centers else 0)


@converts("DEPTH_TO_SPACE", "SPACE_TO_DEPTH")
def blocks(ctx: Context, operator: FileOperator) -> None:
    """DepthToSpace and SpaceToDepth."""
    x = ctx.activation(operator)
    image(x)
    if not isinstance(operator.options, BlockOptions):
        raise RejectError("no block size")
    block = operator.options.block
    y = ctx.define(ctx.output_tensor(operator))
    same_quantization(x, y)
    op = DepthToSpace(block) if operator.kind == "DEPTH_TO_SPACE" else SpaceToDepth(block)
    ctx.emit(op, [x.name], y)


@converts("CONCATENATION")
def concatenation(ctx: Context, operator: FileOperator) -> None:
    """Concat; LiteRT demands one scale for all."""
    options = operator.options
    if not isinstance(options, JoinOptions) or options.activation:
        raise RejectError("a fused activation", "apply it before")
    parts = [ctx.activation(operator, i) for i in range(len(operator.inputs))]
    if not parts:
        raise RejectError("no inputs")
    y = ctx.define(ctx.output_tensor(operator))
    if any(part.quant != y.quant for part in parts):
        raise RejectError("inputs and output have different scales or zero points")
    # Counted from the end: a matrix has one axis more here than in the file.
    from_end = options.axis - len(ctx.output_tensor(operator).shape)
    axis = len(y.shape) + (options.axis if options.axis < 0 else from_end)
    ctx.emit(Concat(axis), [part.name for part in parts], y)


@converts("TRANSPOSE")
def transpose(ctx: Context, operator: FileOperator) -> None:
    """Transpose; where only axes of length 1 move, a Reshape."""
    x, order = ctx.activation(operator), ctx.integers(operator, 1)
    y = ctx.define(ctx.output_tensor(operator))
    same_quantization(x, y)
    if sorted(order) != list(range(len(x.shape))):
        raise RejectError(f"permutation {list(order)} of {list(x.shape)}")
    moving = [axis for axis in order if x.shape[axis] != 1]
    if moving == sorted(moving):
        ctx.emit(Reshape(y.shape), [x.name], y)
    else:
        ctx.emit(Transpose(order), [x.name], y)


@converts("QUANTIZE")
def quantize(ctx: Context, operator: FileOperator) -> None:
    """The float or uint8 end of the network, or a change of scale within it."""
    x, y = ctx.file_tensor(operator, 0), ctx.output_tensor(operator)
    if x.dtype == INT8 or x.dtype == np.uint8:
        ends_at_uint8 = y.dtype == np.uint8 and y.index in ctx.file.outputs
        source = ctx.tensors.get(ctx.names.get(x.index, ""))
        if source is None:
            raise RejectError(f"input {x.name} is not computed", follows=True)
        target = ctx.define_view(y) if ends_at_uint8 else ctx.define(y)
        if source.quant == target.quant:
            ctx.merge(target, source, y)
        else:
            ctx.emit(Requantize(), [source.name], target)
    elif x.dtype == np.float32 and x.index in ctx.file.inputs and y.dtype == INT8:
        _quantize_input(ctx, x, y)
    else:
        raise RejectError(f"from {x.type_name} to {y.type_name} within the network", of_type=True)


def _quantize_input(ctx: Context, x: FileTensor, y: FileTensor) -> None:
    known = ctx.names.get(x.index)
    if known is None:
        made = ctx.define(y)
        ctx.inputs.append(made.name)
        ctx.names[x.index] = made.name
    elif ctx.tensors[known].quant == per_tensor(y) and y.index not in ctx.names:
        ctx.names[y.index] = known
    else:
        raise RejectError(f"input {x.name} is quantized in two ways", "quantize it once")


@converts("DEQUANTIZE")
def dequantize(ctx: Context, operator: FileOperator) -> None:
    """The float end of the network."""
    y = ctx.output_tensor(operator)
    if y.index not in ctx.file.outputs or y.dtype != np.float32:
        raise RejectError(
            f"{y.name} is computed on in float", "quantize the whole network", of_type=True
        )
    if y.index in ctx.names:
        raise RejectError(f"{y.name} is defined twice")
    ctx.names[y.index] = ctx.activation(operator).name
