"""The end of a channel split on any core (finish_sums_form.c)."""

from __future__ import annotations

from mcucc.ir.kernel import KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.portable.finish import finish_fields, portable_finish
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.common.partial_sums import FinishSumsKernel


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
