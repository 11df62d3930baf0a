"""GlobalAveragePool on Armv7E-M: channels in pairs (global_average_pool_armv7em.c)."""

from __future__ import annotations

from dataclasses import replace

from mcucc.ir.kernel import Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.global_average_pool import GlobalAveragePoolKernel


@variant(GlobalAveragePoolKernel, InstructionSet.ARMV7EM)
def global_average_pool(kernel: GlobalAveragePoolKernel, context: NodeContext) -> Variant | None:
    """Four channels and more."""
    height, width, channels = kernel.input_shape
    if channels < 4:
        return None
    key = KernelId("global_average_pool", InstructionSet.ARMV7EM)
    cost = variant_cost(key)
    instructions = channels * (cost.input * height * width + cost.output)
    return Variant(replace(kernel.call(), id=key), "armv7em sxtab16", instructions)
