"""Attention on Armv7E-M: products in pairs (attention_armv7em.c)."""

from __future__ import annotations

from mcucc.ir.kernel import KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.attention import AttentionKernel


@variant(AttentionKernel, InstructionSet.ARMV7EM)
def attention(kernel: AttentionKernel, context: NodeContext) -> Variant:
    """Scratch holds a head of a query, widened, beside scores and weights."""
    scratch = kernel.scratch_bytes + 2 * (kernel.depth & ~3)
    call = KernelCall(KernelId("attention", InstructionSet.ARMV7EM), kernel.fields, scratch)
    cost = variant_cost(call.id)
    pixel = cost.mac * kernel.macs_per_pixel + cost.input * kernel.op.heads * kernel.keys
    instructions = context.height * context.width * pixel
    return Variant(call, "armv7em smlad", instructions)
