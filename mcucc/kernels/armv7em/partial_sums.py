"""Sums of a group of a channel split on Armv7E-M (partial_sums_armv7em.c)."""

from __future__ import annotations

from mcucc.ir.kernel import ConstArray, KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.armv7em.matrix import (
    pack_runs,
    weights_in_pairs,
    wide_weights,
)
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.common.partial_sums import PartialSumsKernel


@variant(PartialSumsKernel, InstructionSet.ARMV7EM)
def partial_sums(kernel: PartialSumsKernel, context: NodeContext) -> Variant:
    """SMLAD over pixels widened once, two pixels and two output channels at a time."""
    outputs, inputs = kernel.weights.shape
    packed, chunks = pack_runs(kernel.weights.reshape(outputs, 1, inputs))
    wide = wide_weights(context)
    stream = weights_in_pairs(packed, (outputs + 1) // 2, wide).reshape(-1)
    call = KernelCall(
        KernelId("partial_sums", InstructionSet.ARMV7EM),
        (
            ("input_channels", inputs),
            ("output_channels", outputs),
            ("first", int(kernel.first)),
            ("chunks", chunks),
            ("wide", int(wide)),
            ("stream", ConstArray("stream", stream)),
        ),
        scratch_bytes=16 * chunks,
    )
    values = context.height * context.width * outputs
    cost = variant_cost(call.id)
    per_value = 4 * chunks * (cost.wide_mac if wide else cost.mac) + cost.output
    return Variant(call, "armv7em smlad", values * per_value)
