"""LayerNorm on Armv7E-M: normal values as halfwords (layer_norm_armv7em.c)."""

from __future__ import annotations

from mcucc.ir.kernel import KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.layer_norm import LayerNormKernel


@variant(LayerNormKernel, InstructionSet.ARMV7EM)
def layer_norm(kernel: LayerNormKernel, context: NodeContext) -> Variant | None:
    """Where every normal value is within int16."""
    if kernel.normal.largest > 2**15 - 1:
        return None
    call = KernelCall(KernelId("layer_norm", InstructionSet.ARMV7EM), kernel.fields)
    outputs = context.height * context.width * kernel.normal.count
    return Variant(call, "armv7em smlad", outputs * variant_cost(call.id).output)
