"""MaxPool on Armv7E-M: four channels a comparison (max_pool_armv7em.c)."""

from __future__ import annotations

from dataclasses import replace

from mcucc.ir.kernel import KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.max_pool import MaxPoolKernel

BLOCK = 4  # channels of a word
SQUARES = ((2, 2), (3, 3), (5, 5))  # windows that have a function of their own


@variant(MaxPoolKernel, InstructionSet.ARMV7EM)
def max_pool(kernel: MaxPoolKernel, context: NodeContext) -> Variant | None:
    """Any window of four channels and more."""
    if kernel.channels < BLOCK:
        return None
    window = kernel.window.kernel
    copy = window if window in SQUARES else ()
    key = KernelId("max_pool", InstructionSet.ARMV7EM, copy=copy)
    call: KernelCall = replace(kernel.call(), id=key)
    cost = variant_cost(key)
    each = cost.output + cost.input * window[0] * window[1]
    outputs = context.height * context.width * kernel.channels
    return Variant(call, "armv7em ssub8", each * outputs)
