"""Converters of operators that take a part of a value: Slice, Split, Gather."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import onnx

from mcucc.frontends.onnx.context import Context
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.registry import converter
from mcucc.frontends.onnx.view import NHWC, View
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ops.slice import Slice

SWAP_HINT = 'red and blue are swapped by channels = "bgr" of the preprocessing TOML: leave it out'


@dataclass(frozen=True)
class _Part:
    """`count` positions of an axis from `begin` on, every `step`th."""

    begin: int
    count: int
    step: int = 1


@converter("Slice")
def slice_(ctx: Context, node: OnnxNode) -> View:
    """A box with positive steps; bounds are constants."""
    view = ctx.view(node, 0)
    starts, ends = ctx.integers(node, 1, "starts"), ctx.integers(node, 2, "ends")
    if starts is None or ends is None:
        raise UnsupportedNode("its bounds are missing")
    axes = ctx.integers(node, 3, "axes") or tuple(range(len(starts)))
    steps = ctx.integers(node, 4, "steps") or (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise UnsupportedNode(f"bounds {list(starts)} and {list(ends)} of axes {list(axes)}")
    parts = [_Part(0, length) for length in view.shape]
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step < 1:
            hint = SWAP_HINT if step == -1 else "only positive steps are compiled"
            raise UnsupportedNode(f"a step of {step}", hint)
        place = _axis(view, axis)
        taken = range(*slice(start, end, step).indices(view.shape[place]))
        parts[place] = _Part(taken.start, len(taken), step)
    return _taken(ctx, node, view, parts)


@converter("Split")
def split(ctx: Context, node: OnnxNode) -> dict[str, View]:
    """One Slice for every output that has a name."""
    view = ctx.view(node, 0)
    axis = _axis(view, node.integer("axis"))
    outputs = list(node.proto.output)
    length, count = view.shape[axis], len(outputs)
    given = ctx.integers(node, 1, "split") if node.opset >= 13 else node.integers("split")
    if given is None:  # equal parts; the last may be shorter (opset 18)
        most = -(-length // count)
        given = (*(most,) * (count - 1), length - most * (count - 1))
    if len(given) != count or min(given) < 1 or sum(given) != length:
        raise UnsupportedNode(f"parts {list(given[:8])} of a length of {length}")
    found, begin = {}, 0
    for name, size in zip(outputs, given, strict=True):
        parts = [_Part(0, n) for n in view.shape]
        parts[axis] = _Part(begin, size)
        begin += size
        if name:
            found[name] = _taken(ctx, _with_output(node, name), view, parts)
    return found


@converter("Gather")
def gather(ctx: Context, node: OnnxNode) -> View:
    """Constant positions at equal distances: a Slice; a single number drops the axis."""
    view = ctx.view(node, 0)
    axis = _axis(view, node.integer("axis"))
    indices = ctx.constant(node, 1, "positions").astype(np.int64)
    flat = np.where(indices < 0, indices + view.shape[axis], indices).reshape(-1)
    distances = set(np.diff(flat).tolist()) or {1}
    if indices.ndim > 1 or not flat.size or len(distances) > 1 or min(distances) < 1:
        swapped = flat.tolist() == list(range(view.shape[axis]))[::-1]
        hint = SWAP_HINT if swapped and len(flat) == 3 else ""
        raise UnsupportedNode(f"positions of shape {list(indices.shape)} that are no slice", hint)
    if flat[0] < 0 or flat[-1] >= view.shape[axis]:
        raise UnsupportedNode(f"positions {indices.tolist()} of a length of {view.shape[axis]}")
    parts = [_Part(0, n) for n in view.shape]
    parts[axis] = _Part(int(flat[0]), flat.size, distances.pop())
    made = _taken(ctx, node, view, parts)
    if indices.ndim:
        return made
    return replace(made, axes=tuple(a for i, a in enumerate(made.axes) if i != axis))


def _axis(view: View, axis: int) -> int:
    rank = len(view.axes)
    if not -rank <= axis < rank:
        raise UnsupportedNode(f"axis {axis} of {list(view.shape)}")
    return axis % rank


def _with_output(node: OnnxNode, name: str) -> OnnxNode:
    """The node as if this output were its only one."""
    proto = onnx.NodeProto()
    proto.CopyFrom(node.proto)
    del proto.output[:]
    proto.output.append(name)
    return replace(node, proto=proto)


def _taken(ctx: Context, node: OnnxNode, view: View, parts: Sequence[_Part]) -> View:
    if any(part.count < 1 for part in parts):
        raise UnsupportedNode("nothing is left")
    changed = [i for i, part in enumerate(parts) if part != _Part(0, view.shape[i])]
    if not changed:
        return view
    if len(parts) != 4 or view.shape[0] != 1:
        for axis in changed:
            view = _taken_along(ctx, node, view, axis, parts[axis], last=axis == changed[-1])
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
    made = ctx.compute(node, op, [stored.tensor])
    return View.stored(made, [part.count for part in parts], order)


def _taken_along(
    ctx: Context, node: OnnxNode, view: View, axis: int, part: _Part, *, last: bool
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
    made = ctx.compute(node, op, [stored.tensor], "" if last else f"axis_{axis}")
    return View.stored(
        made, [part.count if i == axis else n for i, n in enumerate(view.shape)], order
    )
