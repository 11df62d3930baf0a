"""Parts of a value, and values joined: what Slice, Split, Gather, Concat and Pad are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import numpy.typing as npt

from mcucc.frontends.onnx.context import Context
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.view import NHWC, View
from mcucc.frontends.onnx.windows import LARGEST_EXTENT
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ops.concat import Concat
from mcucc.ops.gather_channels import INT16_MAX, GatherChannels
from mcucc.ops.slice import Slice

MOST_PARTS = 16  # that positions of one axis are taken apart into: each is a Slice
MOST_GATHERED = INT16_MAX // 2  # values of one GatherChannels, of two bytes perhaps

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """`count` positions of an axis from `begin` on, every `step`th."""

    begin: int
    count: int
    step: int = 1


def taken(ctx: Context, node: OnnxNode, view: View, parts: Sequence[Part], name: str = "") -> View:
    """The box of these parts, one an axis; `name` as of Context.compute."""
    if any(part.count < 1 for part in parts):
        raise UnsupportedNode("nothing is left")
    changed = [i for i, part in enumerate(parts) if part != Part(0, view.shape[i])]
    if not changed:
        return view
    if len(parts) != 4 or view.shape[0] != 1:
        for axis in changed:
            step = name if axis == changed[-1] else f"{name}axis_{axis}"
            view = _taken_along(ctx, node, view, axis, parts[axis], step)
        return view
    order = view.permutation(NHWC)
    if order is None or order[0] != 0:
        order = NHWC
    stored = ctx.in_layout(node, view, order)
    rows, columns, channels = (parts[axis] for axis in order[1:])
    op = Slice(
        (rows.begin, columns.begin, channels.begin),
        (rows.count, columns.count, channels.count),
        (rows.step, columns.step, channels.step),
    )
    made = ctx.compute(node, op, [stored.tensor], name)
    return View.stored(made, [part.count for part in parts], order)


def _taken_along(
    ctx: Context, node: OnnxNode, view: View, axis: int, part: Part, name: str
) -> View:
    """A part of one axis of any value: of channels where it is innermost, else of columns."""
    order = view.permutation() or tuple(range(len(view.axes)))
    place = order.index(axis)
    lengths = [view.shape[i] for i in order]
    outer, inner = prod(lengths[:place]), prod(lengths[place + 1 :])
    stored = ctx.in_layout(node, view, order)
    if inner == 1:
        stored = ctx.shaped(node, stored, (1, 1, outer, lengths[place]))
        op = Slice((0, 0, part.begin), (1, outer, part.count), (1, 1, part.step))
    else:
        stored = ctx.shaped(node, stored, (1, outer, lengths[place], inner))
        op = Slice((0, part.begin, 0), (outer, part.count, inner), (1, part.step, 1))
    made = ctx.compute(node, op, [stored.tensor], name)
    return View.stored(
        made, [part.count if i == axis else n for i, n in enumerate(view.shape)], order
    )


def joined(ctx: Context, node: OnnxNode, views: Sequence[View], axis: int, name: str = "") -> View:
    """The views one behind the other along an axis; `name` as of Context.compute."""
    if len(views) == 1:
        return views[0]
    order = _common_order(views)
    stored = [ctx.in_layout(node, view, order) for view in views]
    place = order.index(axis)
    if place == 0 or len(order) > 4 or views[0].shape[order[0]] != 1:
        # Any concatenation is one of rows: (outer axes, axis, inner axes).
        stored = [
            ctx.shaped(node, view, (1, *_around([view.shape[a] for a in order], place)))
            for view in stored
        ]
        place = 2
    made = ctx.compute(node, Concat(place), [view.tensor for view in stored], name)
    shape = tuple(
        sum(v.shape[axis] for v in views) if i == axis else n for i, n in enumerate(views[0].shape)
    )
    return View.stored(made, shape, order)


def _around(dims: Sequence[int], axis: int) -> tuple[int, int, int]:
    return prod(dims[:axis]), dims[axis], prod(dims[axis + 1 :])


def _common_order(views: Sequence[View]) -> tuple[int, ...]:
    for view in views:
        order = view.permutation(NHWC)
        if order is not None and order[0] == 0 and all(v.matches(order) for v in views):
            return order
    return NHWC if len(views[0].axes) == 4 else tuple(range(len(views[0].axes)))


def picked(
    ctx: Context, node: OnnxNode, view: View, axis: int, positions: Positions, name: str = ""
) -> View:
    """These positions (>= 0, of any shape) in place of an axis, as numpy.take.

    All of them, each once, in the order of transposed factors of the axis: another view of the
    same values. Else Slices of positions at equal distances, joined, or where these are more than
    MOST_PARTS a GatherChannels along the axis, laid innermost.
    """
    order = _factors(positions, view.shape[axis])
    if order is not None:
        return _regrouped(ctx, node, view, axis, positions.shape, order)
    if positions.size > LARGEST_EXTENT:
        raise UnsupportedNode(f"{positions.size:,} positions (at most {LARGEST_EXTENT:,})")
    parts = _parts(positions.reshape(-1))
    boxes = [[Part(0, n) for n in view.shape] for _ in parts]
    for box, part in zip(boxes, parts, strict=True):
        box[axis] = part
    if len(boxes) == 1:
        made = taken(ctx, node, view, boxes[0], name)
    elif len(boxes) > MOST_PARTS:
        made = _gathered(ctx, node, view, axis, positions, name)
    else:
        pieces = [
            taken(ctx, node, view, box, f"{name}part_{i}").canonical()
            for i, box in enumerate(boxes)
        ]
        made = joined(ctx, node, pieces, axis, name)
    if positions.ndim == 1:
        return made
    return _regrouped(ctx, node, made, axis, positions.shape, range(positions.ndim))


def _gathered(
    ctx: Context, node: OnnxNode, view: View, axis: int, positions: Positions, name: str
) -> View:
    """These positions of any axis, in any order."""
    length = view.shape[axis]
    if max(length, positions.size) > MOST_GATHERED:
        raise UnsupportedNode(f"{positions.size:,} positions of {length:,}, in no order")
    picture = len(view.shape) == 4 and view.shape[0] == 1 and axis == NHWC[-1]
    order = NHWC if picture else (*(i for i in range(len(view.shape)) if i != axis), axis)
    stored = ctx.in_layout(node, view, order)
    if not picture:
        outer = prod(view.shape) // length
        stored = ctx.shaped(node, stored, (1, 1, outer, length))
    op = GatherChannels(tuple(positions.reshape(-1).tolist()))
    made = ctx.compute(node, op, [stored.tensor], name)
    return View.stored(
        made, [positions.size if i == axis else n for i, n in enumerate(view.shape)], order
    )


def _parts(flat: Positions) -> list[Part]:
    """The positions as few ascending parts, each as long as it can be."""
    parts: list[Part] = []
    for position in flat.tolist():
        last = parts[-1] if parts else None
        if last is not None and last.count == 1 and position > last.begin:
            parts[-1] = Part(last.begin, 2, position - last.begin)
        elif last is not None and last.count > 1 and _next(last) == position:
            parts[-1] = replace(last, count=last.count + 1)
        elif len(parts) > MOST_PARTS:
            break
        else:
            parts.append(Part(position, 1))
    return parts


def _next(part: Part) -> int:
    return part.begin + part.count * part.step


def _factors(positions: Positions, length: int) -> tuple[int, ...] | None:
    """The axes of `positions`, coarsest first, if they count an axis of this length through."""
    if positions.size != length:
        return None
    shape = positions.shape
    first = positions.reshape(-1)[0]
    steps = [
        int(np.take(positions, 1, axis).reshape(-1)[0] - first) if n > 1 else length
        for axis, n in enumerate(shape)
    ]
    order = tuple(sorted(range(len(shape)), key=lambda axis: -steps[axis]))
    counted = np.arange(length).reshape([shape[axis] for axis in order])
    same = np.array_equal(counted, positions.transpose(order))
    return order if same else None


def _regrouped(
    ctx: Context,
    node: OnnxNode,
    view: View,
    axis: int,
    shape: Sequence[int],
    order: Sequence[int],
) -> View:
    """One axis as several of this shape, which lie in `order` in it, coarsest first."""
    lengths = view.shape
    wanted = (*lengths[:axis], *(shape[i] for i in order), *lengths[axis + 1 :])
    made = view.reshaped(wanted)
    if made is None:  # a factor that lies across moved atoms: they are stored in order first
        made = ctx.in_layout(node, view, range(len(lengths))).reshaped(wanted)
    assert made is not None, "the row-major order takes every shape"
    place = [axis + list(order).index(i) for i in range(len(shape))]
    behind = range(axis + len(shape), len(wanted))
    return made.transposed((*range(axis), *place, *behind))
