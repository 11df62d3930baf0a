"""The end of the portable kernels: the proved form and its C fields (mcucc/finish.h)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray
from mcucc.ir.kernel_id import Form
from mcucc.kernels.requantize import Finish, reach_of, shift_form, short_form
from mcucc.kernels.select import NodeContext
from mcucc.ops.common.matrix import Accumulation, FieldList


def portable_finish(
    weights: npt.NDArray[Any], sums: Accumulation, context: NodeContext
) -> Finish | None:
    """The cheapest proved form for weights (channels, taps), or None."""
    bounds = reach_of(weights, sums, *context.input_intervals[0])
    return context.wanted(short_form(sums, bounds)) or context.wanted(shift_form(sums, bounds))


def finish_fields(sums: Accumulation, finish: Finish) -> FieldList:
    """The C fields every accumulating kernel ends with, in the struct's order."""
    # The C code shifts by `shift` what SHIFT and DOUBLE shift by `shift + 1`.
    shift = finish.shift if finish.form is Form.SHORT else finish.shift + 1
    return (
        ("bias", ConstArray("bias", sums.bias)),
        ("multiplier", ConstArray("multiplier", finish.multiplier.astype(np.int32))),
        ("shift", ConstArray("shift", shift.astype(np.uint8), align=1)),
        ("input_zero_point", sums.input_zero_point),
        ("output_zero_point", sums.output_zero_point),
        ("lo", sums.lo),
        ("hi", sums.hi),
    )
