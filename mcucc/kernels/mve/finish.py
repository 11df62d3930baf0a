"""The end of every accumulating kernel on Helium: the proved form and its tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray
from mcucc.ir.kernel_id import Form
from mcucc.kernels.requantize import Finish, high_form, reach_of, shift_form
from mcucc.kernels.select import NodeContext
from mcucc.ops.common.matrix import Accumulation

# SHIFT, WIDE and DOUBLE shift by s + 1, and SHIFT's high multiply drops a bit less in
# finish_mve.h than in the form's definition.
COUNT = {Form.SHIFT: 2, Form.WIDE: 1, Form.DOUBLE: 1}
# Bytes of a vector; so many may be read beyond the last weight.
VECTOR = 16


def matrix_finish(
    weights: npt.NDArray[Any], sums: Accumulation, context: NodeContext
) -> Finish | None:
    """The cheapest proved form for weights (channels, taps), or None."""
    bounds = reach_of(weights, sums, *context.input_intervals[0])
    form = Form.DOUBLING
    return (
        context.wanted(high_form(sums, bounds, form, patient=context.form is form))
        or context.wanted(shift_form(sums, bounds))
        or context.wanted(shift_form(sums, bounds, Form.WIDE))
    )


def entries(sums: Accumulation, finish: Finish) -> npt.NDArray[np.int32]:
    """The entries of mcucc/finish_mve.h: (channels, 2 or 3)."""
    words: list[npt.NDArray[Any]] = [sums.bias, finish.multiplier]
    if finish.form in COUNT:
        words.append(-(finish.shift + COUNT[finish.form]))
    return np.stack(words, axis=1).astype(np.int32)


def finish_table(sums: Accumulation, finish: Finish) -> ConstArray:
    """The entries as a table of their own."""
    return ConstArray("finish", entries(sums, finish))
