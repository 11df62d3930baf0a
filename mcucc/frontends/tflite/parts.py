"""Converters of .tflite operators that take a part of an activation."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from mcucc.frontends.tflite.context import Context
from mcucc.frontends.tflite.file import FileOperator
from mcucc.frontends.tflite.joins import axis_of, take_apart
from mcucc.frontends.tflite.options import Options, SliceOptions
from mcucc.frontends.tflite.positions import take_positions
from mcucc.frontends.tflite.registry import converter
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.op import Op
from mcucc.ops.reshape import Reshape
from mcucc.ops.slice import Slice

Shape = tuple[int, ...]


@converter("SLICE")
def slice_(ctx: Context, operator: FileOperator) -> None:
    """A box; a size of -1 means all that is left."""
    shape = ctx.shape_at(operator)
    begin, size = ctx.integers(operator, 1), ctx.integers(operator, 2)
    if not len(begin) == len(size) == len(shape):
        raise UnsupportedNode(f"a box of {len(begin)} axes of {list(shape)}")
    taken = [range(b, n if s == -1 else b + s) for b, s, n in zip(begin, size, shape, strict=True)]
    _take(ctx, operator, taken, tuple(len(part) for part in taken))


@converter("STRIDED_SLICE")
def strided_slice(ctx: Context, operator: FileOperator) -> None:
    """A box with steps; an axis may be dropped, and new ones of length 1 made."""
    bounds = [ctx.integers(operator, i) for i in (1, 2, 3)]
    taken, made = strided(ctx.shape_at(operator), bounds, operator.options)
    _take(ctx, operator, taken, made)


def strided(
    shape: Shape, bounds: Sequence[Shape], options: Options
) -> tuple[list[range], tuple[int, ...]]:
    """What a STRIDED_SLICE takes of every axis, and the shape it makes.

    `bounds`: the first positions, the ends and the steps.
    """
    if not isinstance(options, SliceOptions) or len({len(bound) for bound in bounds}) != 1:
        raise UnsupportedNode("bounds of different lengths")
    taken, made, axis = [range(n) for n in shape], [], 0
    for place in _entries(len(bounds[0]), len(shape), options):
        if place is not None and options.new_axis_mask >> place & 1:
            made.append(1)
            continue
        if place is not None:
            low, high, by = (bound[place] for bound in bounds)
            if by == 0:
                raise UnsupportedNode("a step of 0")
            taken[axis] = positions(shape[axis], (low, high, by), options, 1 << place)
        if place is None or not options.shrink_axis_mask >> place & 1:
            made.append(len(taken[axis]))
        axis += 1
    return taken, tuple(made)


def _entries(count: int, rank: int, options: SliceOptions) -> list[int | None]:
    """The bounds' entries in turn, None for each axis that none of them names."""
    marks = [i for i in range(count) if options.ellipsis_mask >> i & 1]
    new = sum(options.new_axis_mask >> i & 1 for i in range(count) if i not in marks)
    free = rank - (count - len(marks) - new)
    if len(marks) > 1 or free < 0:
        raise UnsupportedNode(f"{count} bounds of {rank} axes")
    cut = marks[0] if marks else count
    return [*range(cut), *[None] * free, *range(cut + len(marks), count)]


def positions(length: int, bounds: tuple[int, int, int], options: SliceOptions, bit: int) -> range:
    """The positions of one axis that a STRIDED_SLICE takes; `bit` is the axis's in the masks."""
    low, high, by = bounds
    first = None if options.begin_mask & bit else low
    if options.shrink_axis_mask & bit:
        place = 0 if first is None else first + (length if first < 0 else 0)
        return range(place, place + 1) if 0 <= place < length else range(0)
    if options.ends_are_lengths:
        high += low
    last = None if options.end_mask & bit else high
    return range(length)[first:last:by]


@converter("SPLIT")
def split(ctx: Context, operator: FileOperator) -> None:
    """Equal parts, a Slice for each."""
    x, shape = ctx.activation(operator, 1), ctx.shape_at(operator, 1)
    axis = axis_of(_one(ctx, operator, 0), len(shape))
    length, rest = divmod(shape[axis], max(len(operator.outputs), 1))
    if rest or not operator.outputs:
        raise UnsupportedNode(f"{len(operator.outputs)} equal parts of {list(shape)}")
    take_apart(ctx, operator, x, axis, [length] * len(operator.outputs), place=1)


@converter("SPLIT_V")
def split_v(ctx: Context, operator: FileOperator) -> None:
    """Parts of the lengths that the file says; one may be -1."""
    x, shape = ctx.activation(operator), ctx.shape_at(operator)
    axis, lengths = axis_of(_one(ctx, operator, 2), len(shape)), list(ctx.integers(operator, 1))
    if lengths.count(-1) == 1:
        lengths[lengths.index(-1)] = shape[axis] - sum(lengths) - 1
    whole = len(lengths) == len(operator.outputs) and sum(lengths) == shape[axis]
    if not whole or min(lengths, default=0) < 1:
        raise UnsupportedNode(f"parts of {lengths} of a length of {shape[axis]}")
    take_apart(ctx, operator, x, axis, lengths)


def _one(ctx: Context, operator: FileOperator, position: int) -> int:
    values = ctx.integers(operator, position)
    if len(values) != 1:
        raise UnsupportedNode(f"input {position} is no single number")
    return values[0]


def _take(
    ctx: Context, operator: FileOperator, taken: Sequence[range], made: tuple[int, ...]
) -> None:
    """The box of these positions along the axes of the file's shape."""
    x, own = ctx.activation(operator), ctx.shape_at(operator)
    inside = [part and part[0] >= 0 and part[-1] < n for part, n in zip(taken, own, strict=True)]
    if not all(inside):
        raise UnsupportedNode(f"takes {', '.join(_text(part) for part in taken)} of {list(own)}")
    if any(part.step < 0 for part in taken):
        take_positions(ctx, operator, own, list(enumerate(taken)), made)
        return
    y = ctx.define(ctx.output_tensor(operator), made)
    if x.shape == (1, *own):  # a matrix: one axis more in the graph
        taken, own = [range(1), *taken], x.shape
    ops = [_box(taken)] if x.shape == own else _axis_by_axis(taken, own)
    ctx.chain([*ops, Reshape(y.shape)], x, y)


def _box(taken: Sequence[range]) -> Slice:
    """The Slice of (1, ...) with these positions along every axis."""
    rows, columns, channels = [range(1)] * (4 - len(taken)) + list(taken[1:])
    return Slice(
        (rows.start, columns.start, channels.start),
        (len(rows), len(columns), len(channels)),
        (rows.step, columns.step, channels.step),
    )


def _axis_by_axis(taken: Sequence[range], shape: Sequence[int]) -> list[Op]:
    """A box of any shape: each axis in turn as the middle one of three."""
    ops: list[Op] = []
    left = list(shape)
    for axis, part in enumerate(taken):
        if part == range(left[axis]):
            continue
        outer, inner = prod(left[:axis]), prod(left[axis + 1 :])
        ops.append(Reshape((1, outer, left[axis], inner)))
        ops.append(_box([range(1), range(outer), part, range(inner)]))
        left[axis] = len(part)
    return ops


def _text(part: range) -> str:
    return f"{part.start}:{part.stop}:{part.step}"
