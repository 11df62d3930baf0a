"""Conv2d on Armv7E-M: SMLAD over inputs widened once (conv2d_armv7em.c)."""

from __future__ import annotations

from dataclasses import replace

from mcucc.ir.kernel import KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.armv7em.conv2d_border import at_border
from mcucc.kernels.armv7em.finish import matrix_finish, output_fields
from mcucc.kernels.armv7em.matrix import (
    matrix_instructions,
    matrix_stream,
    pack_runs,
    stored_bits,
)
from mcucc.kernels.packing import storage_words
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.conv2d import Conv2dKernel

# Limits of the C code: MCUCC_CONV2D_MAX_RUNS and MCUCC_CONV2D_MAX_TAIL.
MAX_RUNS = 64
MAX_TAIL = 64


@variant(Conv2dKernel, InstructionSet.ARMV7EM, packed=True)
@variant(Conv2dKernel, InstructionSet.ARMV7EM)
def conv2d(kernel: Conv2dKernel, context: NodeContext) -> Variant | None:
    """Any convolution of one group."""
    c_out, kernel_h, kernel_w, channels = kernel.weights.shape
    window = kernel.window
    runs = 1 if window.dilation[1] == 1 else kernel_w
    run = kernel_w // runs * channels
    tail = kernel_h * runs * (run % 4)
    if kernel.groups != 1 or kernel_h * runs > MAX_RUNS or tail > MAX_TAIL:
        return None
    flat = kernel.weights.reshape(c_out, -1)
    finish = matrix_finish(flat, kernel.sums, context)
    if finish is None:
        return None
    bits = stored_bits(context)
    packed, chunks = pack_runs(kernel.weights.reshape(c_out, kernel_h * runs, run), bits)
    patch = flat.shape[1] if window.pads.left or window.pads.right else 0
    # Biases of a border of its own are the inside's and an addend: the stream is there once.
    inside = kernel.sums.biases.inside
    sums = replace(kernel.sums, bias=inside)
    key = KernelId("conv2d", InstructionSet.ARMV7EM, bits=min(bits, 8))
    call = KernelCall(
        replace(key, requantization=finish.form),
        (
            *window.fields(),
            ("input_width", kernel.input_width),
            ("input_channels", channels),
            ("output_channels", c_out),
            ("runs", runs),
            ("run", run),
            ("chunks", chunks),
            ("wide", int(bits == 16)),
            ("stream", matrix_stream(packed, sums, finish, bits)),
            *output_fields(kernel.sums, finish),
        ),
        scratch_bytes=16 * chunks + patch,
    )
    added = kernel.sums.bias - inside
    if added.any():
        call = at_border(call, added)
    instructions = matrix_instructions(key, context, c_out, chunks)
    return Variant(call, f"armv7em smlad{storage_words(bits)}, {finish.form.value}", instructions)
