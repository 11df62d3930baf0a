"""Converters of operators that move or copy values: layout changes, Concat, Pad."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from mcucc.frontends.onnx.broadcast import (
    Order,
    broadcast_shape,
    constant_view,
    order_of,
    stretched,
)
from mcucc.frontends.onnx.context import Context
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.parts import Part, joined, picked, taken
from mcucc.frontends.onnx.registry import converter
from mcucc.frontends.onnx.view import NHWC, View
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ops.common.spatial import Pads
from mcucc.ops.depth_to_space import DepthToSpace
from mcucc.ops.pad import Pad
from mcucc.ops.space_to_depth import SpaceToDepth

MOST_AXES = 16


@converter("Identity")
def identity(ctx: Context, node: OnnxNode) -> View:
    return ctx.view(node, 0)


@converter("Dropout")
def dropout(ctx: Context, node: OnnxNode) -> View:
    """The value itself, for inference."""
    node.only_output()
    training = ctx.optional(node, 2, "training mode")
    if training is not None and training.any():
        raise UnsupportedNode("training mode", "call model.eval() before the export")
    return ctx.view(node, 0)


@converter("Expand")
def expand(ctx: Context, node: OnnxNode) -> View:
    """The value itself, with axes of length 1 in front, or stretched."""
    view = ctx.view(node, 0)
    shape = ctx.integers(node, 1, "shape") or ()
    if any(length < 1 for length in shape):
        raise UnsupportedNode(f"shape {list(shape)}")
    wider = view.expanded(max(len(shape), len(view.axes)))
    common = broadcast_shape(wider.shape, shape)
    if common == wider.shape:
        return wider
    return stretched(ctx, node, wider, common, order_of(wider))


@converter("Tile")
def tile(ctx: Context, node: OnnxNode) -> View:
    """The value several times along an axis: an axis of length 1 before it, stretched."""
    view = ctx.view(node, 0)
    repeats = ctx.integers(node, 1, "repeats") or ()
    lengths = view.shape
    if len(repeats) != len(lengths) or min(repeats, default=1) < 1:
        raise UnsupportedNode(f"repeats {list(repeats)} of {list(lengths)}")
    repeated = [axis for axis, times in enumerate(repeats) if times > 1]
    if len(lengths) + len(repeated) > MOST_AXES:
        raise UnsupportedNode(f"repeats {list(repeats)}: too many axes")
    axes: list[tuple[int, ...]] = []
    shape: list[int] = []
    for axis, (times, length) in enumerate(zip(repeats, lengths, strict=True)):
        if axis in repeated:
            axes.append(())
            shape.append(times)
        axes.append(view.axes[axis])
        shape.append(length)
    apart = replace(view, axes=tuple(axes)).canonical()
    order = apart.permutation() or tuple(range(len(shape)))
    made = stretched(ctx, node, apart, shape, order) if repeated else apart
    wanted = [n * times for n, times in zip(lengths, repeats, strict=True)]
    return _reshaped(ctx, node, made, wanted)


@converter("Transpose")
def transpose(ctx: Context, node: OnnxNode) -> View:
    """Another order of axes: no data moves here."""
    view = ctx.view(node, 0)
    rank = len(view.axes)
    permutation = node.integers("perm") or tuple(reversed(range(rank)))
    if sorted(permutation) != list(range(rank)):
        raise UnsupportedNode(f"perm {list(permutation)} of a value of rank {rank}")
    return view.transposed(permutation)


@converter("Reshape")
def reshape(ctx: Context, node: OnnxNode) -> View:
    """Another shape; 0 copies a length, -1 is computed."""
    view = ctx.view(node, 0)
    wanted = ctx.integers(node, 1, "shape")
    if wanted is None:
        raise UnsupportedNode("the shape is missing")
    shape = list(wanted)
    for axis, length in enumerate(shape):
        if length == 0 and not node.integer("allowzero"):
            if axis >= len(view.axes):
                raise UnsupportedNode(f"shape {list(wanted)} for {list(view.shape)}")
            shape[axis] = view.shape[axis]
    size, unknown = prod(view.shape), [i for i, n in enumerate(shape) if n == -1]
    known = prod(n for n in shape if n != -1)
    if len(unknown) == 1 and known > 0 and size % known == 0:
        shape[unknown[0]] = size // known
    if min(shape, default=1) < 1 or prod(shape) != size:
        raise UnsupportedNode(f"shape {list(wanted)} for {list(view.shape)}")
    return _reshaped(ctx, node, view, shape)


@converter("Flatten")
def flatten(ctx: Context, node: OnnxNode) -> View:
    """(product of axes before `axis`, product of the rest)."""
    view = ctx.view(node, 0)
    axis = node.integer("axis", 1)
    axis = axis + len(view.axes) if axis < 0 else axis
    if not 0 <= axis <= len(view.axes):
        raise UnsupportedNode(f"axis {axis} of a value of rank {len(view.axes)}")
    return _reshaped(ctx, node, view, (prod(view.shape[:axis]), prod(view.shape[axis:])))


def _reshaped(ctx: Context, node: OnnxNode, view: View, shape: Sequence[int]) -> View:
    if len(shape) > MOST_AXES:
        raise UnsupportedNode(f"a shape of {len(shape)} axes", f"at most {MOST_AXES} are compiled")
    found = view.reshaped(shape)
    if found is None:
        # The new axes cut across the stored order: put the model's own order first.
        view = view.canonical()
        found = ctx.reordered(node, view, view.flat).reshaped(shape)
    if found is None:
        raise UnsupportedNode(f"shape {list(shape)} for {list(view.shape)}")
    return found


@converter("Squeeze")
def squeeze(ctx: Context, node: OnnxNode) -> View:
    """Axes of length 1 dropped."""
    view = ctx.view(node, 0)
    axes = _axes(ctx, node)
    if axes is None:
        axes = tuple(i for i, length in enumerate(view.shape) if length == 1)
    dropped = {axis + len(view.axes) if axis < 0 else axis for axis in axes}
    if any(not 0 <= axis < len(view.axes) or view.axes[axis] for axis in dropped):
        raise UnsupportedNode(f"axes {list(axes)} of {list(view.shape)} are not all of length 1")
    return replace(view, axes=tuple(a for i, a in enumerate(view.axes) if i not in dropped))


@converter("Unsqueeze")
def unsqueeze(ctx: Context, node: OnnxNode) -> View:
    """Axes of length 1 inserted."""
    view = ctx.view(node, 0)
    axes = _axes(ctx, node)
    if axes is None:
        raise UnsupportedNode("the axes are missing")
    rank = len(view.axes) + len(axes)
    placed = {axis + rank if axis < 0 else axis for axis in axes}
    if len(placed) != len(axes) or any(not 0 <= axis < rank for axis in placed):
        raise UnsupportedNode(f"axes {list(axes)} for {list(view.shape)}")
    rest = iter(view.axes)
    return replace(view, axes=tuple(() if i in placed else next(rest) for i in range(rank)))


def _axes(ctx: Context, node: OnnxNode) -> tuple[int, ...] | None:
    """An input from opset 13 on, an attribute before."""
    return ctx.integers(node, 1, "axes") if node.opset >= 13 else node.integers("axes")


@converter("Concat")
def concat(ctx: Context, node: OnnxNode) -> View:
    """Concat in the layout of the first input that has one, channels last if it can be."""
    names = list(node.proto.input)
    beside = next((ctx.views[name].canonical() for name in names if name in ctx.views), None)
    if beside is None or len(names) == 0:
        raise UnsupportedNode("nothing to join")
    order = order_of(beside)
    views = [_part(ctx, node, i, beside, order) for i in range(len(names))]
    rank = len(beside.axes)
    axis = node.integer("axis")
    axis = axis + rank if axis < 0 else axis
    if not 0 <= axis < rank or any(len(view.axes) != rank for view in views):
        raise UnsupportedNode(f"axis {axis} of {', '.join(str(list(v.shape)) for v in views)}")
    return joined(ctx, node, views, axis)


def _part(ctx: Context, node: OnnxNode, index: int, beside: View, order: Order) -> View:
    """An operand of Concat; a constant one is a table, in the layout of the value beside it."""
    if node.input(index) not in ctx.constants:
        return ctx.view(node, index).canonical()
    array = ctx.constant(node, index, "operand").astype(np.float64)
    if array.ndim != len(order):
        raise UnsupportedNode(f"joins {list(beside.shape)} and a constant {list(array.shape)}")
    return constant_view(ctx, node, array, beside, order).canonical()


@converter("Pad")
def pad(ctx: Context, node: OnnxNode) -> View:
    """A border around a picture or its channels: of one value, or of what any axis holds."""
    view, mode = ctx.view(node, 0), node.text("mode", "constant")
    rank = len(view.axes)
    pads = ctx.integers(node, 1, "pads")
    value = ctx.optional(node, 2, "border value")
    axes = ctx.integers(node, 3, "axes") or tuple(range(rank))
    if pads is None or len(pads) != 2 * len(axes) or any(not -rank <= a < rank for a in axes):
        raise UnsupportedNode(f"pads {list(pads or ())} for {list(view.shape)}")
    begin, end = [0] * rank, [0] * rank
    for i, axis in enumerate(axes):
        begin[axis], end[axis] = pads[i], pads[i + len(axes)]
    if not any(pads):
        return view
    if min(pads) < 0:
        view = _cropped(ctx, node, view, begin, end)
        begin, end = ([max(0, n) for n in side] for side in (begin, end))
        if not any((*begin, *end)):
            return view
    if mode != "constant":
        return _mirrored(ctx, node, view, list(zip(begin, end, strict=True)), mode)
    if rank > 4 or view.shape[:1] != (1,) or begin[0] or end[0]:
        raise UnsupportedNode(f"pads {list(pads)} of {list(view.shape)}; only pictures are padded")
    number = 0.0 if value is None or not value.size else float(value.flat[0])
    if not number < np.inf:
        raise UnsupportedNode(f"a border of {number}")
    return _bordered(ctx, node, view, list(zip(begin, end, strict=True)), number)


def _bordered(
    ctx: Context, node: OnnxNode, view: View, pads: Sequence[tuple[int, int]], number: float
) -> View:
    """A border of one number; a sequence is a picture of one row, stored as it is."""
    rank = len(pads)
    preferred = NHWC if rank == 4 else ()
    order = view.permutation(preferred)
    if order is None or order[0] != 0:
        order = preferred or tuple(range(rank))
    if rank == 3 and any(pads[order[2]]) and not any(pads[order[1]]):
        order = (0, order[2], order[1])  # as a convolution reads it
    stored = ctx.in_layout(node, view, order)
    inner, rows = order[1:], [1] * (4 - rank)
    stored = ctx.shaped(node, stored, (1, *rows, *(view.shape[axis] for axis in inner)))
    sides = [(0, 0)] * len(rows) + [pads[axis] for axis in inner]
    (top, bottom), (left, right), channels = sides
    op = Pad(Pads(top, left, bottom, right), channels, number)
    made = ctx.compute(node, op, [stored.tensor])
    shape = tuple(n + sum(pair) for n, pair in zip(view.shape, pads, strict=True))
    return View.stored(made, shape, order)


def _cropped(
    ctx: Context, node: OnnxNode, view: View, begin: Sequence[int], end: Sequence[int]
) -> View:
    """Without what negative pads cut off."""
    cuts = [[max(0, -n) for n in side] for side in (begin, end)]
    parts = [Part(b, n - b - e) for b, e, n in zip(*cuts, view.shape, strict=True)]
    return taken(ctx, node, view, parts, "cropped" if max((*begin, *end)) > 0 else "")


def _mirrored(
    ctx: Context, node: OnnxNode, view: View, pads: Sequence[tuple[int, int]], mode: str
) -> View:
    """Borders of the values themselves, axis by axis: positions that are taken again."""
    if mode not in ("reflect", "edge", "wrap"):
        raise UnsupportedNode(f"mode {mode!r}")
    padded = [axis for axis, pad in enumerate(pads) if any(pad)]
    for axis in padded:
        length = view.shape[axis]
        if max(pads[axis]) > length - (mode == "reflect"):
            raise UnsupportedNode(f"mode {mode!r}: {pads[axis]} around a length of {length}")
        positions = np.arange(length)
        # Not np.pad: its reflect and wrap differ between releases where pads are as long.
        before, after = pads[axis]
        outside = {
            "reflect": (positions[1 : before + 1][::-1], positions[::-1][1 : after + 1]),
            "edge": (np.zeros(before, np.int64), np.full(after, length - 1)),
            "wrap": (positions[length - before :], positions[:after]),
        }[mode]
        taken = np.concatenate([outside[0], positions, outside[1]])
        view = picked(ctx, node, view, axis, taken, "" if axis == padded[-1] else f"axis_{axis}")
    return view


@converter("DepthToSpace", "SpaceToDepth")
def blocks(ctx: Context, node: OnnxNode) -> View:
    """DepthToSpace and SpaceToDepth; mode CRD counts channels first."""
    image, mode = ctx.image(node, ctx.view(node, 0)), node.text("mode", "DCR")
    if mode not in ("DCR", "CRD"):
        raise UnsupportedNode(f"mode {mode!r}")
    block, first = node.integer("blocksize"), mode == "CRD"
    op = DepthToSpace(block, first) if node.op == "DepthToSpace" else SpaceToDepth(block, first)
    made = ctx.compute(node, op, [image.tensor])
    _, height, width, channels = ctx.tensors[made].shape
    return View.stored(made, (1, channels, height, width), NHWC)
