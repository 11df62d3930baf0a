"""Add on Helium: four values an instruction (add_mve.c)."""

from __future__ import annotations

from dataclasses import replace

from mcucc.ir.kernel import Variant
from mcucc.ir.kernel_id import InstructionSet
from mcucc.kernels.armv7em.add import add as add_armv7em
from mcucc.kernels.mve.fields import priced_by_value
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.add import AddKernel


@variant(AddKernel, InstructionSet.MVE)
def add(kernel: AddKernel, context: NodeContext) -> Variant | None:
    """Where every partial sum stays inside int32, as on Armv7E-M."""
    narrow = add_armv7em(kernel, context)
    if narrow is None:
        return None
    call = replace(narrow.call, id=replace(narrow.call.id, isa=InstructionSet.MVE))
    return priced_by_value(call, "mve", kernel.channels, context)
