"""Conv2d of int16 on Armv7E-M: any kernel size (conv2d_armv7em_wide.c)."""

from __future__ import annotations

from mcucc.ir.kernel import KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.armv7em.conv2d import MAX_RUNS, MAX_TAIL
from mcucc.kernels.armv7em.finish import output_fields
from mcucc.kernels.armv7em.matrix import matrix_instructions, pack_runs, stored_bits
from mcucc.kernels.armv7em.matrix_wide import unpacked, wide_finish, wide_stream
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.conv2d import Conv2dKernel


@variant(Conv2dKernel, InstructionSet.ARMV7EM, wide=True)
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
    finish = wide_finish(flat, kernel.sums, context)
    if finish is None:
        return None
    context = unpacked(context)
    bits = stored_bits(context)
    packed, chunks = pack_runs(kernel.weights.reshape(c_out, kernel_h * runs, run), bits)
    patch = flat.shape[1] if window.pads.left or window.pads.right else 0
    stream = wide_stream(packed, kernel.sums, finish, bits)
    key = KernelId("conv2d", InstructionSet.ARMV7EM, requantization=finish.form, types=kernel.wide)
    call = KernelCall(
        key,
        (
            *window.fields(),
            ("input_width", kernel.input_width),
            ("input_channels", channels),
            ("output_channels", c_out),
            ("runs", runs),
            ("run", run),
            ("chunks", chunks),
            ("wide", int(bits == 16)),
            ("stream", stream),
            *output_fields(kernel.sums),
        ),
        scratch_bytes=16 * chunks + patch * kernel.sums.types[0].itemsize,
    )
    instructions = matrix_instructions(key, context, c_out, chunks)
    return Variant(call, f"armv7em smlad int16, {finish.form.value}", instructions)
