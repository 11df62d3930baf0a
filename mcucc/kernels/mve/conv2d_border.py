"""A row of a convolution with a border of its own in one call on Helium (conv2d_mve_border.c)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mcucc.ir.kernel import ConstArray, KernelCall
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.ops.common.border import BorderedKernel


def strips_of_zones(kernel: BorderedKernel, calls: Sequence[KernelCall]) -> KernelCall | None:
    """One call for all zones of a row (conv2d_mve_border.c), where all make strips of one form.

    `calls` are those of `kernel.kernels`; None also where there is one only.
    """
    main, *others = calls
    strips = KernelId("conv2d", InstructionSet.MVE)
    strips = replace(strips, requantization=main.id.requantization, bits=main.id.bits)
    if main.id != strips or {call.id for call in others} != {strips}:
        return None
    tables = [dict(call.fields)["finish"] for call in calls]
    finish = np.stack([table.data for table in tables if isinstance(table, ConstArray)])
    fields = dict(main.fields) | {"finish": ConstArray("finish", finish)}
    row_ends, column_ends = (np.array(e[1:], np.int16) for e in (kernel.rows, kernel.columns))
    return replace(
        main,
        id=replace(main.id, variant="border"),
        fields=(
            *((f"layer.{name}", value) for name, value in fields.items()),
            ("row_ends", ConstArray("row_ends", row_ends)),
            ("column_ends", ConstArray("column_ends", column_ends)),
            ("zones", ConstArray("zones", np.array(kernel.numbers, np.int16))),
            ("column_zones", len(column_ends)),
        ),
    )
