"""Sums of a group of a channel split on Armv7E-M (partial_sums_armv7em.c)."""

from __future__ import annotations

from mcucc.ir.kernel import ConstArray, KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.armv7em.matrix import (
    pack_runs,
    stored_bits,
    weights_in_pairs,
)
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.packing import storage_words
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.common.partial_sums import PartialSumsKernel


@variant(PartialSumsKernel, InstructionSet.ARMV7EM, packed=True)
@variant(PartialSumsKernel, InstructionSet.ARMV7EM)
def partial_sums(kernel: PartialSumsKernel, context: NodeContext) -> Variant:
    """SMLAD over pixels widened once, two pixels and two output channels at a time."""
    outputs, inputs = kernel.weights.shape
    bits = stored_bits(context)
    packed, chunks = pack_runs(kernel.weights.reshape(outputs, 1, inputs), bits)
    stream = weights_in_pairs(packed, (outputs + 1) // 2, bits).reshape(-1)
    call = KernelCall(
        KernelId("partial_sums", InstructionSet.ARMV7EM, bits=min(bits, 8)),
        (
            ("input_channels", inputs),
            ("output_channels", outputs),
            ("first", int(kernel.first)),
            ("chunks", chunks),
            ("wide", int(bits == 16)),
            ("stream", ConstArray("stream", stream, bits=min(bits, 8))),
        ),
        scratch_bytes=16 * chunks,
    )
    values = context.height * context.width * outputs
    cost = variant_cost(call.id)
    per_value = 4 * chunks * (cost.wide_mac if bits == 16 else cost.mac) + cost.output
    return Variant(call, f"armv7em smlad{storage_words(bits)}", values * per_value)
