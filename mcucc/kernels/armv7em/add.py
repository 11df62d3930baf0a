"""Add and Sub on Armv7E-M: the zero point in the bias, saturation by SSAT (add_armv7em.c)."""

from __future__ import annotations

from mcucc.ir.kernel import KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.select import NodeContext, variant
from mcucc.numerics.fixed_point import INT32_MAX, INT32_MIN, Rounding
from mcucc.ops.add import AddKernel
from mcucc.ops.sub import SubKernel


@variant(AddKernel, InstructionSet.ARMV7EM)
@variant(SubKernel, InstructionSet.ARMV7EM)
def add(kernel: AddKernel, context: NodeContext) -> Variant | None:
    """Where every partial sum, the output's zero point included, stays inside int32.

    (v >> s) + z = (v + z * 2^s) >> s exactly.
    """
    bias = kernel.bias + (kernel.zero_points[2] << kernel.shift)
    a, b = kernel.multipliers
    reach = 128 * (abs(a) + abs(b))
    if bias - reach < INT32_MIN or bias + reach > INT32_MAX:
        return None
    call = KernelCall(
        KernelId("add", InstructionSet.ARMV7EM, requantization=Rounding.SINGLE),
        (
            ("channels", kernel.channels),
            ("multiplier_a", a),
            ("multiplier_b", b),
            ("bias", bias),
            ("shift", kernel.shift),
            ("lo", kernel.lo),
            ("hi", kernel.hi),
        ),
    )
    outputs = context.height * context.width * kernel.channels
    return Variant(call, "armv7em ssat", variant_cost(call.id).output * outputs)
