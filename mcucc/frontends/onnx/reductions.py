"""Converters of reductions: over whatever axes, as pools, products with ones, or with tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from mcucc.frontends.onnx.context import Context
from mcucc.frontends.onnx.elementwise import combined
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.parts import Part, joined, taken
from mcucc.frontends.onnx.registry import converter
from mcucc.frontends.onnx.view import View
from mcucc.frontends.onnx.windows import LARGEST_EXTENT
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ops.abs import Abs
from mcucc.ops.average_pool import AveragePool
from mcucc.ops.common.spatial import Window2d
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.function import Function
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.mul import Mul

# Since when the axes of a reduction are an input.
_AXES_INPUT = {"ReduceSum": 13}
_SINCE = 18
MOST_FACTORS = 64


@converter("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd")
def reduce(ctx: Context, node: OnnxNode) -> View:
    """Over any axes; those of length 1 go along."""
    view = ctx.view(node, 0)
    axes = reduced_axes(ctx, node, view, _AXES_INPUT.get(node.op, _SINCE))
    made = {
        "ReduceMean": _mean, "ReduceSum": _sum, "ReduceMax": _largest, "ReduceMin": _least,
        "ReduceProd": _product,
    }[node.op](ctx, node, view, axes)  # fmt: skip
    return without(node, made, axes)


@converter("ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp")
def reduce_functions(ctx: Context, node: OnnxNode) -> View:
    """A sum between two functions."""
    view = ctx.view(node, 0)
    axes = reduced_axes(ctx, node, view, _SINCE)
    tensor = view.tensor
    if node.op == "ReduceL1":
        tensor = ctx.compute(node, Abs(), [tensor], "abs")
    elif node.op in ("ReduceL2", "ReduceSumSquare"):
        tensor = ctx.compute(node, Mul(), [tensor, tensor], "square")
    elif node.op == "ReduceLogSumExp":
        tensor = ctx.compute(node, Function("Exp"), [tensor], "exp")
    made = _sum(ctx, node, replace(view, tensor=tensor), axes)
    last = {"ReduceL2": "Sqrt", "ReduceLogSum": "Log", "ReduceLogSumExp": "Log"}.get(node.op)
    if last is not None:
        made = replace(made, tensor=ctx.compute(node, Function(last), [made.tensor], last.lower()))
    return without(node, made, axes)


def _mean(ctx: Context, node: OnnxNode, view: View, axes: Sequence[int]) -> View:
    """By a pool over rows and columns, by a 1x1 convolution over channels."""
    if not _long(view, axes):
        return view
    whole = _global_mean(ctx, node, view, axes)
    if whole is not None:
        return whole
    made = None if ctx.is_quantized else _channel_mean(ctx, node, view, axes)
    return made or _pooled(ctx, node, view, axes, AveragePool)


def _sum(ctx: Context, node: OnnxNode, view: View, axes: Sequence[int]) -> View:
    """The mean, times how many there are."""
    count = prod(view.shape[axis] for axis in axes)
    mean = _mean(ctx, node, view, axes)
    return mean if count == 1 else ctx.affine(node, mean, float(count), 0.0, "sum")


def _largest(ctx: Context, node: OnnxNode, view: View, axes: Sequence[int]) -> View:
    return _pooled(ctx, node, view, axes, MaxPool) if _long(view, axes) else view


def _least(ctx: Context, node: OnnxNode, view: View, axes: Sequence[int]) -> View:
    """The largest of the negated values, negated."""
    if not _long(view, axes):
        return view
    negative = ctx.affine(node, view, -1.0, 0.0, "negative")
    return ctx.affine(node, _largest(ctx, node, negative, axes), -1.0, 0.0, "least")


def _product(ctx: Context, node: OnnxNode, view: View, axes: Sequence[int]) -> View:
    """Axis by axis, one half times the other, until one value is left."""
    for axis in axes:
        while view.shape[axis] > 1:
            view = _halved(ctx, node, view, axis)
    return view


def _halved(ctx: Context, node: OnnxNode, view: View, axis: int) -> View:
    length = view.shape[axis]
    if length > MOST_FACTORS:
        raise UnsupportedNode(f"a product of {length:,} values")
    name, half = f"axis_{axis}_of_{length}", length // 2
    pieces: list[View] = []
    for part in (Part(0, half), Part(half, half), Part(2 * half, length % 2)):
        box = [part if i == axis else Part(0, n) for i, n in enumerate(view.shape)]
        if part.count:
            pieces.append(taken(ctx, node, view, box, f"{name}.{len(pieces)}").canonical())
    made = combined(ctx, node, "Mul", pieces[0], pieces[1], f"{name}.product")
    if len(pieces) < 3:
        return made
    return joined(ctx, node, [made.canonical(), pieces[2]], axis, f"{name}.joined")


def _long(view: View, axes: Sequence[int]) -> bool:
    return any(view.shape[axis] > 1 for axis in axes)


def _global_mean(ctx: Context, node: OnnxNode, view: View, axes: Sequence[int]) -> View | None:
    """GlobalAveragePool where the reduced atoms are all that lie before the channels."""
    view = view.canonical()
    reduced = _atoms(view, axes)
    if reduced != set(range(len(reduced))):
        return None
    kept = view.size_of(range(len(reduced), len(view.atoms)))
    shape = ctx.tensors[view.tensor].shape
    if len(shape) != 4 or shape[3] != kept:
        view = ctx.shaped(node, view, (1, 1, view.size_of(range(len(reduced))), kept))
    made = ctx.compute(node, GlobalAveragePool(), [view.tensor], "mean")
    return _kept(view, made, len(reduced), axes)


def _channel_mean(ctx: Context, node: OnnxNode, view: View, axes: Sequence[int]) -> View | None:
    """A 1x1 convolution by 1 / C where the reduced atoms are the innermost ones."""
    view = view.canonical()
    reduced, total = _atoms(view, axes), len(view.atoms)
    if reduced != set(range(total - len(reduced), total)):
        return None
    count, pixels = view.size_of(sorted(reduced)), view.size_of(range(total - len(reduced)))
    shape = ctx.tensors[view.tensor].shape
    if len(shape) != 4 or shape[3] != count:
        view = ctx.shaped(node, view, (1, 1, pixels, count))
    name = f"{node.output}.mean"
    weights = ctx.weights(f"{name}.weights", np.full((1, 1, 1, count), 1.0 / count))
    bias = ctx.weights(f"{name}.bias", np.zeros(1))
    op = Conv2d(Window2d((1, 1)))
    made = ctx.compute(node, op, [view.tensor, weights, bias], "mean")
    axes_left = tuple(() if i in axes else axis for i, axis in enumerate(view.axes))
    return View(made, view.atoms[: total - len(reduced)], axes_left)


def _pooled(
    ctx: Context,
    node: OnnxNode,
    view: View,
    axes: Sequence[int],
    pool: type[AveragePool | MaxPool],
) -> View:
    """A pool over what is reduced: as rows or columns where it lies together, else moved first."""
    view = view.canonical()
    reduced = sorted(_atoms(view, axes))
    if reduced != list(range(reduced[0], reduced[-1] + 1)):
        kept = [atom for atom in range(len(view.atoms)) if atom not in reduced]
        view = ctx.reordered(node, view, [*reduced, *kept])
        reduced = sorted(_atoms(view, axes))
    first, behind = reduced[0], reduced[-1] + 1
    outer, count = view.size_of(range(first)), view.size_of(reduced)
    inner = view.size_of(range(behind, len(view.atoms)))
    if count > LARGEST_EXTENT:
        raise UnsupportedNode(f"a reduction of {count:,} values that are not a picture's")
    shape = ctx.tensors[view.tensor].shape
    kernel = (1, count)
    if len(shape) == 4 and outer == 1 and shape[1] == count:
        kernel = (count, 1)
    else:
        view = ctx.shaped(node, view, (1, outer, count, inner))
    made = ctx.compute(node, pool(Window2d(kernel)), [view.tensor], "pool")
    number = {
        atom: i for i, atom in enumerate(a for a in range(len(view.atoms)) if a not in reduced)
    }
    left = tuple(
        () if i in axes else tuple(number[atom] for atom in axis)
        for i, axis in enumerate(view.axes)
    )
    return View(made, tuple(view.atoms[atom] for atom in number), left)


def _atoms(view: View, axes: Sequence[int]) -> set[int]:
    return {atom for axis in axes for atom in view.axes[axis]}


def _kept(view: View, made: str, reduced: int, axes: Sequence[int]) -> View:
    """The view of what is left where the first `reduced` atoms are gone."""
    axes_left = tuple(
        () if i in axes else tuple(atom - reduced for atom in axis)
        for i, axis in enumerate(view.axes)
    )
    return View(made, view.atoms[reduced:], axes_left)


def reduced_axes(ctx: Context, node: OnnxNode, view: View, since: int) -> tuple[int, ...]:
    """Axes of a reduction: an input from opset `since` on, an attribute before."""
    rank = len(view.axes)
    given = ctx.integers(node, 1, "axes") if node.opset >= since else node.integers("axes")
    if not given:
        if node.integer("noop_with_empty_axes"):
            return ()
        return tuple(range(rank))
    axes = tuple(sorted({axis + rank if axis < 0 else axis for axis in given}))
    if not axes or axes[0] < 0 or axes[-1] >= rank:
        raise UnsupportedNode(f"axes {list(given)} of a value of rank {rank}")
    return axes


def without(node: OnnxNode, view: View, axes: tuple[int, ...]) -> View:
    """The reduced axes (of length 1 by now) dropped unless keepdims is set."""
    if node.integer("keepdims", 1):
        return view
    assert prod(view.shape[axis] for axis in axes) == 1
    return replace(view, axes=tuple(a for i, a in enumerate(view.axes) if i not in axes))
