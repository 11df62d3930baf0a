"""Converters of comparisons with a number, of choices by them, and of the place of the largest.

A comparison is a truth for each of the 256 bytes of a tensor. A choice between two tensors takes
the larger of both, each kept down to -128 by a table of the truths where the other one is chosen.
"""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

from mcucc.frontends.tflite.context import Context, check_int8, per_tensor
from mcucc.frontends.tflite.file import FileOperator, FileTensor
from mcucc.frontends.tflite.island import Island
from mcucc.frontends.tflite.islands import refused, table_of
from mcucc.frontends.tflite.registry import converter
from mcucc.frontends.tflite.strided_view import StridedView
from mcucc.frontends.unsupported import UnsupportedNode, UnsupportedType
from mcucc.ir.tensor import Quant, Tensor
from mcucc.numerics.fixed_point import INT8_MAX, INT8_MIN, IntArray, Requant, Rounding
from mcucc.numerics.litert_floats import COMPARISONS
from mcucc.ops.arg_max import INT8_ENTRIES, ArgMax
from mcucc.ops.common.lookup import INT8_RANGE
from mcucc.ops.extremum import Extremum
from mcucc.ops.reshape import Reshape

Truths = npt.NDArray[np.bool_]
LEFT_SHIFT = 8  # of both operands before they are scaled


@converter(*COMPARISONS)
def comparison(ctx: Context, operator: FileOperator) -> None:
    """Of an int8 tensor and an int8 number, in LiteRT's integers: both times their scales."""
    places = [i for i in (0, 1) if ctx.file_tensor(operator, i).index in ctx.constants]
    if len(places) != 1:
        raise UnsupportedNode(
            "two tensors compared" if not places else "two constants compared",
            "only comparisons with a number are compiled; end the network before",
        )
    number, x = (ctx.file_tensor(operator, i) for i in (places[0], 1 - places[0]))
    for tensor in (number, x):
        check_int8(tensor)
    values, view = ctx.constants[number.index], ctx.view(operator, 1 - places[0])
    stretched = np.broadcast_shapes(values.shape, view.shape)
    if not values.size or (values != values.flat[0]).any() or stretched != view.shape:
        raise UnsupportedNode(f"compared with a constant of {list(values.shape)}", "not a number")
    pair = [_scaled(x, INT8_RANGE), _scaled(number, np.full(256, int(values.flat[0])))]
    truths = COMPARISONS[operator.kind](*(pair if places[0] else pair[::-1]))
    y = ctx.output_tensor(operator)
    if y.dtype != np.bool_ or y.index in ctx.islands:
        raise UnsupportedType(f"{y.name} is {y.type_name}")
    if y.index in ctx.file.outputs:
        raise refused(f"the network ends in bool behind {x.name}", [x.name])
    ctx.says(y, view.shape)
    ctx.islands[y.index] = Island(x, view, truths)


def _scaled(tensor: FileTensor, values: IntArray) -> IntArray:
    """Source: ComparisonWithScaling of LiteRT's reference kernels."""
    quant = per_tensor(tensor)
    if quant.per_tensor_scale >= 1:
        raise UnsupportedNode(f"{tensor.name} has the scale {quant.per_tensor_scale:g}; below 1")
    factor = Requant.from_real([quant.per_tensor_scale], Rounding.DOUBLE)
    return factor.apply((values - quant.zero_point) << LEFT_SHIFT)


@converter("SELECT", "SELECT_V2")
def choice(ctx: Context, operator: FileOperator) -> None:
    """The first value where the condition holds, else the second; LiteRT copies bytes."""
    condition, y = ctx.file_tensor(operator, 0), ctx.output_tensor(operator)
    if condition.index not in ctx.islands:
        raise UnsupportedNode(
            f"chosen by {condition.name}, no comparison of a tensor with a number",
            "end the network before",
        )
    own = ctx.islands[condition.index]
    parts = [ctx.file_tensor(operator, i) for i in (1, 2)]
    for tensor in parts:
        check_int8(tensor)
    shapes = [own.bytes.shape, *(ctx.shape(tensor) for tensor in parts)]
    made = np.broadcast_shapes(*shapes)
    if own.values.dtype != np.bool_ or made != own.bytes.shape:
        raise UnsupportedNode(f"chooses from {shapes[1:]} by {list(shapes[0])}")
    kept = []
    for place, tensor, truths in zip((1, 2), parts, (own.values, ~own.values), strict=True):
        constant = ctx.constants.get(tensor.index)
        if constant is not None:
            kept.append(_number(ctx, y, own, constant, truths))
            continue
        view = ctx.view(operator, place).broadcast(made)
        kept.append(_kept(ctx, y, own, view, truths))
    target = ctx.define(y, made)
    ctx.emit(Extremum(largest=True), [part.name for part in kept], target)


def _mask(ctx: Context, y: FileTensor, own: Island, chosen: int, truths: Truths) -> Tensor:
    """The byte `chosen` where the condition holds, else the least."""
    quant = per_tensor(y)
    values = np.where(truths, chosen, INT8_MIN) - quant.zero_point
    real = (values * quant.per_tensor_scale).astype(np.float32)
    return table_of(ctx, own, real, _like(ctx, y, own.bytes, quant, "mask"))


def _like(ctx: Context, y: FileTensor, view: StridedView, quant: Quant, part: str) -> Tensor:
    return ctx.between(f"{y.name}_{part}", ctx.tensors[view.source], ctx.shape_of(y), quant)


def _number(
    ctx: Context, y: FileTensor, own: Island, constant: npt.NDArray[np.int8], truths: Truths
) -> Tensor:
    if not constant.size or (constant != constant.flat[0]).any():
        raise UnsupportedNode(f"chooses a constant of {list(constant.shape)}", "not a number")
    return _mask(ctx, y, own, int(constant.flat[0]), truths)


def _kept(ctx: Context, y: FileTensor, own: Island, view: StridedView, truths: Truths) -> Tensor:
    """The bytes of a view where the condition holds, else the least."""
    quant, x = per_tensor(y), ctx.tensors[view.source]
    shape = ctx.shape_of(y)
    if x.quant != quant or x.shape != shape or not view.plain:
        moved = _like(ctx, y, view, quant, "choice")
        if view.plain:
            ctx.emit(Reshape(shape), [x.name], moved)
        else:
            same = _like(ctx, y, view, x.quantization, "moved")
            ctx.apply(view, same)
            ctx.emit(Reshape(shape), [same.name], moved)
        x = moved
    mask = _mask(ctx, y, own, INT8_MAX, truths)
    made = _like(ctx, y, view, quant, "kept")
    ctx.emit(Extremum(largest=False), [x.name, mask.name], made)
    return made


@converter("ARG_MAX", "ARG_MIN")
def largest(ctx: Context, operator: FileOperator) -> None:
    """The index along an axis, which is stored innermost for it; of equal values the first."""
    y, given = ctx.output_tensor(operator), ctx.integers(operator, 1)
    check_int8(ctx.file_tensor(operator, 0))
    view = ctx.view(operator)
    rank, axis = len(view.axes), given[0] if len(given) == 1 else len(view.axes)
    if not -rank <= axis < rank or y.index in ctx.names:
        raise UnsupportedNode(f"axis {list(given)} of {list(view.shape)}")
    axis %= rank
    left = [i for i in range(rank) if i != axis]
    moved = view.transposed([*left, axis])
    op = ArgMax(view.shape[axis], operator.kind == "ARG_MAX")
    if op.fixed_quant().limit is not None:
        raise UnsupportedNode(f"an index into {op.entries:,} entries, more than {INT8_ENTRIES}")
    x, rows = ctx.tensors[view.source], [view.shape[i] for i in left]
    inner = rows[1:] if rows[:1] == [1] and len(rows) <= 3 else [prod(rows)]
    shape = (1, *[1] * (2 - len(inner)), *inner)
    wide = (*shape, op.entries)
    if not moved.plain or x.shape != wide:
        turned = ctx.between(f"{y.name}_innermost", x, wide, x.quantization)
        ctx.apply(moved, turned)
        x = turned
    ctx.says(y, rows)
    made = ctx.between(y.name, x, (*shape, 1), op.fixed_quant())
    ctx.names[y.index] = made.name
    ctx.emit(op, [x.name], made)
