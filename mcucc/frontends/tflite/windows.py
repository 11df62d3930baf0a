"""Converters of .tflite operators with weights or a sliding window."""

from __future__ import annotations

import math

import numpy as np

from mcucc.frontends.tflite.biases import check_bias_type, long_zeros, takes_long_bias
from mcucc.frontends.tflite.context import INT16, Array, Block, Context
from mcucc.frontends.tflite.file import FileOperator, FileTensor
from mcucc.frontends.tflite.options import DenseOptions, WindowOptions
from mcucc.frontends.tflite.registry import converter
from mcucc.frontends.tflite.unsigned import fits_int8, halved
from mcucc.frontends.unsupported import UnsupportedNode, UnsupportedType
from mcucc.ir.tensor import Quant, Tensor
from mcucc.numerics.fixed_point import INT8_MAX, INT32_MAX, NO_CLAMP, RELU, RELU6, Clamp
from mcucc.ops.average_pool import AveragePool
from mcucc.ops.common.spatial import NO_PADS, Pads, Window2d
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.conv_transpose2d import ConvTranspose2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.fully_connected import FullyConnected
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.reshape import Reshape

LARGEST_EXTENT = 1024  # of a window or stride: anything beyond is a damaged file
_CLAMPS = {0: NO_CLAMP, 1: RELU, 2: Clamp(-1.0, 1.0), 3: RELU6}
_ACTIVATIONS = {4: "TANH", 5: "SIGN_BIT"}


def fused(activation: int) -> Clamp:
    """The fused activation as a clamp."""
    if activation not in _CLAMPS:
        raise UnsupportedNode(f"fused activation {_ACTIVATIONS.get(activation, activation)}")
    return _CLAMPS[activation]


def image(tensor: Tensor) -> tuple[int, int, int]:
    """(height, width, channels) of a (1, H, W, C) activation."""
    if len(tensor.shape) != 4:
        raise UnsupportedNode(f"{tensor.name} has the shape {list(tensor.shape)}, not (1, H, W, C)")
    return tensor.shape[1], tensor.shape[2], tensor.shape[3]


def window(
    options: WindowOptions, kernel: tuple[int, int], x: Tensor, phases: Block = (1, 1)
) -> Window2d:
    """The window with SAME padding (the larger half behind) or none.

    SAME keeps ceil(size / stride) outputs. Source: TensorFlow's "Neural network" API guide.
    `phases`: the file slides it over every phase of the picture x (tflite_phases.py).
    """
    if phases != (1, 1) and options.stride != (1, 1):
        raise UnsupportedNode(f"a stride of {options.stride} within SPACE_TO_BATCH_ND")
    plain = Window2d(kernel, options.stride, options.dilation)
    dilation = (plain.dilation[0] * phases[0], plain.dilation[1] * phases[1])
    wide = Window2d(kernel, options.stride, dilation)
    if max(*wide.effective, *wide.stride) > LARGEST_EXTENT:
        raise UnsupportedNode(f"a window of {wide}")
    pads = NO_PADS
    if options.same:
        sides = []
        for size, extent, stride, step in zip(
            image(x), plain.effective, plain.stride, phases, strict=False
        ):
            size //= step
            total = max((-(-size // stride) - 1) * stride + extent - size, 0)
            sides.append((total // 2 * step, (total - total // 2) * step))
        (top, bottom), (left, right) = sides
        pads = Pads(top, left, bottom, right)
    return Window2d(kernel, options.stride, dilation, pads)


def _slide(
    ctx: Context, operator: FileOperator, op: Conv2d | DepthwiseConv2d, names: list[str]
) -> None:
    """Emit a convolution, of a picture or of all phases of one."""
    y, size = (
        ctx.output_tensor(operator),
        op.infer([ctx.tensors[name].type for name in names]).shape,
    )
    block = ctx.blocks.get(operator.inputs[0])
    if block is None:
        ctx.op(op, names, operator, size)
        return
    ctx.blocks[y.index] = block
    _, height, width, channels = size
    shape = (math.prod(block), height // block[0], width // block[1], channels)
    ctx.op(op, names, operator, shape)


def _phases(ctx: Context, operator: FileOperator) -> Block:
    return ctx.blocks.get(operator.inputs[0], (1, 1))


def _options(operator: FileOperator) -> WindowOptions:
    if not isinstance(operator.options, WindowOptions):
        raise UnsupportedNode("no options")
    return operator.options


def weights_of(
    ctx: Context, operator: FileOperator, rank: int, axis: int
) -> tuple[FileTensor, Array]:
    """Constant int8 weights, symmetric, with one scale or one per element of `axis`.

    Those of uint8 are less their zero point, int16.
    """
    tensor = ctx.file_tensor(operator, 1)
    if tensor.type_name not in ("INT8", "INT4"):
        other = tensor.type_name in ("FLOAT32", "FLOAT16", "UINT8")
        refusal = UnsupportedType if other else UnsupportedNode
        raise refusal(f"the weights are {tensor.type_name}, not INT8")
    if tensor.data is None or tensor.variable:
        raise UnsupportedNode("the weights are not a constant")
    if len(tensor.shape) != rank or 0 in tensor.shape:
        raise UnsupportedNode(f"weights of the shape {list(tensor.shape)}")
    count = len(tensor.scale)
    if count != 1 and (count != tensor.shape[axis] or tensor.axis != axis):
        raise UnsupportedNode(
            f"{count} weight scales along axis {tensor.axis} for weights {list(tensor.shape)}"
        )
    x = operator.inputs[2 if operator.kind == "TRANSPOSE_CONV" else 0]
    if (tensor.index in ctx.unsigned) != (x in ctx.unsigned):
        raise UnsupportedNode("weights and activations are not of one type")
    if tensor.index in ctx.unsigned:
        if count != 1 or tensor.scale[0] <= 0 or not -128 <= tensor.zero_point[0] <= 127:
            raise UnsupportedNode("uint8 weights need one positive scale and a uint8 zero point")
        return tensor, tensor.data.astype(np.int16) - np.int16(tensor.zero_point[0])
    if any(tensor.zero_point):
        raise UnsupportedNode("the weights' zero point is not 0", "quantize weights symmetrically")
    return tensor, tensor.data


def operands(
    ctx: Context,
    operator: FileOperator,
    weights: FileTensor,
    data: Array,
    axis: int,
    places: tuple[int, int] = (0, 2),
) -> list[str]:
    """The names of weights and bias as constants of the graph; `axis` is that of `data`.

    `places`: which inputs of the operator x and the bias are.
    """
    per_channel = len(weights.scale) > 1
    signs, positive = _signs(weights, axis, data.ndim)
    x, place = ctx.activation(operator, places[0], phases=True), places[1]
    if weights.index in ctx.unsigned:
        if operator.kind != "FULLY_CONNECTED":  # whose product is one of doubles, as of int8
            positive = (_float_product(positive[0], x.quantization.per_tensor_scale),)
        data = data.astype(np.int8) if fits_int8(data) else data
    quant = Quant(positive, 0, axis if per_channel else None)
    if (signs < 0).any() and int((data * signs).max()) > INT8_MAX:
        raise UnsupportedNode("a weight of -128 in a channel of negative scale")
    if (signs < 0).any():
        data = ctx.once(weights, data.shape, lambda: (data * signs).astype(np.int8))
    names = [ctx.constant(weights, np.ascontiguousarray(data), quant)]
    if len(operator.inputs) <= place or operator.inputs[place] < 0:
        return names + long_zeros(ctx, operator, x, data.shape[axis])
    bias = ctx.file_tensor(operator, place)
    if bias.data is None or bias.variable:
        raise UnsupportedNode("the bias is not a constant")
    check_bias_type(operator, bias, x)
    if any(bias.zero_point):
        raise UnsupportedNode("the zero point of the bias is not 0")
    if bias.data.size != data.shape[axis]:
        raise UnsupportedNode(f"{bias.data.size} biases for {data.shape[axis]} channels")
    scales = tuple(s * x.quantization.scale[0] for s in positive)
    bias_quant = Quant(scales, 0, 0 if per_channel else None)
    values = bias.data.reshape(-1).astype(np.int64) * signs.reshape(-1)
    if not takes_long_bias(operator, bias, x) and int(values.max(initial=0)) <= INT32_MAX:
        values = values.astype(np.int32)
    return [*names, ctx.constant(bias, values, bias_quant)]


def _float_product(weights: float, x: float) -> float:
    """The scale of weights whose product with that of x is LiteRT's for uint8: one of float32."""
    return float(np.float32(weights) * np.float32(x)) / x


def _signs(weights: FileTensor, axis: int, rank: int) -> tuple[Array, tuple[float, ...]]:
    """Signs that make every weight scale positive, shaped like the weights; those scales.

    Converters that fold batch norms into quantized weights write negative scales. (-s) * (-w) is
    the same channel, to the bit: the product of accumulator and multiplier does not change.
    """
    signs = np.array([-1 if s < 0 else 1 for s in weights.scale], dtype=np.int16)
    shape = [1] * rank
    shape[axis] = len(weights.scale)
    return signs.reshape(shape), tuple(abs(s) for s in weights.scale)


@converter("CONV_2D")
def conv(ctx: Context, operator: FileOperator) -> None:
    """Conv2d; fewer weight channels than input channels mean groups."""
    x, options = ctx.picture(operator, phases=True), _options(operator)
    weights, data = weights_of(ctx, operator, 4, 0)
    channels = image(x)[2]
    if channels % weights.shape[3]:
        raise UnsupportedNode(f"weights for {weights.shape[3]} channels, the input has {channels}")
    op = Conv2d(
        window(options, (weights.shape[1], weights.shape[2]), x, _phases(ctx, operator)),
        channels // weights.shape[3],
        fused(options.activation),
    )
    _slide(ctx, operator, op, [x.name, *operands(ctx, operator, weights, data, 0)])


@converter("DEPTHWISE_CONV_2D")
def depthwise(ctx: Context, operator: FileOperator) -> None:
    """DepthwiseConv2d; the depth multiplier follows from the weights' shape."""
    x, options = ctx.picture(operator, phases=True), _options(operator)
    weights, data = weights_of(ctx, operator, 4, 3)
    if weights.shape[0] != 1 or weights.shape[3] % image(x)[2]:
        raise UnsupportedNode(
            f"weights of the shape {list(weights.shape)} for {image(x)[2]} channels"
        )
    kernel = (weights.shape[1], weights.shape[2])
    view = window(options, kernel, x, _phases(ctx, operator))
    op = DepthwiseConv2d(view, fused(options.activation))
    _slide(ctx, operator, op, [x.name, *operands(ctx, operator, weights, data[0], 2)])


@converter("TRANSPOSE_CONV")
def transpose_conv(ctx: Context, operator: FileOperator) -> None:
    """ConvTranspose2d; SAME cuts off half of what is beyond the given size, VALID at the end."""
    x, options = ctx.picture(operator, 2), _options(operator)
    weights, data = weights_of(ctx, operator, 4, 0)
    y = ctx.define(ctx.output_tensor(operator))
    if ctx.integers(operator, 0) != y.shape:
        raise UnsupportedNode(
            f"makes {list(ctx.integers(operator, 0))}, the file says {list(y.shape)}"
        )
    kernel = (weights.shape[1], weights.shape[2])
    if min(options.stride) < 1 or max(*kernel, *options.stride) > LARGEST_EXTENT:
        raise UnsupportedNode(f"a kernel of {kernel} and a stride of {options.stride}")
    sizes = image(y)
    cut = [
        max((-(-size // stride) - 1) * stride + extent - size, 0) // 2 if options.same else 0
        for size, extent, stride in zip(sizes, kernel, options.stride, strict=False)
    ]
    size = (sizes[0], sizes[1])
    op = ConvTranspose2d(kernel, options.stride, (cut[0], cut[1]), size, fused(options.activation))
    if not fits_int8(data):
        x, data = halved(ctx, x, data)
    ctx.emit(op, [x.name, *operands(ctx, operator, weights, data, 0, (2, 3))], y)


@converter("FULLY_CONNECTED")
def fully_connected(ctx: Context, operator: FileOperator) -> None:
    """FullyConnected on the flattened input, or on each of several rows."""
    x, shape = ctx.activation(operator), ctx.shape_at(operator)
    weights, data = weights_of(ctx, operator, 2, 0)
    options = operator.options
    if not isinstance(options, DenseOptions) or options.shuffled:
        raise UnsupportedNode(
            "shuffled weights", "convert the model with the default weights format"
        )
    names = operands(ctx, operator, weights, data, 0)
    c_out, c_in = weights.shape
    rows, rest = divmod(math.prod(shape), c_in)
    if rest or (options.keep_dims and shape[-1:] != (c_in,)):
        raise UnsupportedNode(
            f"an input of the shape {list(shape)} for weights {list(weights.shape)}"
        )
    wanted = (*shape[:-1], c_out) if options.keep_dims else (rows, c_out)
    y = ctx.define(ctx.output_tensor(operator), wanted)
    taken: tuple[int, ...] = (1, rows, c_in) if rows > 1 else (1, c_in)
    if rows > 1 and x.shape[-1] == c_in:
        taken = x.shape
    if rows > 1 and x.dtype == INT16:
        raise UnsupportedNode("several rows of int16", "give it one vector")
    if x.shape != taken:
        flat = ctx.between(f"{x.name}_flat", x, taken, x.quantization)
        ctx.emit(Reshape(flat.shape), [x.name], flat)
        x = flat
    op = FullyConnected(fused(options.activation), by_pixel=rows > 1)
    made = (*taken[:-1], c_out)
    if y.shape == made:
        ctx.emit(op, [x.name, *names], y)
        return
    row = ctx.between(f"{y.name}_row", y, made, y.quantization)
    ctx.emit(op, [x.name, *names], row)
    ctx.emit(Reshape(y.shape), [row.name], y)


@converter("MAX_POOL_2D")
def max_pool(ctx: Context, operator: FileOperator) -> None:
    x, options = ctx.picture(operator), _options(operator)
    op = MaxPool(window(options, options.kernel, x), fused(options.activation))
    y = ctx.define(ctx.output_tensor(operator))
    x = ctx.relabelled(x, y.quantization)
    ctx.emit(op, [x.name], y)


@converter("AVERAGE_POOL_2D")
def average_pool(ctx: Context, operator: FileOperator) -> None:
    """AveragePool, or GlobalAveragePool where one window covers the whole input."""
    x, options = ctx.picture(operator), _options(operator)
    view = window(options, options.kernel, x)
    clamp = fused(options.activation)
    y = ctx.define(ctx.output_tensor(operator))
    x = ctx.relabelled(x, y.quantization)
    covers = options.kernel == image(x)[:2] and not view.padded
    up = operator.inputs[0] in ctx.unsigned
    op = (
        GlobalAveragePool(clamp, half_away=not up, halves_up=up)
        if covers
        else AveragePool(view, clamp=clamp, half_away=not up, halves_up=up)
    )
    ctx.emit(op, [x.name], y)
