"""Lookup tables on Helium: 16 values an instruction (lookup_mve.c)."""

from __future__ import annotations

from mcucc.ir.kernel import Variant
from mcucc.ir.kernel_id import InstructionSet
from mcucc.kernels.mve.fields import helium_call, priced_by_value
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.common.lookup import LookupKernel


@variant(LookupKernel, InstructionSet.MVE)
def lookup(kernel: LookupKernel, context: NodeContext) -> Variant | None:
    """A gather of 16 bytes."""
    return priced_by_value(helium_call(kernel), "mve gather", kernel.channels, context)
