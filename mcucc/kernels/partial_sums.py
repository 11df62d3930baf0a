"""Kernels of a channel split beside those of its layers: sums of a group, and their end."""

from __future__ import annotations

from mcucc.ir.kernel import ConstArray, KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.armv7em.conv2d import pack_runs, wide_weights
from mcucc.kernels.armv7em.finish import weights_in_pairs
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.portable.finish import finish_fields, portable_finish
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.common.partial_sums import FinishSumsKernel, PartialSumsKernel


@variant(FinishSumsKernel, InstructionSet.PORTABLE)
def finish_sums(kernel: FinishSumsKernel, context: NodeContext) -> Variant | None:
    """Any sums whose requantization has a proved form."""
    finish = portable_finish(kernel.weights, kernel.accumulation, context)
    if finish is None:
        return None
    call = KernelCall(
        KernelId("finish_sums", variant="form", requantization=finish.form),
        (("channels", len(kernel.weights)), *finish_fields(kernel.accumulation, finish)),
    )
    values = context.height * context.width * len(kernel.weights)
    return Variant(call, f"portable, {finish.form.value}", values * variant_cost(call.id).output)


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
