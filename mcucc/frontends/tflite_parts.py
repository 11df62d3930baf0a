"""Converters of .tflite operators that take a part of an activation."""

from __future__ import annotations

from collections.abc import Sequence

from mcucc.frontends.tflite_context import Context, RejectError, converts
from mcucc.frontends.tflite_file import FileOperator
from mcucc.frontends.tflite_options import SliceOptions
from mcucc.frontends.tflite_windows import same_quantization
from mcucc.ir.graph import Tensor
from mcucc.ops.reshape import Reshape
from mcucc.ops.slice import Slice


@converts("SLICE")
def slice_(ctx: Context, operator: FileOperator) -> None:
    """A box; a size of -1 means all that is left."""
    x = ctx.activation(operator)
    begin, size = ctx.integers(operator, 1), ctx.integers(operator, 2)
    if not len(begin) == len(size) == len(x.shape):
        raise RejectError(f"a box of {len(begin)} axes of {list(x.shape)}")
    taken = [
        range(b, n if s == -1 else b + s) for b, s, n in zip(begin, size, x.shape, strict=True)
    ]
    _take(ctx, operator, x, taken)


@converts("STRIDED_SLICE")
def strided_slice(ctx: Context, operator: FileOperator) -> None:
    """A box with positive steps; an axis may be dropped."""
    x, options = ctx.activation(operator), operator.options
    begin, end, step = (ctx.integers(operator, i) for i in (1, 2, 3))
    if not isinstance(options, SliceOptions) or not len(begin) == len(end) == len(step):
        raise RejectError("bounds of different lengths")
    if options.ellipsis_mask or options.new_axis_mask or len(begin) > len(x.shape):
        raise RejectError("an ellipsis or a new axis", "slice axis by axis")
    taken = [range(n) for n in x.shape]
    for axis, (low, high, by) in enumerate(zip(begin, end, step, strict=True)):
        if by < 1:
            raise RejectError(f"a step of {by}", "only positive steps are compiled")
        bit = 1 << axis
        if options.shrink_axis_mask & bit:
            low, high, by = low, low + 1 or x.shape[axis], 1
        first = None if options.begin_mask & bit else low
        last = None if options.end_mask & bit and not options.shrink_axis_mask & bit else high
        taken[axis] = range(x.shape[axis])[first:last:by]
    _take(ctx, operator, x, taken)


@converts("SPLIT", "SPLIT_V")
def split(ctx: Context, operator: FileOperator) -> None:
    """One Slice for every output."""
    place = 1 if operator.kind == "SPLIT" else 0
    x = ctx.activation(operator, place)
    (axis,) = ctx.integers(operator, 0 if operator.kind == "SPLIT" else 2)[:1] or (0,)
    if not -len(x.shape) <= axis < len(x.shape):
        raise RejectError(f"axis {axis} of {list(x.shape)}")
    axis %= len(x.shape)
    begin = 0
    for index in operator.outputs:
        part = ctx.file.tensors[index]
        if len(part.shape) != len(x.shape):
            raise RejectError(f"a part {list(part.shape)} of {list(x.shape)}")
        y = ctx.define(part)
        same_quantization(x, y)
        taken = [range(n) for n in x.shape]
        taken[axis] = range(begin, begin + part.shape[axis])
        begin += part.shape[axis]
        ctx.emit(_box(taken), [x.name], y)
    if begin != x.shape[axis]:
        raise RejectError(f"parts of {begin} of a length of {x.shape[axis]}")


def _take(ctx: Context, operator: FileOperator, x: Tensor, taken: Sequence[range]) -> None:
    y = ctx.define(ctx.output_tensor(operator))
    same_quantization(x, y)
    shape = tuple(len(part) for part in taken)
    if y.shape == shape:
        ctx.emit(_box(taken), [x.name], y)
        return
    part = ctx.between(f"{y.name}_part", y, shape, y.quantization)
    ctx.emit(_box(taken), [x.name], part)
    ctx.emit(Reshape(y.shape), [part.name], y)


def _box(taken: Sequence[range]) -> Slice:
    """The Slice of (1, ...) with these positions along every axis."""
    if not 2 <= len(taken) <= 4 or taken[0] != range(1) or not all(taken):
        raise RejectError(f"takes {', '.join(_positions(part) for part in taken)}")
    rows, columns, channels = [range(1)] * (4 - len(taken)) + list(taken[1:])
    return Slice(
        (rows.start, columns.start, channels.start),
        (len(rows), len(columns), len(channels)),
        (rows.step, columns.step, channels.step),
    )


def _positions(part: range) -> str:
    return f"{part.start}:{part.stop}:{part.step}"
