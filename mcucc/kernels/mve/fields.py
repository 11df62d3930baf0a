"""Helium kernels that take the portable kernel's fields."""

from __future__ import annotations

from dataclasses import replace

from mcucc.ir.kernel import Kernel, KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.select import NodeContext


def helium_call(kernel: Kernel) -> KernelCall:
    """The portable call's fields under the name of the Helium kernel."""
    portable = kernel.call()
    return replace(portable, id=replace(portable.id, isa=InstructionSet.MVE))


def priced_by_value(call: KernelCall, name: str, channels: int, context: NodeContext) -> Variant:
    """The variant whose cost is so many instructions a value."""
    values = context.height * context.width * channels
    return Variant(call, name, variant_cost(call.id).output * values)
