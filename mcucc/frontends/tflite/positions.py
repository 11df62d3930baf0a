"""Converters of .tflite operators that take positions of an axis in any order: as joined parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod

import numpy as np

from mcucc.frontends.tflite.context import Context, per_tensor
from mcucc.frontends.tflite.file import FileOperator
from mcucc.frontends.tflite.joins import axis_of, axis_view
from mcucc.frontends.tflite.options import GatherOptions, MirrorOptions
from mcucc.frontends.tflite.registry import converter
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.tensor import Tensor
from mcucc.numerics.fixed_point import IntArray
from mcucc.ops.concat import Concat
from mcucc.ops.gather_channels import GatherChannels
from mcucc.ops.reshape import Reshape
from mcucc.ops.slice import Slice

MOST_POSITIONS = 4096
MOST_PARTS = 64  # that positions are taken apart into: each is a Slice

Shape = tuple[int, ...]


@converter("GATHER")
def gather(ctx: Context, operator: FileOperator) -> None:
    """Positions that the file says, of any shape, in place of an axis."""
    options, shape = operator.options, ctx.shape_at(operator)
    if not isinstance(options, GatherOptions) or options.batch_dims:
        raise UnsupportedNode("positions for each batch")
    axis = axis_of(options.axis, len(shape))
    indices = constant_positions(ctx, operator)
    made = (*shape[:axis], *indices.shape, *shape[axis + 1 :])
    take_positions(ctx, operator, shape, [(axis, indices.reshape(-1).tolist())], made)


@converter("GATHER_ND")
def gather_nd(ctx: Context, operator: FileOperator) -> None:
    """Positions of several leading axes, which are one axis of their values in a row."""
    shape = ctx.shape_at(operator)
    flat, wide = leading_positions(constant_positions(ctx, operator), shape)
    take_positions(ctx, operator, wide, [(0, flat.reshape(-1).tolist())], (*flat.shape, *wide[1:]))


def leading_positions(indices: IntArray, shape: Shape) -> tuple[IntArray, Shape]:
    """Positions of GATHER_ND as those of one axis, and the shape that has it."""
    depth = indices.shape[-1] if indices.ndim else 0
    if not 0 < depth <= len(shape):
        raise UnsupportedNode(f"positions {list(indices.shape)} of {list(shape)}")
    if ((indices < 0) | (indices >= np.array(shape[:depth]))).any():
        raise UnsupportedNode(f"positions outside of {list(shape)}")
    steps = np.array([prod(shape[i + 1 : depth]) for i in range(depth)])
    flat: IntArray = (indices * steps).sum(axis=-1)
    return flat, (prod(shape[:depth]), *shape[depth:])


@converter("REVERSE_V2")
def reverse(ctx: Context, operator: FileOperator) -> None:
    """Axes backwards."""
    shape = ctx.shape_at(operator)
    axes = {axis_of(axis, len(shape)) for axis in ctx.integers(operator, 1)}
    turned = [(axis, range(shape[axis])[::-1]) for axis in sorted(axes)]
    take_positions(ctx, operator, shape, turned, shape)


@converter("MIRROR_PAD")
def mirror_pad(ctx: Context, operator: FileOperator) -> None:
    """Borders of the values themselves; `symmetric` ones begin with the edge."""
    options, shape, widths = operator.options, ctx.shape_at(operator), ctx.integers(operator, 1)
    inner = 1 - int(isinstance(options, MirrorOptions) and options.symmetric)
    if len(widths) != 2 * len(shape):
        raise UnsupportedNode(f"padding widths {list(widths)} of {list(shape)}")
    taken = [(i, mirrored(n, widths[2 * i : 2 * i + 2], inner)) for i, n in enumerate(shape)]
    take_positions(ctx, operator, shape, taken, tuple(len(part) for _, part in taken))


def mirrored(length: int, widths: Sequence[int], inner: int) -> list[int]:
    """The positions of a mirrored axis; `inner`: the first one from the edge that is repeated."""
    before, after = widths
    if not 0 <= min(before, after) <= max(before, after) <= length - inner:
        raise UnsupportedNode(f"{before} and {after} mirrored of a length of {length}")
    every = range(length)
    left, right = every[inner : inner + before][::-1], every[::-1][inner : inner + after]
    return [*left, *every, *right]


def constant_positions(ctx: Context, operator: FileOperator) -> IntArray:
    """The positions that the file says, of any shape."""
    tensor = ctx.file_tensor(operator, 1)
    value = ctx.constants.get(tensor.index)
    if value is None:
        raise UnsupportedNode(
            f"positions ({tensor.name}) that are computed at run time",
            "only constant ones are compiled; end the network before",
        )
    if value.dtype.kind not in "iu" or not 0 < value.size <= MOST_POSITIONS:
        raise UnsupportedNode(f"{value.size} positions of {tensor.type_name}")
    return np.asarray(value, np.int64)


def take_positions(
    ctx: Context,
    operator: FileOperator,
    shape: Shape,
    taken: Iterable[tuple[int, Sequence[int]]],
    made: Shape,
) -> None:
    """The input, seen with `shape`, at these positions of axes; the output has the shape `made`.

    Bytes are copied, whatever scales the file notes.
    """
    quant = per_tensor(ctx.output_tensor(operator))
    x = ctx.relabelled(ctx.activation(operator), quant)
    for axis, places in taken:
        if list(places) != list(range(shape[axis])):
            x = _picked(ctx, x, shape, axis, places)
            shape = (*shape[:axis], len(places), *shape[axis + 1 :])
    y = ctx.define(ctx.output_tensor(operator), made)
    ctx.emit(Reshape(y.shape), [x.name], y)


def _picked(ctx: Context, x: Tensor, shape: Shape, axis: int, places: Sequence[int]) -> Tensor:
    """These positions of an axis: GatherChannels, or Slices of equal steps, joined."""
    if not places or min(places) < 0 or max(places) >= shape[axis]:
        raise UnsupportedNode(f"positions outside of a length of {shape[axis]}")
    parts = _parts(places)
    view, place = axis_view(ctx, x, shape, axis)
    whole = (*view.shape[:place], len(places), *view.shape[place + 1 :])
    if len(parts) > 1 and place == len(view.shape) - 1:
        made = ctx.between(f"{x.name}_taken", x, whole, x.quantization)
        ctx.emit(GatherChannels(tuple(places)), [view.name], made)
        return made
    if len(parts) > MOST_PARTS:
        raise UnsupportedNode(
            f"{len(places):,} positions, not in up to {MOST_PARTS} runs of equal steps"
        )
    pieces = []
    for part in parts:
        begin, size, step = [0, 0, 0], ([1] * 3 + list(view.shape[1:]))[-3:], [1, 1, 1]
        at = place - len(view.shape)
        begin[at], size[at], step[at] = part.start, len(part), part.step
        op = Slice(
            (begin[0], begin[1], begin[2]), (size[0], size[1], size[2]), (step[0], step[1], step[2])
        )
        piece = ctx.between(f"{x.name}_part", x, op.infer([view.type]).shape, x.quantization)
        ctx.emit(op, [view.name], piece)
        pieces.append(piece)
    if len(pieces) == 1:
        return pieces[0]
    made = ctx.between(f"{x.name}_taken", x, whole, x.quantization)
    ctx.emit(Concat(place), [piece.name for piece in pieces], made)
    return made


def _parts(places: Sequence[int]) -> list[range]:
    """The positions as ascending ranges, each as long as it can be."""
    parts: list[range] = []
    for place in places:
        last = parts[-1] if parts else None
        if last is not None and len(last) == 1 and place > last.start:
            parts[-1] = range(last.start, place + 1, place - last.start)
        elif last is not None and len(last) > 1 and place == last[-1] + last.step:
            parts[-1] = range(last.start, place + 1, last.step)
        else:
            parts.append(range(place, place + 1))
    return parts
