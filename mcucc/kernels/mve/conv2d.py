"""Conv2d on Helium: strips of columns, 16 products an instruction (conv2d_mve.c)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.armv7em.finish import output_fields
from mcucc.kernels.mve.finish import VECTOR, finish_table, matrix_finish
from mcucc.kernels.mve.matrix import (
    PIXELS,
    matrix_instructions,
    unpacked_scratch,
    weight_table,
)
from mcucc.kernels.packing import storage_words
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.conv2d import Conv2dKernel

# Scratch of a strip of columns against columns copied twice.
STRIP_BYTES = 1536
# Offsets of a scattered vector are bytes.
MAX_KERNEL_H = 15


@variant(Conv2dKernel, InstructionSet.MVE, packed=True)
@variant(Conv2dKernel, InstructionSet.MVE)
def conv2d(kernel: Conv2dKernel, context: NodeContext) -> Variant | None:
    """Any convolution of one group."""
    c_out, kernel_h, kernel_w, channels = kernel.weights.shape
    window = kernel.window
    if kernel.groups != 1 or kernel_h > MAX_KERNEL_H:
        return None
    finish = matrix_finish(kernel.weights.reshape(c_out, -1), kernel.sums, context)
    if finish is None:
        return None
    column_bytes, stride = kernel_h * channels, window.stride[1]
    # Columns from window to window: they overlap unless some between the taps are not read.
    step = stride if window.dilation[1] == 1 and stride <= kernel_w else kernel_w
    tile = tile_columns(column_bytes, kernel_w, step, context.width)
    bits = context.stored_bits
    # A strip is column by column.
    taps_of_strip = kernel.weights.transpose(0, 2, 1, 3).reshape(c_out, -1)
    taps = taps_of_strip.shape[1]
    call = KernelCall(
        KernelId("conv2d", InstructionSet.MVE, requantization=finish.form, bits=bits),
        (
            ("kernel_h", kernel_h),
            ("kernel_w", kernel_w),
            ("stride_w", stride),
            ("dilation_w", window.dilation[1]),
            ("pad_left", window.pads.left),
            ("input_width", kernel.input_width),
            ("input_channels", channels),
            ("output_channels", c_out),
            ("tile", tile),
            ("scatter", ConstArray("scatter", scatter_offsets(kernel_h, channels))),
            ("weights", weight_table(taps_of_strip, bits)),
            ("finish", finish_table(kernel.sums, finish)),
            *output_fields(kernel.sums),
        ),
        scratch_bytes=unpacked_scratch(taps, c_out, bits)
        + ((tile - 1) * step + kernel_w) * column_bytes,
    )
    per_column = 8 * channels / VECTOR if channels <= VECTOR else 8 + 3 * channels / VECTOR
    columns = context.width * step
    copied = context.height * kernel_h * (100 + columns * per_column)
    tiles = -(-context.width // tile)
    instructions = copied + matrix_instructions(taps, c_out, context, tiles)
    return Variant(call, f"mve strip{storage_words(bits)}, {finish.form.value}", instructions)


def tile_columns(column_bytes: int, kernel_w: int, step: int, width: int) -> int:
    """Output columns of a strip: as many fours as STRIP_BYTES holds, at least one."""
    wanted = -(-width // PIXELS)
    fitting = ((STRIP_BYTES // column_bytes - kernel_w) // step + 1) // PIXELS
    return PIXELS * max(1, min(wanted, fitting))


def scatter_offsets(kernel_h: int, channels: int) -> npt.NDArray[np.uint8]:
    """Where a vector of pixels of up to 16 channels goes: each to a column of its own."""
    lanes = np.arange(VECTOR)
    if channels > VECTOR:
        return lanes.astype(np.uint8)
    offsets: npt.NDArray[np.uint8] = (
        lanes // channels * kernel_h * channels + lanes % channels
    ).astype(np.uint8)
    return offsets
