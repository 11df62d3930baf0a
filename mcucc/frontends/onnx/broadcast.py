"""Values stretched to a larger shape, and constants where an operator wants an activation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import prod

import numpy as np

from mcucc.frontends.onnx.context import Constant as Array
from mcucc.frontends.onnx.context import Context
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.view import NHWC, View, storage_shape
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.window import hwc
from mcucc.ops.constant import MOST_VALUES, Constant
from mcucc.ops.resize_nearest import ResizeNearest

Order = tuple[int, ...]


def order_of(view: View) -> Order:
    """Axes as they are stored, channels last where a picture has no order of its own."""
    fallback = NHWC if len(view.axes) == 4 else tuple(range(len(view.axes)))
    return view.canonical().permutation(NHWC) or fallback


def broadcast_shape(a: Sequence[int], b: Sequence[int]) -> tuple[int, ...]:
    """NumPy's common shape; UnsupportedNode where there is none."""
    try:
        return np.broadcast_shapes(tuple(a), tuple(b))
    except ValueError as error:
        raise UnsupportedNode(f"shapes {list(a)} and {list(b)}") from error


def stretched(ctx: Context, node: OnnxNode, view: View, shape: Sequence[int], order: Order) -> View:
    """The value broadcast to `shape`, stored as value.transpose(order).

    Rows, columns and channels are repeated at once where the stored shape has them as they are;
    else one run of axes after the other.
    """
    view = view.expanded(max(len(shape), len(view.axes))).canonical()
    if view.shape == tuple(shape):
        return ctx.in_layout(node, view, order)
    moved = ctx.in_layout(node, view, order)
    runs = _runs([view.shape[axis] for axis in order], [shape[axis] for axis in order])
    tensor = _at_once(ctx, node, moved, [shape[axis] for axis in order])
    if tensor is None:
        tensor = _by_runs(ctx, node, moved.tensor, runs)
    made = View.stored(tensor, shape, order)
    return ctx.shaped(node, made, storage_shape([shape[axis] for axis in order]))


def _runs(have: Sequence[int], wanted: Sequence[int]) -> list[tuple[bool, int]]:
    """Neighbouring axes of one kind: (whether they are stretched, their size)."""
    pairs = [(h != w, w) for h, w in zip(have, wanted, strict=True) if w > 1]
    return [(kind, prod(w for _, w in group)) for kind, group in groupby(pairs, lambda p: p[0])]


def _at_once(ctx: Context, node: OnnxNode, view: View, wanted: Sequence[int]) -> str | None:
    """Rows, columns and channels of a stored picture repeated by one op; None where none does."""
    have, target = hwc(ctx.tensors[view.tensor].shape), hwc(storage_shape(wanted))
    if any(h not in (1, w) for h, w in zip(have, target, strict=True)):
        return None
    factors = [w // h for h, w in zip(have, target, strict=True)]
    image = ctx.shaped(node, view, (1, *have))
    return ctx.compute(node, ResizeNearest(*factors), [image.tensor], "stretched")


def _by_runs(ctx: Context, node: OnnxNode, tensor: str, runs: Sequence[tuple[bool, int]]) -> str:
    """One stretched run after the other: what lies behind it is a pixel that is repeated."""
    done = 1  # elements of the runs in front, all of them whole by now
    for i, (is_stretched, size) in enumerate(runs):
        behind = prod(n for kind, n in runs[i + 1 :] if not kind)
        if is_stretched:
            image = ctx.shaped(node, View(tensor, (), ()), (1, done, 1, behind))
            tensor = ctx.compute(node, ResizeNearest(1, size), [image.tensor], "stretched")
        done *= size
    return tensor


def constant_view(ctx: Context, node: OnnxNode, array: Array, beside: View, order: Order) -> View:
    """A constant of the file as an activation stored as array.transpose(order)."""
    stored = array.transpose(order)
    made = _constant(ctx, node, stored, storage_shape(stored.shape), beside.tensor)
    return View.stored(made, array.shape, order)


def constant_like(ctx: Context, node: OnnxNode, stored: Array, tensor: str) -> str:
    """A constant in the order and shape of a stored tensor; its name."""
    return _constant(ctx, node, stored, ctx.tensors[tensor].shape, tensor)


def _constant(
    ctx: Context, node: OnnxNode, array: Array, shape: tuple[int, ...], beside: str
) -> str:
    if array.size > MOST_VALUES or not array.size:
        raise UnsupportedNode(f"a constant operand of {array.size:,} elements")
    if not np.isfinite(array).all():
        raise UnsupportedNode("its constants contain NaN or infinity")
    return ctx.compute(node, Constant.of(array, shape), [beside], "constant")
