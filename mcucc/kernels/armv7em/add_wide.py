"""Add and Sub with int16 on Armv7E-M (add_armv7em_wide.c)."""

from __future__ import annotations

from mcucc.ir.kernel import KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.select import NodeContext, variant
from mcucc.numerics.fixed_point import INT32_MAX, INT32_MIN, Rounding
from mcucc.ops.add import AddKernel
from mcucc.ops.sub import SubKernel


@variant(AddKernel, InstructionSet.ARMV7EM, wide=True)
@variant(SubKernel, InstructionSet.ARMV7EM, wide=True)
def add(kernel: AddKernel, context: NodeContext) -> Variant | None:
    """Where every partial sum, the output's zero point included, stays inside int32."""
    bias = kernel.bias + (kernel.zero_points[2] << kernel.shift)
    terms = zip(kernel.multipliers, context.input_intervals, strict=True)
    reach = sum(abs(factor) * max(-lo, hi) for factor, (lo, hi) in terms)
    if bias - reach < INT32_MIN or bias + reach > INT32_MAX:
        return None
    call = KernelCall(
        KernelId("add", InstructionSet.ARMV7EM, requantization=Rounding.SINGLE, types=kernel.wide),
        (
            ("channels", kernel.channels),
            ("multiplier_a", kernel.multipliers[0]),
            ("multiplier_b", kernel.multipliers[1]),
            ("bias", bias),
            ("shift", kernel.shift),
            ("lo", kernel.lo),
            ("hi", kernel.hi),
        ),
    )
    outputs = context.height * context.width * kernel.channels
    return Variant(call, "armv7em ssat int16", variant_cost(call.id).output * outputs)
