"""Converters of .tflite reductions: pools over whatever axes they name."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from mcucc.frontends.tflite.context import (
    Context,
    equal_quantization,
    per_tensor,
)
from mcucc.frontends.tflite.file import FileOperator
from mcucc.frontends.tflite.options import ReduceOptions
from mcucc.frontends.tflite.registry import converter
from mcucc.frontends.tflite.strided_view import Digit, StridedView
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.op import Op
from mcucc.ir.tensor import Quant, Tensor
from mcucc.numerics.fixed_point import INT8
from mcucc.ops.average_pool import AveragePool
from mcucc.ops.common.spatial import Window2d
from mcucc.ops.function import Function
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.reshape import Reshape

MOST_TAPS = 1024  # of a window that is one of several: a factor for each count is stored

Axes = tuple[int, ...]
Kept = tuple[tuple[Digit, ...], ...]


@converter("MEAN")
def mean(ctx: Context, operator: FileOperator) -> None:
    """The sum over the axes; the division is part of its factor."""
    _reduce(ctx, operator, AveragePool)


@converter("REDUCE_MAX")
def reduce_max(ctx: Context, operator: FileOperator) -> None:
    """The largest byte over the axes."""
    equal_quantization(ctx, operator)
    _reduce(ctx, operator, MaxPool)


@converter("REDUCE_MIN")
def reduce_min(ctx: Context, operator: FileOperator) -> None:
    """The largest of the negated bytes, negated: -1 - q is -x at the zero point -1 - z."""
    equal_quantization(ctx, operator)
    x, block, kept = _gathered(ctx, operator)
    flipped = Quant(x.quantization.scale, -1 - x.quantization.zero_point)
    negative = ctx.between(f"{x.name}_negative", x, x.shape, flipped)
    ctx.emit(Function("Neg"), [x.name], negative)
    op = _pool(MaxPool, block, x)
    largest = ctx.between(f"{x.name}_largest", x, op.infer([x.type]).shape, flipped)
    ctx.emit(op, [negative.name], largest)
    _define(ctx, operator, Function("Neg"), largest, kept)


@converter("SUM")
def total(ctx: Context, operator: FileOperator) -> None:
    """As MEAN, without the division."""
    x, _, kept = _gathered(ctx, operator, whole=True)
    _define(ctx, operator, GlobalAveragePool(total=True), x, kept)


@converter("REDUCE_PROD")
def product(ctx: Context, operator: FileOperator) -> None:
    """Refused: LiteRT rescales at each factor in turn."""
    raise UnsupportedNode("a product of many int8 values", "leave it out of the network")


def _reduce(ctx: Context, operator: FileOperator, pool: type[AveragePool | MaxPool]) -> None:
    x, block, kept = _gathered(ctx, operator)
    _define(ctx, operator, _pool(pool, block, x), x, kept)


def _pool(pool: type[AveragePool | MaxPool], block: _Block, x: Tensor) -> Op:
    if pool is AveragePool and block.outer == 1:
        return GlobalAveragePool()
    return pool(Window2d((x.shape[1] if block.outer == 1 else 1, x.shape[2])))


def _gathered(
    ctx: Context, operator: FileOperator, *, whole: bool = False
) -> tuple[Tensor, _Block, Kept]:
    """The input as windows, moved where the reduced values do not lie together in memory.

    Beside it their block, and the axes that are left. `whole`: one window is all there is.
    """
    view, axes = ctx.view(operator), _axes(ctx, operator)
    block = _Block.of(view, axes)
    if whole and block is not None and block.count == 1:
        block = _Block(1, 1, prod(view.shape))
    lies = block is not None and _compiled(block, ctx.tensors[view.source])
    if block is None or not lies or (whole and block.outer > 1):
        view, axes = _reduced_first(ctx, operator, axes)
        block = _Block.of(view, axes)
    if block is None:
        raise UnsupportedNode(f"a reduction of values that are repeated, {list(view.shape)}")
    x = ctx.relabelled(ctx.tensors[view.source], per_tensor(ctx.file_tensor(operator, 0)))
    return _shaped(ctx, operator, x, block), block, tuple(block.without(view, axes))


def _axes(ctx: Context, operator: FileOperator) -> Axes:
    shape, given = ctx.shape_at(operator), ctx.integers(operator, 1)
    axes = sorted({axis + len(shape) if axis < 0 else axis for axis in given})
    if not axes or axes[0] < 0 or axes[-1] >= len(shape):
        raise UnsupportedNode(f"reduces the axes {list(given)} of {list(shape)}")
    return tuple(axes)


@dataclass(frozen=True)
class _Block:
    """Where the reduced values of a view lie in its source: (outer, count, inner) elements."""

    outer: int
    count: int
    inner: int

    @staticmethod
    def of(view: StridedView, axes: Axes) -> _Block | None:
        """None where they do not lie together, or are repeated."""
        if any(stride == 0 for axis in view.axes for _, stride in axis):
            return None
        reduced = sorted((d for axis in axes for d in view.axes[axis]), key=lambda d: -d[1])
        if any(outer[1] != size * stride for outer, (size, stride) in pairwise(reduced)):
            return None
        count = prod(size for size, _ in reduced)
        inner = reduced[-1][1] if reduced else 1
        return _Block(prod(view.shape) // (count * inner), count, inner)

    def without(self, view: StridedView, axes: Axes) -> list[tuple[Digit, ...]]:
        """The other axes of the view, in what is left of its source."""
        kept = [axis for i, axis in enumerate(view.axes) if i not in axes]
        return [
            tuple((n, step if step < self.inner else step // self.count) for n, step in axis)
            for axis in kept
        ]


def _compiled(block: _Block, x: Tensor) -> bool:
    """Whether there is a kernel for the block as it lies; int16 means are those of a picture."""
    return block.outer == 1 or (x.dtype == INT8 and block.count <= MOST_TAPS)


def _reduced_first(ctx: Context, operator: FileOperator, axes: Axes) -> tuple[StridedView, Axes]:
    """The input stored with the reduced axes in front, and their new numbers."""
    view = ctx.view(operator)
    kept = tuple(axis for axis in range(len(view.axes)) if axis not in axes)
    ordered = view.transposed((*axes, *kept))
    count = prod(view.shape[axis] for axis in axes)
    name = f"{ctx.output_tensor(operator).name}_pixels"
    quant = per_tensor(ctx.file_tensor(operator, 0))
    shape = (1, 1, count, prod(view.shape) // count)
    made = ctx.between(name, ctx.tensors[view.source], shape, quant)
    ctx.apply(ordered, made)
    return StridedView.of(made.name, ordered.shape), tuple(range(len(axes)))


def _shaped(ctx: Context, operator: FileOperator, x: Tensor, block: _Block) -> Tensor:
    """The source as (1, H, W, C) whose windows are what is reduced: H x W, or W of each row."""
    outer, count, inner = block.outer, block.count, block.inner
    shape = (1, outer, count, inner)
    if len(x.shape) == 4 and outer == 1:
        _, height, width, _ = x.shape
        if height * width == count:
            return x
        if height == count:
            shape = (1, count, 1, inner)
    if x.shape == shape:
        return x
    made = ctx.between(f"{ctx.output_tensor(operator).name}_rows", x, shape, x.quantization)
    ctx.emit(Reshape(shape), [x.name], made)
    return made


def _define(ctx: Context, operator: FileOperator, op: Op, x: Tensor, kept: Kept) -> None:
    """The output: what the pool makes, or a view of it."""
    reduced, rest, options = _axes(ctx, operator), iter(kept), operator.options
    dropped = not (isinstance(options, ReduceOptions) and options.keep_dims)
    axes = [
        () if axis in reduced else next(rest)
        for axis in range(len(ctx.shape_at(operator)))
        if not (dropped and axis in reduced)
    ]
    target, shape = ctx.output_tensor(operator), op.infer([x.type]).shape
    view = StridedView("", tuple(axes))
    ctx.says(target, view.shape)
    if view.plain and ctx.shape_of(target) == shape:
        ctx.emit(op, [x.name], ctx.define(target))
        return
    part = ctx.between(f"{target.name}_pooled", x, shape, per_tensor(target))
    ctx.emit(op, [x.name], part)
    ctx.move(operator, StridedView(part.name, view.axes))
