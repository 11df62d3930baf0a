"""1x1 Conv2d of int16 on Armv7E-M (pointwise_armv7em_wide.c)."""

from __future__ import annotations

from mcucc.ir.kernel import KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.armv7em.finish import output_fields
from mcucc.kernels.armv7em.matrix import matrix_instructions, pack_runs, stored_bits
from mcucc.kernels.armv7em.matrix_wide import unpacked, wide_finish, wide_stream
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.conv2d import Conv2dKernel


@variant(Conv2dKernel, InstructionSet.ARMV7EM, wide=True)
def pointwise(kernel: Conv2dKernel, context: NodeContext) -> Variant | None:
    """1x1 without padding."""
    c_out, kernel_h, kernel_w, channels = kernel.weights.shape
    if kernel.groups != 1 or (kernel_h, kernel_w) != (1, 1) or kernel.window.padded:
        return None
    finish = wide_finish(kernel.weights.reshape(c_out, channels), kernel.sums, context)
    if finish is None:
        return None
    context = unpacked(context)
    bits = stored_bits(context)
    packed, chunks = pack_runs(kernel.weights.reshape(c_out, 1, channels), bits)
    stream = wide_stream(packed, kernel.sums, finish, bits)
    key = KernelId(
        "conv2d",
        InstructionSet.ARMV7EM,
        "pointwise",
        requantization=finish.form,
        types=kernel.wide,
    )
    call = KernelCall(
        key,
        (
            ("stride_w", kernel.window.stride[1]),
            ("input_channels", channels),
            ("output_channels", c_out),
            ("chunks", chunks),
            ("wide", int(bits == 16)),
            ("stream", stream),
            *output_fields(kernel.sums),
        ),
        scratch_bytes=16 * chunks,
    )
    instructions = matrix_instructions(key, context, c_out, chunks)
    return Variant(call, f"armv7em smlad 1x1 int16, {finish.form.value}", instructions)
