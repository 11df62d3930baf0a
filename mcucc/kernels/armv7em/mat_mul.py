"""MatMul on Armv7E-M: products in pairs (mat_mul_armv7em.c)."""

from __future__ import annotations

from dataclasses import replace

from mcucc.ir.kernel import Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.select import NodeContext, variant
from mcucc.numerics.fixed_point import INT32_MAX
from mcucc.ops.mat_mul import MatMulKernel


@variant(MatMulKernel, InstructionSet.ARMV7EM)
def mat_mul(kernel: MatMulKernel, context: NodeContext) -> Variant | None:
    """Where the zero point of b, taken off first, leaves every sum within int32."""
    za, zb, _ = kernel.zero_points
    if kernel.depth * max(127 - za, 128 + za) * (128 + abs(zb)) > INT32_MAX:
        return None
    plain = kernel.call()
    columns = kernel.b_shape[1]
    widened = 2 * (kernel.depth & ~3) + 4 * columns if kernel.op.transposed else 2 * kernel.depth
    key = KernelId("mat_mul", InstructionSet.ARMV7EM)
    call = replace(
        plain,
        id=replace(key, requantization=plain.id.requantization),
        scratch_bytes=-(-widened // 4) * 4,
    )
    cost = variant_cost(key)
    outputs = kernel.op.heads * kernel.outputs
    pixel = cost.mac * kernel.macs_per_pixel + cost.output * outputs
    return Variant(call, "armv7em smlad", context.height * context.width * pixel)
