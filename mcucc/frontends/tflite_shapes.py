"""Constant arithmetic on shapes (SHAPE, STRIDED_SLICE, PACK ...), done at import."""

from __future__ import annotations

import numpy as np

from mcucc.frontends.tflite_context import Array, Context
from mcucc.frontends.tflite_file import FileOperator, FileTensor
from mcucc.frontends.tflite_options import JoinOptions, SliceOptions

SHORT = 64  # elements; longer arrays are no shapes


def fold(ctx: Context, operator: FileOperator) -> bool:
    """Compute an integer operator of known operands; False when it is not one.

    The result joins the constants. Raises nothing: what does not fit is left to be reported.
    """
    if len(operator.outputs) != 1:
        return False
    output = ctx.file.tensors[operator.outputs[0]]
    if output.dtype is None or output.dtype.kind != "i" or output.dtype.itemsize < 4:
        return False
    inputs = [ctx.file.tensors[i] for i in operator.inputs if i >= 0]
    value = _value(ctx, operator, inputs)
    if value is None or value.size > SHORT or output.index in ctx.constants:
        return False
    ctx.constants[output.index] = value.astype(output.dtype)
    return True


def _value(ctx: Context, operator: FileOperator, inputs: list[FileTensor]) -> Array | None:
    if operator.kind == "SHAPE" and inputs:
        return np.array(inputs[0].shape, dtype=np.int64)
    known = [ctx.constants.get(t.index) for t in inputs]
    values = [v for v in known if v is not None]
    if not values or len(values) != len(known) or any(v.size > SHORT for v in values):
        return None
    if operator.kind == "STRIDED_SLICE" and isinstance(operator.options, SliceOptions):
        return _strided_slice(operator.options, values)
    try:
        return _simple(operator, values)
    except ValueError:  # shapes that do not fit each other
        return None


def _simple(operator: FileOperator, values: list[Array]) -> Array | None:
    options = operator.options
    if operator.kind == "PACK" and isinstance(options, JoinOptions):
        return np.stack(values, axis=options.axis)
    if operator.kind == "CONCATENATION" and isinstance(options, JoinOptions):
        return np.concatenate(values, axis=options.axis)
    if operator.kind == "CAST" and len(values) == 1:
        return values[0]
    return None


def _strided_slice(options: SliceOptions, values: list[Array]) -> Array | None:
    if len(values) != 4 or values[0].ndim != 1 or any(v.size != 1 for v in values[1:]):
        return None
    if options.ellipsis_mask or options.new_axis_mask:
        return None
    begin, end, step = (int(v.flat[0]) for v in values[1:])
    if step == 0:
        return None
    if options.shrink_axis_mask & 1:
        inside = -len(values[0]) <= begin < len(values[0])
        return np.array(values[0][begin]) if inside else None
    first = None if options.begin_mask & 1 else begin
    last = None if options.end_mask & 1 else end
    return values[0][first:last:step]
