"""Operators of a float .tflite as nodes of ONNX, a function each kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from mcucc.frontends.tflite.file import FileOperator
from mcucc.frontends.tflite.options import (
    ArithmeticOptions,
    BlockOptions,
    DenseOptions,
    JoinOptions,
    LeakyOptions,
    ProductOptions,
    ReduceOptions,
    ResizeOptions,
    ShapeOptions,
    SoftmaxOptions,
)
from mcucc.frontends.tfloat.writer import Writer, translator, windowed
from mcucc.frontends.unsupported import UnsupportedNode

# Operators of one value, by ONNX's word.
_UNARY = {
    "ABS": "Abs", "CEIL": "Ceil", "COS": "Cos", "ELU": "Elu", "EXP": "Exp", "FLOOR": "Floor",
    "HARD_SWISH": "HardSwish", "LOG": "Log", "LOGISTIC": "Sigmoid", "NEG": "Neg", "RELU": "Relu",
    "ROUND": "Round", "SIGN": "Sign", "SIN": "Sin", "SQRT": "Sqrt", "TANH": "Tanh",
}  # fmt: skip
_BINARY = {
    "ADD": "Add", "SUB": "Sub", "MUL": "Mul", "DIV": "Div", "MAXIMUM": "Max", "MINIMUM": "Min",
    "POW": "Pow",
}  # fmt: skip
_CLIPS = {"RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0), "RELU_0_TO_1": (0.0, 1.0)}


@translator(*_UNARY)
def unary(w: Writer, operator: FileOperator) -> None:
    w.add(_UNARY[operator.kind], [w.read(operator)], w.output(operator))


@translator(*_CLIPS)
def clip(w: Writer, operator: FileOperator) -> None:
    low, high = _CLIPS[operator.kind]
    w.add("Clip", [w.read(operator), w.const(low), w.const(high)], w.output(operator))


@translator("RSQRT")
def reciprocal_root(w: Writer, operator: FileOperator) -> None:
    w.add("Reciprocal", [w.add("Sqrt", [w.read(operator)])], w.output(operator))


@translator("SQUARE")
def square(w: Writer, operator: FileOperator) -> None:
    w.add("Mul", [w.read(operator)] * 2, w.output(operator))


@translator("SQUARED_DIFFERENCE")
def squared_difference(w: Writer, operator: FileOperator) -> None:
    difference = w.add("Sub", [w.read(operator, 0), w.read(operator, 1)])
    w.add("Mul", [difference, difference], w.output(operator))


@translator("GELU")
def gelu(w: Writer, operator: FileOperator) -> None:
    """In its parts: the operator itself is younger than the opset that is written."""
    x, options = w.read(operator), operator.options
    if isinstance(options, ArithmeticOptions) and options.approximate:
        cube = w.add("Mul", [w.add("Mul", [w.add("Mul", [x, x]), x]), w.const(0.044715)])
        inner = w.add("Mul", [w.add("Add", [x, cube]), w.const(np.sqrt(2 / np.pi))])
        gate = w.add("Tanh", [inner])
    else:
        gate = w.add("Erf", [w.add("Mul", [x, w.const(np.sqrt(0.5))])])
    half = w.add("Mul", [x, w.add("Add", [gate, w.const(1.0)])])
    w.add("Mul", [half, w.const(0.5)], w.output(operator))


@translator("LEAKY_RELU")
def leaky_relu(w: Writer, operator: FileOperator) -> None:
    alpha = operator.options.alpha if isinstance(operator.options, LeakyOptions) else 0.0
    w.add("LeakyRelu", [w.read(operator)], w.output(operator), alpha=alpha)


@translator("PRELU")
def prelu(w: Writer, operator: FileOperator) -> None:
    """Slopes lie along the last axis, of pictures along the channels."""
    slopes = w.real(w.tensor(operator, 1).index)
    if len(w.shape(operator)) != 4 or slopes.size != slopes.shape[-1]:
        w.add("PRelu", [w.read(operator), w.read(operator, 1)], w.output(operator))
        return
    image, slope = w.channels_first(w.read(operator)), w.const(slopes.reshape(-1, 1, 1))
    w.channels_last(w.add("PRelu", [image, slope]), w.output(operator))


@translator(*_BINARY)
def binary(w: Writer, operator: FileOperator) -> None:
    options = operator.options
    activation = options.activation if isinstance(options, ArithmeticOptions) else 0
    operands = [w.read(operator, 0), w.read(operator, 1)]
    w.activated(w.add(_BINARY[operator.kind], operands), activation, w.output(operator))


@translator("ADD_N")
def add_all(w: Writer, operator: FileOperator) -> None:
    w.add("Sum", [w.read(operator, i) for i in range(len(operator.inputs))], w.output(operator))


@translator("FLOOR_DIV", "FLOOR_MOD")
def whole_quotient(w: Writer, operator: FileOperator) -> None:
    """The quotient rounded down, or what it leaves."""
    a, b = w.read(operator, 0), w.read(operator, 1)
    if operator.kind == "FLOOR_DIV":
        w.add("Floor", [w.add("Div", [a, b])], w.output(operator))
        return
    whole = w.add("Mul", [w.add("Floor", [w.add("Div", [a, b])]), b])
    w.add("Sub", [a, whole], w.output(operator))


@translator("CONV_2D", "DEPTHWISE_CONV_2D")
def convolution(w: Writer, operator: FileOperator) -> None:
    options, attributes = windowed(w, operator)
    weights = w.real(w.tensor(operator, 1).index)
    if weights.ndim != 4:
        raise UnsupportedNode(f"weights of the shape {list(weights.shape)}")
    channels = w.shape(operator)[-1]
    if operator.kind == "CONV_2D":
        turned = weights.transpose(0, 3, 1, 2)
        groups = channels // max(weights.shape[3], 1)
    else:
        turned, groups = weights.transpose(3, 0, 1, 2), channels
    image = w.channels_first(w.read(operator))
    operands = [image, w.const(turned)]
    if w.has(operator, 2):
        operands.append(w.read(operator, 2))
    made = w.add(
        "Conv", operands, dilations=w.dilation(operator, options), group=groups,
        kernel_shape=list(turned.shape[2:]), **attributes,
    )  # fmt: skip
    w.activated(
        w.add("Transpose", [made], perm=[0, 2, 3, 1]), options.activation, w.output(operator)
    )


@translator("TRANSPOSE_CONV")
def transposed_convolution(w: Writer, operator: FileOperator) -> None:
    """The file says the output's size; what is cut off lies around it, the larger half behind."""
    options, _ = windowed(w, operator)
    size, weights = w.ctx.integers(operator, 0), w.real(w.tensor(operator, 1).index)
    shape = w.shape(operator, 2)
    if len(size) != 4 or weights.ndim != 4 or len(shape) != 4:
        raise UnsupportedNode(f"an output of {list(size)}")
    pads, more = ([0, 0], [0, 0]), [0, 0]
    for i in (0, 1):
        whole = (shape[1 + i] - 1) * options.stride[i] + weights.shape[1 + i]
        cut = whole - size[1 + i]
        begin = max(cut, 0) // 2 if options.same else 0
        pads[0][i], pads[1][i], more[i] = begin, max(cut, 0) - begin, max(-cut, 0)
    operands = [w.channels_first(w.read(operator, 2)), w.const(weights.transpose(3, 0, 1, 2))]
    if w.has(operator, 3):
        operands.append(w.read(operator, 3))
    made = w.add(
        "ConvTranspose", operands, strides=list(options.stride), pads=[*pads[0], *pads[1]],
        output_padding=more, kernel_shape=list(weights.shape[1:3]),
    )  # fmt: skip
    last = w.add("Transpose", [made], perm=[0, 2, 3, 1])
    w.activated(last, options.activation, w.output(operator))


@translator("FULLY_CONNECTED")
def dense(w: Writer, operator: FileOperator) -> None:
    options, weights = operator.options, w.real(w.tensor(operator, 1).index)
    if not isinstance(options, DenseOptions) or options.shuffled or weights.ndim != 2:
        raise UnsupportedNode(f"weights of the shape {list(weights.shape)}, or shuffled")
    x = w.read(operator)
    if not options.keep_dims:
        x = w.add("Reshape", [x, w.ints([-1, weights.shape[1]])])
    made = w.add("MatMul", [x, w.const(weights.T)])
    if w.has(operator, 2):
        made = w.add("Add", [made, w.read(operator, 2)])
    w.activated(made, options.activation, w.output(operator))


@translator("BATCH_MATMUL")
def product(w: Writer, operator: FileOperator) -> None:
    options, operands = operator.options, [w.read(operator, 0), w.read(operator, 1)]
    swapped = (options.adj_x, options.adj_y) if isinstance(options, ProductOptions) else ()
    for place, swap in enumerate(swapped):
        order = list(range(len(w.shape(operator, place))))
        if swap:
            order[-2:] = order[:-3:-1]
            operands[place] = w.add("Transpose", [operands[place]], perm=order)
    w.add("MatMul", operands, w.output(operator))


@translator("AVERAGE_POOL_2D", "MAX_POOL_2D")
def pool(w: Writer, operator: FileOperator) -> None:
    options, attributes = windowed(w, operator)
    op = "MaxPool" if operator.kind == "MAX_POOL_2D" else "AveragePool"
    image = w.channels_first(w.read(operator))
    made = w.add(op, [image], kernel_shape=list(options.kernel), **attributes)
    last = w.add("Transpose", [made], perm=[0, 2, 3, 1])
    w.activated(last, options.activation, w.output(operator))


_REDUCTIONS = {
    "MEAN": "ReduceMean", "REDUCE_MAX": "ReduceMax", "REDUCE_MIN": "ReduceMin",
    "REDUCE_PROD": "ReduceProd",
}  # fmt: skip


@translator(*_REDUCTIONS, "SUM")
def reduction(w: Writer, operator: FileOperator) -> None:
    options, axes = operator.options, list(w.ctx.integers(operator, 1))
    keep = int(isinstance(options, ReduceOptions) and options.keep_dims)
    if operator.kind == "SUM":
        operands = [w.read(operator), w.ints(axes)]
        w.add("ReduceSum", operands, w.output(operator), keepdims=keep)
        return
    word = _REDUCTIONS[operator.kind]
    w.add(word, [w.read(operator)], w.output(operator), axes=axes, keepdims=keep)


@translator("SOFTMAX")
def softmax(w: Writer, operator: FileOperator) -> None:
    beta = operator.options.beta if isinstance(operator.options, SoftmaxOptions) else 1.0
    x = w.read(operator)
    x = x if beta == 1.0 else w.add("Mul", [x, w.const(beta)])
    w.add("Softmax", [x], w.output(operator), axis=-1)


@translator("LOG_SOFTMAX")
def log_softmax(w: Writer, operator: FileOperator) -> None:
    w.add("LogSoftmax", [w.read(operator)], w.output(operator), axis=-1)


@translator("L2_NORMALIZATION")
def unit_length(w: Writer, operator: FileOperator) -> None:
    w.add("LpNormalization", [w.read(operator)], w.output(operator), axis=-1, p=2)


@translator("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
def reshape(w: Writer, operator: FileOperator) -> None:
    """The output's own shape says what is meant; a batch that was left open is 1."""
    tensor = w.ctx.output_tensor(operator)
    shape = [n if n > 0 else 1 for n in tensor.shape]
    given = operator.options.values if isinstance(operator.options, ShapeOptions) else None
    if operator.kind == "RESHAPE" and w.has(operator, 1):
        given = w.ctx.integers(operator, 1)
    if operator.kind == "RESHAPE" and given is not None and -1 in given:
        shape = list(given)
    w.add("Reshape", [w.read(operator), w.ints(shape)], w.output(operator))


@translator("TRANSPOSE")
def transpose(w: Writer, operator: FileOperator) -> None:
    order = list(w.ctx.integers(operator, 1))
    w.add("Transpose", [w.read(operator)], w.output(operator), perm=order)


@translator("CONCATENATION")
def join(w: Writer, operator: FileOperator) -> None:
    options = operator.options
    if not isinstance(options, JoinOptions):
        raise UnsupportedNode("no axis")
    parts = [w.read(operator, i) for i in range(len(operator.inputs))]
    made = w.add("Concat", parts, axis=options.axis)
    w.activated(made, options.activation, w.output(operator))


@translator("PACK")
def pack(w: Writer, operator: FileOperator) -> None:
    axis = operator.options.axis if isinstance(operator.options, JoinOptions) else 0
    rank = len(w.shape(operator)) + 1
    axis = axis + rank if axis < 0 else axis
    parts = [w.read(operator, i) for i in range(len(operator.inputs))]
    parts = [w.add("Unsqueeze", [part, w.ints([axis])]) for part in parts]
    w.add("Concat", parts, w.output(operator), axis=axis)


@translator("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
def resize(w: Writer, operator: FileOperator) -> None:
    options, size, shape = operator.options, w.ctx.integers(operator, 1), w.shape(operator)
    if not isinstance(options, ResizeOptions) or len(size) != 2 or len(shape) != 4:
        raise UnsupportedNode(f"resizes to {list(size)}")
    centers = "half_pixel" if options.half_pixel_centers else "asymmetric"
    attributes: dict[str, Any] = {
        "coordinate_transformation_mode": "align_corners" if options.align_corners else centers
    }
    if operator.kind == "RESIZE_BILINEAR":
        attributes["mode"] = "linear"
    else:
        rounded = options.half_pixel_centers or options.align_corners
        attributes |= {"mode": "nearest"}
        attributes["nearest_mode"] = "round_prefer_ceil" if rounded else "floor"
    sizes = w.ints([shape[0], shape[3], *size])
    image = w.channels_first(w.read(operator))
    w.channels_last(w.add("Resize", [image, "", "", sizes], **attributes), w.output(operator))


@translator("DEPTH_TO_SPACE", "SPACE_TO_DEPTH")
def blocks(w: Writer, operator: FileOperator) -> None:
    word = "DepthToSpace" if operator.kind == "DEPTH_TO_SPACE" else "SpaceToDepth"
    if not isinstance(operator.options, BlockOptions):
        raise UnsupportedNode("no block size")
    made = w.add(word, [w.channels_first(w.read(operator))], blocksize=operator.options.block)
    w.channels_last(made, w.output(operator))


@translator("BROADCAST_TO")
def broadcast(w: Writer, operator: FileOperator) -> None:
    w.add("Expand", [w.read(operator), w.ints(w.ctx.integers(operator, 1))], w.output(operator))


@translator("TILE")
def tile(w: Writer, operator: FileOperator) -> None:
    w.add("Tile", [w.read(operator), w.ints(w.ctx.integers(operator, 1))], w.output(operator))


@translator("DEQUANTIZE")
def dequantize(w: Writer, operator: FileOperator) -> None:
    """Weights that are kept in half the bytes, or a quarter: constants."""
    index = w.tensor(operator, 0).index
    if index not in w.ctx.constants:
        raise UnsupportedNode("part of the network computes in integers")
    w.ctx.constants[operator.outputs[0]] = w.real(index).astype(np.float32)
