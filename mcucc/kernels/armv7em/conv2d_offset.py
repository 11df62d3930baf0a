"""Conv2d of 9-bit weights on Armv7E-M: int8 and an offset of all (conv2d_offset_armv7em.c)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcucc.ir.kernel import KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.armv7em.conv2d import Runs, scratch_of
from mcucc.kernels.armv7em.finish import matrix_finish, output_fields
from mcucc.kernels.armv7em.matrix import matrix_instructions, matrix_stream, stored_bits
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.common.convolution import offset_of
from mcucc.ops.conv2d import Conv2dKernel

SHARE = 4 * (1 << 15)  # what the four half words of a chunk hold together


@variant(Conv2dKernel, InstructionSet.ARMV7EM, long=True)
def conv2d_offset(kernel: Conv2dKernel, context: NodeContext) -> Variant | None:
    """Any convolution of one group whose weights are not worth 16 bits each."""
    runs = Runs.of(kernel)
    if runs is None or stored_bits(context) != 8:
        return None
    c_out = kernel.weights.shape[0]
    finish = matrix_finish(kernel.weights.reshape(c_out, -1), kernel.sums, context)
    if finish is None:
        return None
    offset = offset_of(kernel.weights)
    short = replace(kernel, weights=(kernel.weights - offset).astype(np.int8))
    packed, chunks = runs.packed(short, 8)
    shares = -(-kernel.weights[0].size * 128 // SHARE)
    behind = np.full((c_out, 4 * shares), offset, np.int8)
    stream = matrix_stream(np.concatenate([packed, behind], axis=1), kernel.sums, finish, 8)
    chunks += shares
    layer = (
        *runs.fields(kernel, chunks, 8, stream),
        *output_fields(kernel.sums, finish),
    )
    key = KernelId("conv2d_offset", InstructionSet.ARMV7EM)
    call = KernelCall(
        replace(key, requantization=finish.form),
        (*((f"layer.{name}", value) for name, value in layer), ("shares", shares)),
        scratch_bytes=scratch_of(kernel, chunks),
    )
    instructions = matrix_instructions(key, context, c_out, chunks)
    return Variant(call, f"armv7em smlad offset, {finish.form.value}", instructions)
