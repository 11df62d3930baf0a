"""GlobalAveragePool on Helium: four channels an instruction (global_average_pool_mve.c)."""

from __future__ import annotations

from mcucc.ir.kernel import Variant
from mcucc.ir.kernel_id import InstructionSet
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.mve.fields import helium_call
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.global_average_pool import GlobalAveragePoolKernel


@variant(GlobalAveragePoolKernel, InstructionSet.MVE)
def global_average_pool(kernel: GlobalAveragePoolKernel, context: NodeContext) -> Variant | None:
    """Four channels at a time."""
    height, width, channels = kernel.input_shape
    call = helium_call(kernel)
    cost = variant_cost(call.id)
    return Variant(call, "mve", channels * (cost.input * height * width + cost.output))
