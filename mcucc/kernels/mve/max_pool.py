"""MaxPool on Helium: 16 channels an instruction (max_pool_mve.c)."""

from __future__ import annotations

from mcucc.ir.kernel import Variant
from mcucc.ir.kernel_id import InstructionSet
from mcucc.kernels.mve.fields import helium_call
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.max_pool import MaxPoolKernel


@variant(MaxPoolKernel, InstructionSet.MVE)
def max_pool(kernel: MaxPoolKernel, context: NodeContext) -> Variant | None:
    """16 channels at a time."""
    taps = kernel.window.kernel[0] * kernel.window.kernel[1]
    vectors = -(-kernel.channels // 16)
    pixels = context.height * context.width
    return Variant(helium_call(kernel), "mve", pixels * (45.0 + vectors * (20.0 + 7.0 * taps)))
