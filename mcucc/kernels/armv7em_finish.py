"""The end of every accumulating kernel on Armv7E-M: the proved form and its C fields."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.kernels.requantize import Finish, Form, high_form, interval_of, shift_form
from mcucc.kernels.select import NodeContext
from mcucc.ops.base import ConstArray
from mcucc.ops.matrix import Accumulation, FieldList


def matrix_finish(
    weights: npt.NDArray[Any], sums: Accumulation, context: NodeContext
) -> Finish | None:
    """The cheapest proved form for weights (channels, taps), or None."""
    bounds = interval_of(weights, sums.bias, *context.input_intervals[0])
    return high_form(sums, bounds) or shift_form(sums, bounds)


def finish_fields(sums: Accumulation, finish: Finish) -> FieldList:
    """The C fields from `bias` on, in the order of the parameter structs."""
    shift = None
    if finish.form is not Form.HIGH:
        shift = ConstArray("shift", finish.shift.astype(np.uint8), align=1)
    return (
        ("bias", ConstArray("bias", sums.bias)),
        ("multiplier", ConstArray("multiplier", finish.multiplier.astype(np.int32))),
        ("shift", shift),
        ("input_zero_point", sums.input_zero_point),
        ("output_zero_point", sums.output_zero_point),
        ("lo", sums.lo),
        ("hi", sums.hi),
    )
