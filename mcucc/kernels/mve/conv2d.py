"""Conv2d and FullyConnected on Helium: 16 products an instruction (matrix_mve.h)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.armv7em.finish import output_fields
from mcucc.kernels.mve.finish import VECTOR, finish_table, matrix_finish, weight_table
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.common.border import BorderedKernel
from mcucc.ops.conv2d import Conv2dKernel
from mcucc.ops.fully_connected import FullyConnectedKernel

# Scratch of a strip of columns against columns copied twice.
STRIP_BYTES = 1536
PIXELS = 4  # computed together
# Offsets of a scattered vector are bytes.
MAX_KERNEL_H = 15


@variant(Conv2dKernel, InstructionSet.MVE)
def pointwise(kernel: Conv2dKernel, context: NodeContext) -> Variant | None:
    """1x1 without padding: no window to gather."""
    c_out, kernel_h, kernel_w, channels = kernel.weights.shape
    if kernel.groups != 1 or (kernel_h, kernel_w) != (1, 1) or kernel.window.padded:
        return None
    finish = matrix_finish(kernel.weights.reshape(c_out, channels), kernel.sums, context)
    if finish is None:
        return None
    call = KernelCall(
        KernelId("conv2d", InstructionSet.MVE, "pointwise", requantization=finish.form),
        (
            ("stride_w", kernel.window.stride[1]),
            ("input_channels", channels),
            ("output_channels", c_out),
            ("weights", weight_table(kernel.weights)),
            ("finish", finish_table(kernel.sums, finish)),
            *output_fields(kernel.sums),
        ),
    )
    instructions = matrix_instructions(channels, c_out, context)
    return Variant(call, f"mve 1x1, {finish.form.value}", instructions)


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
    call = KernelCall(
        KernelId("conv2d", InstructionSet.MVE, requantization=finish.form),
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
            ("weights", weight_table(kernel.weights.transpose(0, 2, 1, 3))),
            ("finish", finish_table(kernel.sums, finish)),
            *output_fields(kernel.sums),
        ),
        scratch_bytes=((tile - 1) * step + kernel_w) * column_bytes,
    )
    per_column = 8 * channels / VECTOR if channels <= VECTOR else 8 + 3 * channels / VECTOR
    columns = context.width * step
    copied = context.height * kernel_h * (100 + columns * per_column)
    instructions = copied + matrix_instructions(kernel_w * column_bytes, c_out, context)
    return Variant(call, f"mve strip, {finish.form.value}", instructions)


def strips_of_zones(kernel: BorderedKernel, calls: Sequence[KernelCall]) -> KernelCall | None:
    """One call for all zones of a row (conv2d_mve_border.c), where all make strips of one form.

    `calls` are those of `kernel.kernels`; None also where there is one only.
    """
    main, *others = calls
    strips = KernelId("conv2d", InstructionSet.MVE, requantization=main.id.requantization)
    if main.id != strips or {call.id for call in others} != {strips}:
        return None
    tables = [dict(call.fields)["finish"] for call in calls]
    finish = np.stack([table.data for table in tables if isinstance(table, ConstArray)])
    fields = dict(main.fields) | {"finish": ConstArray("finish", finish)}
    row_ends, column_ends = (np.array(e[1:], np.int16) for e in (kernel.rows, kernel.columns))
    return replace(
        main,
        id=replace(main.id, variant="border"),
        fields=(
            *((f"layer.{name}", value) for name, value in fields.items()),
            ("row_ends", ConstArray("row_ends", row_ends)),
            ("column_ends", ConstArray("column_ends", column_ends)),
            ("zones", ConstArray("zones", np.array(kernel.numbers, np.int16))),
            ("column_zones", len(column_ends)),
        ),
    )


@variant(FullyConnectedKernel, InstructionSet.MVE)
def fully_connected(kernel: FullyConnectedKernel, context: NodeContext) -> Variant | None:
    """A matrix times one vector, four rows at a time."""
    finish = matrix_finish(kernel.weights, kernel.sums, context)
    if finish is None:
        return None
    outputs, inputs = kernel.weights.shape
    call = KernelCall(
        KernelId("fully_connected", InstructionSet.MVE, requantization=finish.form),
        (
            ("inputs", inputs),
            ("outputs", outputs),
            ("weights", weight_table(kernel.weights)),
            ("finish", finish_table(kernel.sums, finish)),
            *output_fields(kernel.sums),
        ),
    )
    instructions = matrix_instructions(inputs, outputs, NodeContext())
    return Variant(call, f"mve, {finish.form.value}", instructions)


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


def matrix_instructions(taps: int, channels: int, context: NodeContext) -> float:
    """Modelled instructions of a whole output: pixels in fours, those that are left alone."""
    vectors = (taps + VECTOR - 1) // VECTOR
    rest = context.width % PIXELS
    together = rest == 3 or (rest == 2 and vectors <= 2)
    fours = context.width // PIXELS + together
    four = 45 + channels * (18 if vectors == 1 else 15 + 9.5 * vectors)
    single = 75 + -(-channels // 4) * (28 if vectors == 1 else 29 + 10 * vectors)
    return context.height * (110 + fours * four + (0 if together else rest) * single)
