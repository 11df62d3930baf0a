"""Converters of .tflite reductions: pools over whatever axes they name."""

from __future__ import annotations

from math import prod

from mcucc.frontends.tflite.context import (
    Context,
    equal_quantization,
    per_tensor,
)
from mcucc.frontends.tflite.file import FileOperator
from mcucc.frontends.tflite.options import ReduceOptions
from mcucc.frontends.tflite.registry import converter
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.op import Op
from mcucc.ir.tensor import Tensor
from mcucc.ops.common.spatial import Window2d
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.reshape import Reshape


@converter("MEAN")
def mean(ctx: Context, operator: FileOperator) -> None:
    """GlobalAveragePool of the reduced axes as rows and columns."""
    axes = _axes(ctx, operator)
    x = _in_front(ctx, operator, axes)
    _reduce(ctx, operator, axes, GlobalAveragePool(), x)


@converter("REDUCE_MAX")
def reduce_max(ctx: Context, operator: FileOperator) -> None:
    """A MaxPool as large as what is reduced."""
    equal_quantization(ctx, operator)
    axes = _axes(ctx, operator)
    x = _in_front(ctx, operator, axes)
    _reduce(ctx, operator, axes, MaxPool(Window2d((x.shape[1], x.shape[2]))), x)


def _axes(ctx: Context, operator: FileOperator) -> tuple[int, ...]:
    shape, given = ctx.shape_at(operator), ctx.integers(operator, 1)
    axes = sorted({axis + len(shape) if axis < 0 else axis for axis in given})
    if not axes or axes[0] < 0 or axes[-1] >= len(shape):
        raise UnsupportedNode(f"reduces the axes {list(given)} of {list(shape)}")
    return tuple(axes)


def _in_front(ctx: Context, operator: FileOperator, axes: tuple[int, ...]) -> Tensor:
    """The input as (1, H, W, C), H x W what is reduced and C what is kept."""
    view = ctx.view(operator)
    shape = view.shape
    long = [axis for axis in axes if shape[axis] > 1]
    kept = [axis for axis in range(len(shape)) if axis not in long]
    ordered = view.transposed((*long, *kept))
    rows = shape[long[0]] if len(long) > 1 else 1
    columns = prod(shape[axis] for axis in long) // rows
    wanted = (1, rows, columns, prod(shape[axis] for axis in kept))
    x, quant = ctx.tensors[view.source], per_tensor(ctx.file_tensor(operator, 0))
    if ordered.plain and x.shape == wanted:
        return ctx.relabelled(x, quant)
    if ordered.plain and len(x.shape) == 4 and (x.shape[1:3], x.shape[3]) == ((1, 1), wanted[3]):
        return ctx.relabelled(x, quant)
    made = ctx.between(f"{ctx.output_tensor(operator).name}_pixels", x, wanted, quant)
    ctx.apply(ordered, made)
    return made


def _reduce(ctx: Context, operator: FileOperator, axes: tuple[int, ...], op: Op, x: Tensor) -> None:
    shape, options = ctx.shape_at(operator), operator.options
    if isinstance(options, ReduceOptions) and options.keep_dims:
        made = tuple(1 if i in axes else n for i, n in enumerate(shape))
    else:
        made = tuple(n for i, n in enumerate(shape) if i not in axes)
    y = ctx.define(ctx.output_tensor(operator), made)
    pooled = (1, 1, 1, x.shape[3])
    if y.shape == pooled:
        ctx.emit(op, [x.name], y)
        return
    part = ctx.between(f"{y.name}_pooled", y, pooled, y.quantization)
    ctx.emit(op, [x.name], part)
    ctx.emit(Reshape(y.shape), [part.name], y)
