"""Conv2d 1x1 on Helium: 16 products an instruction (pointwise_mve.c)."""

from __future__ import annotations

from mcucc.ir.kernel import KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.armv7em.finish import output_fields
from mcucc.kernels.mve.finish import finish_table, matrix_finish
from mcucc.kernels.mve.matrix import (
    matrix_instructions,
    unpacked_scratch,
    weight_table,
)
from mcucc.kernels.packing import storage_words
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.conv2d import Conv2dKernel


@variant(Conv2dKernel, InstructionSet.MVE, packed=True)
@variant(Conv2dKernel, InstructionSet.MVE)
def pointwise(kernel: Conv2dKernel, context: NodeContext) -> Variant | None:
    """1x1 without padding: no window to gather."""
    c_out, kernel_h, kernel_w, channels = kernel.weights.shape
    if kernel.groups != 1 or (kernel_h, kernel_w) != (1, 1) or kernel.window.padded:
        return None
    finish = matrix_finish(kernel.weights.reshape(c_out, channels), kernel.sums, context)
    if finish is None:
        return None
    bits = context.stored_bits
    call = KernelCall(
        KernelId("conv2d", InstructionSet.MVE, "pointwise", requantization=finish.form, bits=bits),
        (
            ("stride_w", kernel.window.stride[1]),
            ("input_channels", channels),
            ("output_channels", c_out),
            ("weights", weight_table(kernel.weights.reshape(c_out, channels), bits)),
            ("finish", finish_table(kernel.sums, finish)),
            *output_fields(kernel.sums),
        ),
        scratch_bytes=unpacked_scratch(channels, c_out, bits),
    )
    instructions = matrix_instructions(channels, c_out, context)
    return Variant(call, f"mve 1x1{storage_words(bits)}, {finish.form.value}", instructions)
