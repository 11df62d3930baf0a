"""Conv2d of int16 on Armv7E-M: any kernel size (conv2d_armv7em_wide.c)."""

from __future__ import annotations

from mcucc.ir.kernel import KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.armv7em.conv2d import Runs, scratch_of
from mcucc.kernels.armv7em.finish import output_fields
from mcucc.kernels.armv7em.matrix import matrix_instructions, stored_bits
from mcucc.kernels.armv7em.matrix_wide import unpacked, wide_finish, wide_stream
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.conv2d import Conv2dKernel


@variant(Conv2dKernel, InstructionSet.ARMV7EM, wide=True)
def conv2d(kernel: Conv2dKernel, context: NodeContext) -> Variant | None:
    """Any convolution of one group."""
    runs = Runs.of(kernel)
    if runs is None:
        return None
    c_out = kernel.weights.shape[0]
    flat = kernel.weights.reshape(c_out, -1)
    finish = wide_finish(flat, kernel.sums, context)
    if finish is None:
        return None
    context = unpacked(context)
    bits = stored_bits(context)
    packed, chunks = runs.packed(kernel, bits)
    stream = wide_stream(packed, kernel.sums, finish, bits)
    key = KernelId("conv2d", InstructionSet.ARMV7EM, requantization=finish.form, types=kernel.wide)
    call = KernelCall(
        key,
        (
            *runs.fields(kernel, chunks, bits, stream),
            *output_fields(kernel.sums),
        ),
        scratch_bytes=scratch_of(kernel, chunks),
    )
    instructions = matrix_instructions(key, context, c_out, chunks)
    return Variant(call, f"armv7em smlad int16, {finish.form.value}", instructions)
