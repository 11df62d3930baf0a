"""Converters of operators that take a part of a value: Slice, Split, Gather."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx

from mcucc.frontends.onnx.context import Context
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.parts import Part, picked, taken
from mcucc.frontends.onnx.registry import converter
from mcucc.frontends.onnx.view import View
from mcucc.frontends.unsupported import UnsupportedNode

SWAP_HINT = 'red and blue are swapped by channels = "bgr" of the preprocessing TOML: leave it out'


@converter("Slice")
def slice_(ctx: Context, node: OnnxNode) -> View:
    """A box; bounds are constants. Axes that are read backwards are picked one by one."""
    view = ctx.view(node, 0)
    starts, ends = ctx.integers(node, 1, "starts"), ctx.integers(node, 2, "ends")
    if starts is None or ends is None:
        raise UnsupportedNode("its bounds are missing")
    axes = ctx.integers(node, 3, "axes") or tuple(range(len(starts)))
    steps = ctx.integers(node, 4, "steps") or (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise UnsupportedNode(f"bounds {list(starts)} and {list(ends)} of axes {list(axes)}")
    if len({_axis(view, axis) for axis in axes}) < len(axes):
        raise UnsupportedNode(f"axes {list(axes)}: one twice")
    parts = [Part(0, length) for length in view.shape]
    backwards: dict[int, range] = {}
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step == 0:
            raise UnsupportedNode("a step of 0")
        place = _axis(view, axis)
        positions = range(*slice(start, end, step).indices(view.shape[place]))
        if step < 0 and len(positions) > 1:
            _check_swap(ctx, view, place, positions)
            backwards[place] = positions
        else:
            parts[place] = Part(positions.start, len(positions), max(step, 1))
    view = taken(ctx, node, view, parts, "forwards" if backwards else "")
    for axis, positions in backwards.items():
        name = "" if axis == list(backwards)[-1] else f"axis_{axis}"
        view = picked(ctx, node, view, axis, np.array(positions), name)
    return view


def _check_swap(ctx: Context, view: View, axis: int, positions: Sequence[int]) -> None:
    """UnsupportedNode for red and blue of the picture swapped: the preprocessing does it.

    Three values of anything that is computed, or no channels, are read backwards as others are.
    """
    channels = len(view.shape) == 4 and axis in (1, 3) and view.shape[axis] == 3
    if not channels or list(positions) != [2, 1, 0]:
        return
    if not any(view.tensor in node.outputs for node in ctx.nodes):
        raise UnsupportedNode("positions 2, 1, 0", SWAP_HINT)


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
        parts = [Part(0, n) for n in view.shape]
        parts[axis] = Part(begin, size)
        begin += size
        if name:
            found[name] = taken(ctx, _with_output(node, name), view, parts)
    return found


@converter("Gather")
def gather(ctx: Context, node: OnnxNode) -> View:
    """Constant positions of an axis; a single number drops it."""
    view = ctx.view(node, 0)
    axis = _axis(view, node.integer("axis"))
    length = view.shape[axis]
    indices = ctx.constant(node, 1, "positions").astype(np.int64)
    positions = np.where(indices < 0, indices + length, indices)
    if not positions.size:
        raise UnsupportedNode("no positions")
    if positions.min() < 0 or positions.max() >= length:
        raise UnsupportedNode(f"positions {indices.tolist()} of a length of {length}")
    _check_swap(ctx, view, axis, positions.reshape(-1).tolist())
    return picked(ctx, node, view, axis, positions)


@converter("GatherND")
def gather_nd(ctx: Context, node: OnnxNode) -> View:
    """Constant positions in the leading axes together, which become one axis for it."""
    view = ctx.view(node, 0)
    indices = ctx.constant(node, 1, "positions").astype(np.int64)
    batch, depth = node.integer("batch_dims"), indices.shape[-1] if indices.ndim else 0
    lengths = view.shape
    if batch or not indices.size or not 1 <= depth <= len(lengths):
        raise UnsupportedNode(
            f"positions {list(indices.shape)} in {list(lengths)}, {batch} axes of batches"
        )
    axes = np.array(lengths[:depth], np.int64)
    positions = np.where(indices < 0, indices + axes, indices)
    if (positions < 0).any() or (positions >= axes).any():
        raise UnsupportedNode(f"positions outside of {list(lengths[:depth])}")
    flat = np.ravel_multi_index(tuple(np.moveaxis(positions, -1, 0)), lengths[:depth])
    together = tuple(atom for axis in view.axes[:depth] for atom in axis)
    joined = replace(view, axes=(together, *view.axes[depth:])).canonical()
    return picked(ctx, node, joined, 0, np.asarray(flat, np.int64))


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
