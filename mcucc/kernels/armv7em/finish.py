"""The end of every accumulating kernel on Armv7E-M: the proved form (mcucc/finish_armv7em.h)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel_id import Form
from mcucc.kernels.requantize import (
    Finish,
    common_form,
    high_form,
    reach_of,
    shift_form,
)
from mcucc.kernels.select import NodeContext
from mcucc.ops.common.matrix import Accumulation, FieldList


def matrix_finish(
    weights: npt.NDArray[Any], sums: Accumulation, context: NodeContext, *, common: bool = True
) -> Finish | None:
    """The cheapest proved form for weights (channels, taps), or None; COMMON where asked for."""
    bounds = reach_of(weights, sums, *context.input_intervals[0])
    found = None
    if context.form in (None, Form.HIGH):
        found = high_form(sums, bounds, patient=context.form is Form.HIGH)
    if found is None and common and context.form in (None, Form.COMMON):
        found = common_form(sums, bounds)
    return found or context.wanted(shift_form(sums, bounds))


def addends(sums: Accumulation, finish: Finish) -> npt.NDArray[np.int32]:
    """(2 * zero point + 1) << shift per channel: zero point and rounding of SHIFT and DOUBLE."""
    return ((2 * sums.output_zero_point + 1) << finish.shift).astype(np.int32)


def layer_addend(sums: Accumulation, finish: Finish) -> int:
    """What HIGH and COMMON add for all channels."""
    return sums.output_zero_point if finish.form is Form.HIGH else int(addends(sums, finish)[0])


def output_fields(sums: Accumulation, finish: Finish | None = None) -> FieldList:
    """Zero points and clamp, as every parameter struct ends; COMMON has its addend there."""
    common = finish is not None and finish.form is Form.COMMON
    zero_point = layer_addend(sums, finish) if finish and common else sums.output_zero_point
    return (
        ("input_zero_point", sums.input_zero_point),
        ("output_zero_point", zero_point),
        ("lo", sums.lo),
        ("hi", sums.hi),
    )
