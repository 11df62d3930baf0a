"""Operators of a .tflite that only move constants: anchors of detectors, computed at import."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from mcucc.frontends.tflite.context import Array, Context
from mcucc.frontends.tflite.file import FileOperator
from mcucc.frontends.tflite.joins import axis_of
from mcucc.frontends.tflite.options import JoinOptions
from mcucc.frontends.unsupported import UnsupportedNode

MOST_ELEMENTS = 2**20  # of one result, checked before it is made


def fold_moved(ctx: Context, operator: FileOperator) -> bool:
    """Compute an operator that moves constants; False where it reads anything else.

    The result joins the constants. UnsupportedNode for scales that differ, and absurd sizes.
    """
    move = _MOVES.get(operator.kind)
    reads = [index for index in operator.inputs if index >= 0]
    if move is None or not reads or any(index not in ctx.constants for index in reads):
        return False
    y = ctx.output_tensor(operator)
    if y.index in ctx.constants or y.dtype is None:
        return False
    if prod(max(n, 1) for n in y.shape) > MOST_ELEMENTS:
        raise UnsupportedNode(f"a constant of {list(y.shape)}")
    made = move(ctx, operator)
    if made.size > MOST_ELEMENTS:
        raise UnsupportedNode(f"a constant of {list(made.shape)}")
    ctx.constants[y.index] = made.astype(y.dtype)
    ctx.shapes[y.index] = made.shape
    return True


def _same_scale(ctx: Context, operator: FileOperator, places: range) -> None:
    y = ctx.output_tensor(operator)
    tensors = [ctx.file_tensor(operator, place) for place in places]
    if any((t.scale, t.zero_point) != (y.scale, y.zero_point) for t in tensors):
        raise UnsupportedNode("constants of other scales than their output's")


def _tile(ctx: Context, operator: FileOperator) -> Array:
    value, repeats = ctx.constants[operator.inputs[0]], ctx.integers(operator, 1)
    if min(repeats, default=1) < 1 or value.size * prod(repeats) > MOST_ELEMENTS:
        raise UnsupportedNode(f"repeats {list(value.shape)} {list(repeats)} times")
    _same_scale(ctx, operator, range(1))
    return np.tile(value, repeats)


def _reshape(ctx: Context, operator: FileOperator) -> Array:
    _same_scale(ctx, operator, range(1))
    value, shape = ctx.constants[operator.inputs[0]], ctx.output_tensor(operator).shape
    return value.reshape([max(n, 1) for n in shape])


def _join(ctx: Context, operator: FileOperator) -> Array:
    options = operator.options
    if not isinstance(options, JoinOptions) or options.activation:
        raise UnsupportedNode("a fused activation", "apply it before")
    _same_scale(ctx, operator, range(len(operator.inputs)))
    parts = [ctx.constants[index] for index in operator.inputs]
    return np.concatenate(parts, axis=axis_of(options.axis, parts[0].ndim))


def _dequantize(ctx: Context, operator: FileOperator) -> Array:
    x = ctx.file_tensor(operator, 0)
    if len(x.scale) != 1 or len(x.zero_point) != 1:
        raise UnsupportedNode(f"{x.name} has {len(x.scale)} scales where one is needed")
    value = ctx.constants[x.index].astype(np.int64) - x.zero_point[0]
    return (value * np.float32(x.scale[0])).astype(np.float32)


_MOVES: dict[str, Callable[[Context, FileOperator], Array]] = {
    "CONCATENATION": _join,
    "DEQUANTIZE": _dequantize,
    "EXPAND_DIMS": _reshape,
    "RESHAPE": _reshape,
    "SQUEEZE": _reshape,
    "TILE": _tile,
}
