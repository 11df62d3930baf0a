"""Converters of .tflite operators that work element by element."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcucc.frontends.tflite import constants
from mcucc.frontends.tflite.context import (
    INT8,
    INT16,
    Context,
    check_int8,
    per_tensor,
)
from mcucc.frontends.tflite.file import FileOperator
from mcucc.frontends.tflite.options import ArithmeticOptions, LeakyOptions
from mcucc.frontends.tflite.registry import converter
from mcucc.frontends.tflite.strided_view import StridedView
from mcucc.frontends.tflite.windows import fused
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.op import Op
from mcucc.ir.tensor import Quant, Tensor
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import NO_CLAMP, RELU, RELU6, Clamp
from mcucc.numerics.litert_int16 import power_of_two
from mcucc.ops.abs import Abs
from mcucc.ops.add import Add
from mcucc.ops.channel_operand import ChannelOperand
from mcucc.ops.clip import Clip
from mcucc.ops.extremum import Extremum
from mcucc.ops.gelu import Gelu
from mcucc.ops.hard_swish import HardSwish
from mcucc.ops.leaky_relu import LeakyRelu
from mcucc.ops.mul import Mul
from mcucc.ops.prelu import PRelu
from mcucc.ops.scalar_operand import Arithmetic, ScalarOperand
from mcucc.ops.squared_difference import SquaredDifference
from mcucc.ops.sub import Sub

_RELUS = {
    "RELU": RELU,
    "RELU6": RELU6,
    "RELU_0_TO_1": Clamp(0.0, 1.0),
    "RELU_N1_TO_1": Clamp(-1.0, 1.0),
}
_BINARY: dict[str, type[Add] | type[Sub] | type[Mul]] = {"ADD": Add, "SUB": Sub, "MUL": Mul}


@converter(*_BINARY)
def arithmetic(ctx: Context, operator: FileOperator) -> None:
    """Of two activations, a factor per channel second; or of one and a constant of any shape."""
    options = operator.options
    clamp = fused(options.activation) if isinstance(options, ArithmeticOptions) else NO_CLAMP
    op = _BINARY[operator.kind](clamp)
    if isinstance(op, Add | Sub) and _shifted(ctx, operator):
        op = replace(op, shifts=True)
    scalar = _scalar(ctx, operator)
    if scalar is not None:
        place, value, quant = scalar
        kind, ends = Arithmetic(operator.kind.lower()), (quant.per_tensor_scale, quant.zero_point)
        table = ScalarOperand(kind, value, *ends, clamp, comes_first=place == 0)
        x, shape = ctx.activation(operator, 1 - place, phases=True), _stretch(ctx, operator)
        ctx.like(operator, 1 - place)
        ctx.op(table, [x.name], operator, shape)
        return
    if _with_channels(ctx, operator, clamp):
        return
    y, (a, b) = _both(ctx, operator, factor=operator.kind == "MUL")
    ctx.emit(op, [a.name, b.name], y)


def _shifted(ctx: Context, operator: FileOperator) -> bool:
    """Whether ADD or SUB is of int16 whose scales are powers of two: LiteRT then shifts."""
    options, tensors = operator.options, [*operator.inputs, *operator.outputs]
    ends = [ctx.file.tensors[index] for index in tensors if index >= 0]
    wanted = isinstance(options, ArithmeticOptions) and options.shifts
    return wanted and all(
        end.dtype == INT16 and power_of_two(per_tensor(end).per_tensor_scale) is not None
        for end in ends
    )


def _stretch(ctx: Context, operator: FileOperator) -> tuple[int, ...]:
    """The shape that both operands broadcast to."""
    shapes = [ctx.shape_at(operator, i) for i in (0, 1)]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise UnsupportedNode(f"operands of {list(shapes[0])} and {list(shapes[1])}") from None


def _both(
    ctx: Context, operator: FileOperator, *, factor: bool = False
) -> tuple[Tensor, list[Tensor]]:
    """The output and both activations in its shape, repeated where they are smaller.

    `factor`: the smaller one may be a factor of each channel; it then comes second as it is.
    """
    blocks = {ctx.blocks.get(ctx.file_tensor(operator, i).index) for i in (0, 1)}
    if len(blocks) > 1:
        raise UnsupportedNode("one operand is a batch of SPACE_TO_BATCH_ND, the other is not")
    fixed = _constant_place(ctx, operator)
    live = [i for i in (0, 1) if i != fixed]
    parts = {i: ctx.activation(operator, i, phases=True) for i in live}
    made = _stretch(ctx, operator)
    ctx.like(operator)
    y = ctx.define(ctx.output_tensor(operator), made)
    small = [i for i in live if parts[i].shape != y.shape]
    if factor and len(small) == 1 < len(live) and hwc(parts[small[0]].shape) == _channels(y):
        return y, [parts[1 - small[0]], parts[small[0]]]
    for i in small:
        view = StridedView.of(parts[i].name, ctx.shape_at(operator, i)).broadcast(made)
        wide = ctx.between(f"{y.name}_operand", y, y.shape, parts[i].quantization)
        ctx.apply(view, wide)
        parts[i] = wide
    if fixed is not None:
        tensor = ctx.file_tensor(operator, fixed)
        parts[fixed] = constants.beside(ctx, tensor, parts[live[0]], made, y.shape)
    return y, [parts[0], parts[1]]


def _channels(y: Tensor) -> tuple[int, int, int]:
    return 1, 1, hwc(y.shape)[2]


def _constant_place(ctx: Context, operator: FileOperator) -> int | None:
    """Which of two operands is a constant."""
    places = [i for i in (0, 1) if ctx.file_tensor(operator, i).index in ctx.constants]
    return places[0] if len(places) == 1 else None


def _scalar(ctx: Context, operator: FileOperator) -> tuple[int, int, Quant] | None:
    """Which of two operands is one number throughout: its place, integer and quantization."""
    for place in (0, 1):
        tensor = ctx.file_tensor(operator, place)
        value = ctx.constants.get(tensor.index)
        if value is None or tensor.dtype != INT8 or not value.size:
            continue
        if _stretch(ctx, operator) != ctx.shape_at(operator, 1 - place):
            continue
        if (value == value.flat[0]).all():
            return place, int(value.flat[0]), per_tensor(tensor)
    return None


def _with_channels(ctx: Context, operator: FileOperator, clamp: Clamp) -> bool:
    """ChannelOperand, where one operand is a constant that varies along the channels only."""
    place = _constant_place(ctx, operator)
    if place is None:
        return False
    tensor = ctx.file_tensor(operator, place)
    check_int8(tensor)
    values, made = ctx.constants[tensor.index], _stretch(ctx, operator)
    x = ctx.activation(operator, 1 - place, phases=True)
    channels = hwc(x.shape)[2]
    by_channel = values.shape[-1:] == (channels,) and values.size == channels
    if not by_channel or made != ctx.shape_at(operator, 1 - place):
        return False
    quant = per_tensor(tensor)
    op = ChannelOperand(
        Arithmetic(operator.kind.lower()),
        tuple(int(value) for value in values.flat),
        quant.per_tensor_scale,
        quant.zero_point,
        clamp,
        comes_first=place == 0,
    )
    ctx.like(operator, 1 - place)
    ctx.op(op, [x.name], operator, made)
    return True


@converter("DIV")
def quotient(ctx: Context, operator: FileOperator) -> None:
    """Refused: Div rounds once, LiteRT's int8 kernel by a reciprocal in fixed point."""
    raise UnsupportedNode(
        "LiteRT's quotient of int8 values is not compiled",
        "give mcucc the float .tflite and pictures",
    )


@converter("SQUARED_DIFFERENCE")
def squared_difference(ctx: Context, operator: FileOperator) -> None:
    """Of two activations, or of one and a constant, each stretched to the other's shape."""
    y, operands = _both(ctx, operator)
    ctx.emit(SquaredDifference(), [x.name for x in operands], y)


@converter("MAXIMUM", "MINIMUM")
def extremum(ctx: Context, operator: FileOperator) -> None:
    """Extremum of two activations or of one and a constant, Clip of one and a number.

    LiteRT compares bytes, whatever scales the file notes.
    """
    scalar = _scalar(ctx, operator)
    if scalar is None:
        y, operands = _both(ctx, operator)
        names = [ctx.relabelled(x, y.quantization).name for x in operands]
        ctx.emit(Extremum(operator.kind == "MAXIMUM"), names, y)
        return
    place, value, _ = scalar
    x = ctx.activation(operator, 1 - place)
    y = ctx.define(ctx.output_tensor(operator), _stretch(ctx, operator))
    x, quant = ctx.relabelled(x, y.quantization), y.quantization
    bound = (value - quant.zero_point) * quant.per_tensor_scale
    clamp = Clamp(lo=bound) if operator.kind == "MAXIMUM" else Clamp(hi=bound)
    ctx.emit(Clip(clamp), [x.name], y)


def _unary(ctx: Context, operator: FileOperator, op: Op) -> None:
    x = ctx.activation(operator, phases=True)
    ctx.op(op, [x.name], operator, ctx.like(operator))


@converter("HARD_SWISH")
def hard_swish(ctx: Context, operator: FileOperator) -> None:
    _unary(ctx, operator, HardSwish(int16=True))


@converter(*_RELUS)
def relu(ctx: Context, operator: FileOperator) -> None:
    _unary(ctx, operator, Clip(_RELUS[operator.kind]))


@converter("ABS")
def magnitude(ctx: Context, operator: FileOperator) -> None:
    _unary(ctx, operator, Abs())


@converter("LEAKY_RELU")
def leaky_relu(ctx: Context, operator: FileOperator) -> None:
    alpha = operator.options.alpha if isinstance(operator.options, LeakyOptions) else 0.0
    if not 0.0 <= alpha < 1e3:
        raise UnsupportedNode(f"a slope of {alpha}")
    _unary(ctx, operator, LeakyRelu(alpha))


@converter("GELU")
def gelu(ctx: Context, operator: FileOperator) -> None:
    """Gelu, exact or approximated."""
    options = operator.options
    _unary(ctx, operator, Gelu(isinstance(options, ArithmeticOptions) and options.approximate))


@converter("PRELU")
def prelu(ctx: Context, operator: FileOperator) -> None:
    """PRelu with one slope for each channel."""
    x = ctx.activation(operator, phases=True)
    tensor = ctx.file_tensor(operator, 1)
    slopes = ctx.constants.get(tensor.index)
    if slopes is None or tensor.dtype != INT8:
        raise UnsupportedNode("its slopes are no int8 constant")
    channels = hwc(x.shape)[2]
    if slopes.shape[-1:] != (channels,) or slopes.size != channels:
        raise UnsupportedNode(f"slopes {list(slopes.shape)} for {list(x.shape)}", "one per channel")
    quant = per_tensor(tensor)
    unit = quant.per_tensor_scale
    real = tuple(float((int(q) - quant.zero_point) * unit) for q in slopes.flat)
    _unary(ctx, operator, PRelu(real, unit))
