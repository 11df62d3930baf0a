"""The end of the portable kernels: the proved form and its C fields (mcucc/finish.h)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray
from mcucc.ir.kernel_id import Form
from mcucc.kernels.requantize import Finish, common_form, reach_of, shift_form, short_form
from mcucc.kernels.select import NodeContext
from mcucc.ops.common.matrix import Accumulation, FieldList

MULTIPLIER_BITS = 16  # of SHORT
LAYER_FORMS = (Form.SHORT, Form.COMMON)  # one shift for all channels


def portable_finish(
    weights: npt.NDArray[Any], sums: Accumulation, context: NodeContext
) -> Finish | None:
    """The cheapest proved form for weights (channels, taps), or None."""
    bounds = reach_of(weights, sums, *context.input_intervals[0])
    return (
        context.wanted(short_form(sums, bounds, MULTIPLIER_BITS))
        or context.wanted(common_form(sums, bounds))
        or context.wanted(shift_form(sums, bounds))
    )


def finish_fields(sums: Accumulation, finish: Finish) -> FieldList:
    """The C fields every accumulating kernel ends with, in the struct's order."""
    # The C code shifts by what SHIFT, COMMON and DOUBLE call `shift + 1`.
    shift = finish.shift if finish.form is Form.SHORT else finish.shift + 1
    odd = 2 * sums.output_zero_point + 1
    narrow = np.uint16 if finish.form is Form.SHORT else np.int32
    one = int(shift[0]) if finish.form in LAYER_FORMS else 0
    shifts = None if one else ConstArray("shifts", shift.astype(np.uint8), align=1)
    return (
        ("finish.bias", ConstArray("bias", sums.bias)),
        ("finish.multiplier", ConstArray("multiplier", finish.multiplier.astype(narrow))),
        ("finish.shifts", shifts),
        ("finish.addend", odd << one - 1 if one else odd),
        ("finish.shift", one),
        ("input_zero_point", sums.input_zero_point),
        ("lo", sums.lo),
        ("hi", sums.hi),
    )
