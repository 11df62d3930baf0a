"""Conv2d 1x1 on Armv7E-M (pointwise_armv7em.c)."""

from __future__ import annotations

from dataclasses import replace

from mcucc.ir.kernel import KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.armv7em.finish import matrix_finish, output_fields
from mcucc.kernels.armv7em.matrix import (
    matrix_instructions,
    matrix_stream,
    pack_runs,
    stored_bits,
)
from mcucc.kernels.packing import storage_words
from mcucc.kernels.select import NodeContext, variant
from mcucc.numerics.fixed_point import INT16
from mcucc.ops.conv2d import Conv2dKernel


@variant(Conv2dKernel, InstructionSet.ARMV7EM, packed=True)
@variant(Conv2dKernel, InstructionSet.ARMV7EM, long=True)
@variant(Conv2dKernel, InstructionSet.ARMV7EM)
def pointwise(kernel: Conv2dKernel, context: NodeContext) -> Variant | None:
    """1x1 without padding: no window to gather."""
    c_out, kernel_h, kernel_w, channels = kernel.weights.shape
    if kernel.groups != 1 or (kernel_h, kernel_w) != (1, 1) or kernel.window.padded:
        return None
    flat = kernel.weights.reshape(c_out, channels)
    finish = matrix_finish(flat, kernel.sums, context)
    if finish is None:
        return None
    bits = stored_bits(context)
    if kernel.weights.dtype == INT16 and bits != 16:  # conv2d_offset.py
        return None
    packed, chunks = pack_runs(kernel.weights.reshape(c_out, 1, channels), bits)
    key = KernelId("conv2d", InstructionSet.ARMV7EM, "pointwise", bits=min(bits, 8))
    call = KernelCall(
        replace(key, requantization=finish.form),
        (
            ("stride_w", kernel.window.stride[1]),
            ("input_channels", channels),
            ("output_channels", c_out),
            ("chunks", chunks),
            ("wide", int(bits == 16)),
            ("stream", matrix_stream(packed, kernel.sums, finish, bits)),
            *output_fields(kernel.sums, finish),
        ),
        scratch_bytes=16 * chunks,
    )
    instructions = matrix_instructions(key, context, c_out, chunks)
    return Variant(
        call, f"armv7em smlad 1x1{storage_words(bits)}, {finish.form.value}", instructions
    )
