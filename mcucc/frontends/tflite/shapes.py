"""One evaluator of the small integer arithmetic that a .tflite does on shapes, at import.

What Keras layers with an open batch become: SHAPE, STRIDED_SLICE, PACK before a RESHAPE, GATHER and
REDUCE_PROD before a Dense layer, MUL by a factor before a resize. An operator is evaluated when all
that it reads is known; no result has more than SHORT elements, checked before it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from mcucc.frontends.tflite.context import Array, Context
from mcucc.frontends.tflite.file import FileOperator
from mcucc.frontends.tflite.options import (
    ArithmeticOptions,
    GatherOptions,
    JoinOptions,
    ReduceOptions,
    ShapeOptions,
    SliceOptions,
)
from mcucc.frontends.tflite.parts import positions

SHORT = 64  # elements; longer arrays are no shapes
LARGEST = 1 << 31  # of an integer that takes part
KINDS = "ifb"
# What NumPy raises for operands of the wrong number, type or shape.
UNKNOWN = (ValueError, IndexError, TypeError, OverflowError, ZeroDivisionError)
Evaluator = Callable[[FileOperator, list[Array]], Sequence[Array]]


class _UnknownError(ValueError):
    """Nothing that can be computed here."""


def fold(ctx: Context, operator: FileOperator) -> bool:
    """Compute an operator on numbers that are all known; False when it is not one.

    The results join the constants. Raises nothing: what does not fit is left to be reported.
    """
    outputs = [ctx.file.tensors[i] for i in operator.outputs]
    for tensor in outputs:
        if tensor.dtype is None or tensor.dtype.kind not in KINDS or tensor.index in ctx.constants:
            return False
        if tensor.dtype.itemsize < 4 and tensor.dtype.kind != "b":  # an int8 activation
            return False
    try:
        values = _values(ctx, operator)
        arrays = [_fitting(v, t.dtype) for v, t in zip(values, outputs, strict=True) if t.dtype]
    except UNKNOWN:
        return False
    ctx.constants.update(zip(operator.outputs, arrays, strict=True))
    ctx.shapes.update((i, a.shape) for i, a in zip(operator.outputs, arrays, strict=True))
    return bool(outputs)


def _values(ctx: Context, operator: FileOperator) -> Sequence[Array]:
    """The results; _UnknownError or what NumPy raises where there are none."""
    inputs = [ctx.file.tensors[i] for i in operator.inputs if i >= 0]
    if operator.kind in ("SHAPE", "RANK") and len(inputs) == 1:
        shape = np.array(ctx.shape(inputs[0]), dtype=np.int64)
        return [shape if operator.kind == "SHAPE" else np.array(shape.size)]
    known = [ctx.constants.get(tensor.index) for tensor in inputs]
    values = [v for v in known if v is not None]
    evaluate = _EVALUATORS.get(operator.kind)
    if evaluate is None or not values or len(values) != len(known):
        raise _UnknownError
    if any(
        v.dtype.kind not in KINDS or v.dtype.itemsize < 4 - 3 * (v.dtype.kind == "b")
        for v in values
    ):
        raise _UnknownError
    return evaluate(operator, [_wide(v) for v in values])


def _wide(value: Array) -> Array:
    """Integers as int64, within bounds that no sum or product of a few leaves."""
    _bounded(value.size)
    if value.dtype.kind != "i":
        return value
    if value.size and max(abs(int(value.min())), abs(int(value.max()))) > LARGEST:
        raise _UnknownError
    return value.astype(np.int64)


def _fitting(value: Array, dtype: np.dtype[np.generic]) -> Array:
    """The result in the type the file gives it; _UnknownError where that changes it."""
    _bounded(value.size)
    if value.dtype.kind == "f" and not (np.abs(value) <= LARGEST).all():  # or not a number
        raise _UnknownError
    made = np.asarray(value).astype(dtype)
    if value.dtype.kind == "i" and dtype.kind == "i" and not np.array_equal(made, value):
        raise _UnknownError
    return made


def _bounded(size: int) -> None:
    if size > SHORT:
        raise _UnknownError


def _list(value: Array) -> list[int]:
    if value.dtype.kind != "i":
        raise _UnknownError
    return [int(n) for n in value.flat]


def _elementwise(function: Callable[..., Array]) -> Evaluator:
    def evaluate(operator: FileOperator, values: list[Array]) -> Sequence[Array]:
        options = operator.options
        if isinstance(options, ArithmeticOptions) and options.activation:
            raise _UnknownError
        _bounded(prod(np.broadcast_shapes(*(v.shape for v in values))))
        with np.errstate(all="ignore"):
            return [np.asarray(function(*values))]

    return evaluate


def _quotient(a: Array, b: Array) -> Array:
    """DIV: towards zero for integers, as in C."""
    if a.dtype.kind == "f":
        return np.asarray(a / b)
    if not b.all():
        raise ZeroDivisionError
    result: Array = np.sign(a) * np.sign(b) * (abs(a) // abs(b))
    return result


def _floored(function: Callable[..., Array]) -> Callable[..., Array]:
    def divide(a: Array, b: Array) -> Array:
        if not b.all():
            raise ZeroDivisionError
        return function(a, b)

    return divide


def _reduction(function: Callable[..., Array]) -> Evaluator:
    def evaluate(operator: FileOperator, values: list[Array]) -> Sequence[Array]:
        value, axes = values
        keep = isinstance(operator.options, ReduceOptions) and operator.options.keep_dims
        named = tuple(dict.fromkeys(int(axis) % max(value.ndim, 1) for axis in axes.flat))
        if any(not -value.ndim <= axis < value.ndim for axis in axes.flat):
            raise _UnknownError
        return [np.asarray(function(value, axis=named, keepdims=keep))]

    return evaluate


def _axis(operator: FileOperator) -> int:
    if not isinstance(operator.options, JoinOptions) or operator.options.activation:
        raise _UnknownError
    return operator.options.axis


def _unpack(operator: FileOperator, values: list[Array]) -> Sequence[Array]:
    return list(np.moveaxis(values[0], _axis(operator), 0))


def _gather(operator: FileOperator, values: list[Array]) -> Sequence[Array]:
    options, (value, indices) = operator.options, values
    if not isinstance(options, GatherOptions) or options.batch_dims:
        raise _UnknownError
    if not value.ndim or indices.min(initial=0) < 0:
        raise _UnknownError
    _bounded(value.size * indices.size)
    return [np.take(value, indices, axis=options.axis)]


def _slice(operator: FileOperator, values: list[Array]) -> Sequence[Array]:
    value, begin, size = values
    if not value.ndim == begin.size == size.size or begin.min(initial=0) < 0:
        raise _UnknownError
    box = []
    for length, first, count in zip(value.shape, _list(begin), _list(size), strict=True):
        last = length if count == -1 else first + count
        if not 0 <= first <= last <= length:
            raise _UnknownError
        box.append(slice(first, last))
    return [value[tuple(box)]]


def _strided_slice(operator: FileOperator, values: list[Array]) -> Sequence[Array]:
    options, (value, *bounds) = operator.options, values
    if not isinstance(options, SliceOptions) or options.ellipsis_mask or options.new_axis_mask:
        raise _UnknownError
    if len({bound.size for bound in bounds}) != 1 or bounds[0].size > value.ndim:
        raise _UnknownError
    dropped = []
    for axis, (low, high, by) in enumerate(zip(*map(_list, bounds), strict=True)):
        if not by:
            raise _UnknownError
        taken = positions(value.shape[axis], (low, high, by), options, 1 << axis)
        value = value.take(list(taken), axis=axis)
        if options.shrink_axis_mask >> axis & 1:
            dropped.append(axis)
    return [np.squeeze(value, axis=tuple(dropped))]


def _reshape(operator: FileOperator, values: list[Array]) -> Sequence[Array]:
    options = operator.options
    given = options.values if isinstance(options, ShapeOptions) else None
    return [values[0].reshape(_list(values[1]) if len(values) > 1 else given or ())]


def _squeeze(operator: FileOperator, values: list[Array]) -> Sequence[Array]:
    options = operator.options
    return [np.squeeze(values[0], options.values if isinstance(options, ShapeOptions) else None)]


def _expand_dims(operator: FileOperator, values: list[Array]) -> Sequence[Array]:
    return [np.expand_dims(values[0], values[1].item())]


def _fill(operator: FileOperator, values: list[Array]) -> Sequence[Array]:
    shape = _list(values[0])
    _bounded(prod(map(abs, shape)))
    return [np.full(shape, values[1].item(), values[1].dtype)]


def _tile(operator: FileOperator, values: list[Array]) -> Sequence[Array]:
    repeats = _list(values[1])
    _bounded(values[0].size * prod(map(abs, repeats)))
    return [np.tile(values[0], repeats)]


def _range(operator: FileOperator, values: list[Array]) -> Sequence[Array]:
    first, last, step = (v.item() for v in values)
    if any(v.dtype.kind != "i" for v in values):
        raise _UnknownError
    _bounded(len(range(first, last, step)))
    return [np.array(range(first, last, step), dtype=np.int64)]


_EVALUATORS: dict[str, Evaluator] = {
    "ADD": _elementwise(np.add),
    "SUB": _elementwise(np.subtract),
    "MUL": _elementwise(np.multiply),
    "MAXIMUM": _elementwise(np.maximum),
    "MINIMUM": _elementwise(np.minimum),
    "DIV": _elementwise(_quotient),
    "FLOOR_DIV": _elementwise(_floored(np.floor_divide)),
    "FLOOR_MOD": _elementwise(_floored(np.mod)),
    "NEG": _elementwise(np.negative),
    "ABS": _elementwise(np.abs),
    "EQUAL": _elementwise(np.equal),
    "NOT_EQUAL": _elementwise(np.not_equal),
    "LESS": _elementwise(np.less),
    "LESS_EQUAL": _elementwise(np.less_equal),
    "GREATER": _elementwise(np.greater),
    "GREATER_EQUAL": _elementwise(np.greater_equal),
    "LOGICAL_AND": _elementwise(np.logical_and),
    "LOGICAL_OR": _elementwise(np.logical_or),
    "LOGICAL_NOT": _elementwise(np.logical_not),
    "SELECT": _elementwise(np.where),
    "SELECT_V2": _elementwise(np.where),
    "CAST": _elementwise(lambda value: value),
    "ZEROS_LIKE": _elementwise(np.zeros_like),
    "SUM": _reduction(np.sum),
    "REDUCE_PROD": _reduction(np.prod),
    "REDUCE_MAX": _reduction(np.max),
    "REDUCE_MIN": _reduction(np.min),
    "REDUCE_ANY": _reduction(np.any),
    "REDUCE_ALL": _reduction(np.all),
    "PACK": lambda operator, values: [np.stack(values, axis=_axis(operator))],
    "CONCATENATION": lambda operator, values: [np.concatenate(values, axis=_axis(operator))],
    "UNPACK": _unpack,
    "GATHER": _gather,
    "SLICE": _slice,
    "STRIDED_SLICE": _strided_slice,
    "RESHAPE": _reshape,
    "SQUEEZE": _squeeze,
    "EXPAND_DIMS": _expand_dims,
    "FILL": _fill,
    "TILE": _tile,
    "RANGE": _range,
}
