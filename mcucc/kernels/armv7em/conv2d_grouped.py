"""Conv2d in groups on Armv7E-M: the matrix of each group (conv2d_grouped_armv7em.c)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcucc.ir.kernel import ConstArray, KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.armv7em.conv2d import MAX_RUNS, MAX_TAIL
from mcucc.kernels.armv7em.finish import matrix_finish, output_fields
from mcucc.kernels.armv7em.matrix import matrix_instructions, matrix_stream, pack_runs, stored_bits
from mcucc.kernels.packing import storage_words
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.conv2d import Conv2dKernel


@variant(Conv2dKernel, InstructionSet.ARMV7EM)
def conv2d_grouped(kernel: Conv2dKernel, context: NodeContext) -> Variant | None:
    """Any convolution of several groups whose padding is its zero point."""
    c_out, kernel_h, kernel_w, inputs = kernel.weights.shape
    taps, groups = kernel_h * kernel_w, kernel.groups
    few = taps <= MAX_RUNS and taps * (inputs % 4) <= MAX_TAIL
    if groups == 1 or not few or kernel.sums.family is not None:
        return None
    finish = matrix_finish(kernel.weights.reshape(c_out, -1), kernel.sums, context)
    if finish is None:
        return None
    bits, outputs = stored_bits(context), c_out // groups
    packed, chunks = pack_runs(kernel.weights.reshape(c_out, taps, inputs), bits)
    streams = []
    for begin in range(0, c_out, outputs):
        part = slice(begin, begin + outputs)
        own = replace(finish, multiplier=finish.multiplier[part], shift=finish.shift[part])
        own_sums = kernel.sums.channels(part.start, part.stop)
        streams.append(matrix_stream(packed[part], own_sums, own, bits).data)
    key = KernelId("conv2d", InstructionSet.ARMV7EM, "grouped")
    padded = bool(kernel.window.pads.left or kernel.window.pads.right)
    call = KernelCall(
        replace(key, requantization=finish.form),
        (
            *kernel.window.fields(),
            ("input_width", kernel.input_width),
            ("input_channels", inputs * groups),
            ("output_channels", c_out),
            ("groups", groups),
            ("padded", int(padded)),
            ("chunks", chunks),
            ("wide", int(bits == 16)),
            ("stream_words", streams[0].size),
            ("stream", ConstArray("stream", np.concatenate(streams))),
            *output_fields(kernel.sums, finish),
        ),
        scratch_bytes=16 * chunks + (inputs * groups if padded else 0),
    )
    # A window of a group is widened for its own outputs alone.
    per_pixel = matrix_instructions(key, context, outputs, chunks) * groups
    return Variant(call, f"armv7em smlad{storage_words(bits)}, {finish.form.value}", per_pixel)
