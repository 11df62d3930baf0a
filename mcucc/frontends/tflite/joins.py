"""Converters of .tflite operators that join values along an axis, or take one apart again."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from mcucc.frontends.tflite import constants
from mcucc.frontends.tflite.context import Context
from mcucc.frontends.tflite.file import FileOperator
from mcucc.frontends.tflite.options import JoinOptions
from mcucc.frontends.tflite.registry import converter
from mcucc.frontends.tflite.unsigned import rescaled
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.tensor import Tensor
from mcucc.ops.concat import Concat
from mcucc.ops.reshape import Reshape
from mcucc.ops.slice import Slice

Shape = tuple[int, ...]


@converter("CONCATENATION")
def concatenation(ctx: Context, operator: FileOperator) -> None:
    """Concat; LiteRT demands one scale for all."""
    options = operator.options
    if not isinstance(options, JoinOptions) or options.activation:
        raise UnsupportedNode("a fused activation", "apply it before")
    parts = _parts(ctx, operator)
    shapes = [ctx.shape_at(operator, i) for i in range(len(parts))]
    axis = axis_of(options.axis, len(shapes[0]))
    rest = {(len(s), s[:axis], s[axis + 1 :]) for s in shapes}
    if len(rest) != 1:
        raise UnsupportedNode(f"joins {', '.join(str(list(s)) for s in shapes[:8])}")
    length = sum(s[axis] for s in shapes)
    y = ctx.define(ctx.output_tensor(operator), (*shapes[0][:axis], length, *shapes[0][axis + 1 :]))
    parts = rescaled(ctx, operator, parts, y)
    _same_scale(parts, y)
    _join(ctx, parts, shapes, axis, y)


@converter("PACK")
def pack(ctx: Context, operator: FileOperator) -> None:
    """Concat along a new axis."""
    options, parts = operator.options, _parts(ctx, operator)
    shapes = [ctx.shape_at(operator, i) for i in range(len(parts))]
    if not isinstance(options, JoinOptions) or len(set(shapes)) != 1:
        raise UnsupportedNode(f"stacks {', '.join(str(list(s)) for s in shapes[:8])}")
    axis = axis_of(options.axis, len(shapes[0]) + 1)
    wide = (*shapes[0][:axis], 1, *shapes[0][axis:])
    y = ctx.define(ctx.output_tensor(operator), (*shapes[0][:axis], len(parts), *shapes[0][axis:]))
    _same_scale(parts, y)
    _join(ctx, parts, [wide] * len(parts), axis, y)


@converter("UNPACK")
def unpack(ctx: Context, operator: FileOperator) -> None:
    """One Slice for every output, without the axis."""
    options, shape, x = operator.options, ctx.shape_at(operator), ctx.activation(operator)
    if not isinstance(options, JoinOptions):
        raise UnsupportedNode("no axis")
    axis = axis_of(options.axis, len(shape))
    if len(operator.outputs) != shape[axis]:
        raise UnsupportedNode(f"{len(operator.outputs)} parts of {list(shape)}")
    take_apart(ctx, operator, x, axis, [1] * shape[axis], drop=True)


def take_apart(
    ctx: Context,
    operator: FileOperator,
    x: Tensor,
    axis: int,
    lengths: Sequence[int],
    *,
    drop: bool = False,
    place: int = 0,
) -> None:
    """A Slice for every output: so many positions of an axis of input `place`, one after another.

    `drop`: the outputs do not have the axis (of length 1).
    """
    shape = ctx.shape_at(operator, place)
    view, along = axis_view(ctx, x, shape, axis)
    begin = 0
    for index, length in zip(operator.outputs, lengths, strict=True):
        made = (*shape[:axis], *([] if drop else [length]), *shape[axis + 1 :])
        y = ctx.define(ctx.file.tensors[index], made)
        if drop and y.quant != x.quant:
            raise UnsupportedNode("input and output have different scales or zero points")
        source = ctx.relabelled(view, y.quantization)
        first, size = [0, 0, 0], list(view.shape[1:])
        size = [1] * (3 - len(size)) + size
        first[along - len(view.shape)], size[along - len(view.shape)] = begin, length
        op = Slice((first[0], first[1], first[2]), (size[0], size[1], size[2]))
        taken = op.infer([view.type]).shape
        if taken == y.shape:
            ctx.emit(op, [source.name], y)
        else:
            part = ctx.between(f"{y.name}_part", y, taken, y.quantization)
            ctx.emit(op, [source.name], part)
            ctx.emit(Reshape(y.shape), [part.name], y)
        begin += length


def axis_of(axis: int, rank: int) -> int:
    """An axis counted from the front; UnsupportedNode for one the shape has not."""
    if not -rank <= axis < rank:
        raise UnsupportedNode(f"axis {axis} of {rank}")
    return axis % rank


def _parts(ctx: Context, operator: FileOperator) -> list[Tensor]:
    if not operator.inputs:
        raise UnsupportedNode("no inputs")
    places = range(len(operator.inputs))
    fixed = {i for i in places if operator.inputs[i] in ctx.constants}
    live = {i: ctx.activation(operator, i) for i in places if i not in fixed}
    if not live:
        raise UnsupportedNode("all its inputs are constants")
    x = next(iter(live.values()))
    return [live[i] if i in live else _constant(ctx, operator, i, x) for i in places]


def _constant(ctx: Context, operator: FileOperator, place: int, x: Tensor) -> Tensor:
    return constants.beside(ctx, ctx.file_tensor(operator, place), x, ctx.shape_at(operator, place))


def _same_scale(parts: Sequence[Tensor], y: Tensor) -> None:
    if any(part.quant != y.quant for part in parts):
        raise UnsupportedNode("inputs and output have different scales or zero points")


def _join(
    ctx: Context, parts: Sequence[Tensor], shapes: Sequence[Shape], axis: int, y: Tensor
) -> None:
    """Concat along an axis of the file's shapes, in shapes of the graph that have it."""
    own = {_own_axis(part, shape, axis) for part, shape in zip(parts, shapes, strict=True)}
    along = own.pop() if len(own) == 1 else None
    same = [len(part.shape) == len(y.shape) for part in parts]
    if along is not None and all(same):
        ctx.emit(Concat(along), [part.name for part in parts], y)
        return
    pairs = zip(parts, shapes, strict=True)
    views = [axis_view(ctx, part, shape, axis, own=False)[0] for part, shape in pairs]
    length = sum(view.shape[2] for view in views)
    made = (1, views[0].shape[1], length, views[0].shape[3])
    part = ctx.between(f"{y.name}_joined", y, made, y.quantization)
    ctx.emit(Concat(2), [view.name for view in views], part)
    ctx.emit(Reshape(y.shape), [part.name], y)


def _own_axis(x: Tensor, shape: Shape, axis: int) -> int | None:
    """The axis of the graph's own shape that is `axis` of the file's; None where there is none."""
    for own in (axis, axis + 1):
        if own >= 1 and x.shape == (*(1,) * (own - axis), *shape):
            return own
    return None


def axis_view(
    ctx: Context, x: Tensor, shape: Shape, axis: int, *, own: bool = True
) -> tuple[Tensor, int]:
    """A tensor that has an axis of the file's shape, and which of its axes that is.

    `own`: the axis of the graph's own shape will do, else it is the middle one of three.
    """
    found = _own_axis(x, shape, axis) if own else None
    if found is not None:
        return x, found
    wanted = (1, prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :]))
    if x.shape == wanted:
        return x, 2
    view = ctx.between(f"{x.name}_axis", x, wanted, x.quantization)
    ctx.emit(Reshape(wanted), [x.name], view)
    return view, 2
