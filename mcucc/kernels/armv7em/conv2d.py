"""Conv2d on Armv7E-M: SMLAD over inputs widened once (conv2d_armv7em.c)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, KernelCall, Variant
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
from mcucc.numerics.fixed_point import INT16
from mcucc.ops.common.matrix import FieldList
from mcucc.ops.conv2d import Conv2dKernel

# Limits of the C code: MCUCC_CONV2D_MAX_RUNS and MCUCC_CONV2D_MAX_TAIL.
MAX_RUNS = 64
MAX_TAIL = 64


@dataclass(frozen=True)
class Runs:
    """The taps of a window as runs of bytes or values that lie together (conv2d_armv7em.h)."""

    in_row: int
    length: int

    @staticmethod
    def of(kernel: Conv2dKernel) -> Runs | None:
        """Those of a convolution; None beyond what the C code takes."""
        _, kernel_h, kernel_w, channels = kernel.weights.shape
        in_row = 1 if kernel.window.dilation[1] == 1 else kernel_w
        length = kernel_w // in_row * channels
        rows = kernel_h * in_row
        if kernel.groups != 1 or rows > MAX_RUNS or rows * (length % 4) > MAX_TAIL:
            return None
        return Runs(in_row, length)

    def packed(self, kernel: Conv2dKernel, bits: int) -> tuple[npt.NDArray[Any], int]:
        """The weights in the order of the runs, and the chunks of a window."""
        c_out = kernel.weights.shape[0]
        return pack_runs(kernel.weights.reshape(c_out, -1, self.length), bits)

    def fields(self, kernel: Conv2dKernel, chunks: int, bits: int, stream: ConstArray) -> FieldList:
        """The parameters up to the stream."""
        return (
            *kernel.window.fields(),
            ("input_width", kernel.input_width),
            ("input_channels", kernel.weights.shape[3]),
            ("output_channels", kernel.weights.shape[0]),
            ("runs", self.in_row),
            ("run", self.length),
            ("chunks", chunks),
            ("wide", int(bits == 16)),
            ("stream", stream),
        )


def scratch_of(kernel: Conv2dKernel, chunks: int) -> int:
    """Bytes: the chunks of two pixels, and with padding a window's values."""
    pads = kernel.window.pads
    values = kernel.weights[0].size if pads.left or pads.right else 0
    return 16 * chunks + values * kernel.sums.types[0].itemsize


@variant(Conv2dKernel, InstructionSet.ARMV7EM, packed=True)
@variant(Conv2dKernel, InstructionSet.ARMV7EM, long=True)
@variant(Conv2dKernel, InstructionSet.ARMV7EM)
def conv2d(kernel: Conv2dKernel, context: NodeContext) -> Variant | None:
    """Any convolution of one group."""
    runs = Runs.of(kernel)
    if runs is None:
        return None
    c_out = kernel.weights.shape[0]
    flat = kernel.weights.reshape(c_out, -1)
    finish = matrix_finish(flat, kernel.sums, context)
    if finish is None:
        return None
    bits = stored_bits(context)
    if kernel.weights.dtype == INT16 and bits != 16:  # conv2d_offset.py
        return None
    packed, chunks = runs.packed(kernel, bits)
    # Biases of a border of its own are the inside's and an addend: the stream is there once.
    inside = kernel.sums.biases.inside
    sums = replace(kernel.sums, bias=inside)
    key = KernelId("conv2d", InstructionSet.ARMV7EM, bits=min(bits, 8))
    call = KernelCall(
        replace(key, requantization=finish.form),
        (
            *runs.fields(kernel, chunks, bits, matrix_stream(packed, sums, finish, bits)),
            *output_fields(kernel.sums, finish),
        ),
        scratch_bytes=scratch_of(kernel, chunks),
    )
    added = kernel.sums.bias - inside
    if added.any():
        call = at_border(call, added)
    instructions = matrix_instructions(key, context, c_out, chunks)
    return Variant(call, f"armv7em smlad{storage_words(bits)}, {finish.form.value}", instructions)
