"""Conv2d and FullyConnected on Armv7E-M: SMLAD over inputs widened once (conv2d_armv7em.c)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.kernels.armv7em_finish import finish_fields, matrix_finish
from mcucc.kernels.select import ARMV7EM, Choice, NodeContext, variant
from mcucc.ops.base import ConstArray, KernelCall
from mcucc.ops.conv2d import Conv2dKernel
from mcucc.ops.fully_connected import FullyConnectedKernel

# Limits of the C code: MCUCC_CONV2D_MAX_ROWS and MCUCC_CONV2D_MAX_TAIL.
MAX_ROWS = 16
MAX_TAIL = 64
# Instructions a multiply-accumulate and an output, measured (benchmarks/kernels.py).
PER_MAC, PER_OUTPUT, PER_INPUT = 0.92, 10.0, 1.7


@variant(Conv2dKernel, ARMV7EM)
def conv2d(kernel: Conv2dKernel, context: NodeContext) -> Choice | None:
    """Any convolution of one group."""
    c_out, kernel_h, kernel_w, channels = kernel.weights.shape
    window = kernel.window
    runs = 1 if window.dilation[1] == 1 else kernel_w
    run = kernel_w // runs * channels
    tail = kernel_h * runs * (run % 4)
    if kernel.groups != 1 or kernel_h > MAX_ROWS or tail > MAX_TAIL:
        return None
    flat = kernel.weights.reshape(c_out, -1)
    finish = matrix_finish(flat, kernel.sums, context)
    if finish is None:
        return None
    packed, chunks = pack_runs(kernel.weights.reshape(c_out, kernel_h * runs, run))
    patch = flat.shape[1] if window.pads.left or window.pads.right else 0
    call = KernelCall(
        f"mcucc_conv2d_armv7em_{finish.form.value}",
        "mcucc_conv2d_armv7em_params",
        (
            *window.fields(),
            ("input_width", kernel.input_width),
            ("input_channels", channels),
            ("output_channels", c_out),
            ("runs", runs),
            ("run", run),
            ("chunks", chunks),
            ("weights", ConstArray("weights", packed)),
            *finish_fields(kernel.sums, finish),
        ),
        isa=ARMV7EM,
        scratch_bytes=16 * chunks + patch,
    )
    outputs = context.height * context.width * c_out
    per_output = 4 * chunks * PER_MAC + PER_OUTPUT + 4 * chunks * PER_INPUT / c_out
    return Choice(call, f"armv7em smlad, {finish.form.value}", outputs * per_output)


@variant(FullyConnectedKernel, ARMV7EM)
def fully_connected(kernel: FullyConnectedKernel, context: NodeContext) -> Choice | None:
    """A matrix times one widened vector."""
    finish = matrix_finish(kernel.weights, kernel.sums, context)
    if finish is None:
        return None
    outputs, inputs = kernel.weights.shape
    packed, chunks = pack_runs(kernel.weights.reshape(outputs, 1, inputs))
    call = KernelCall(
        f"mcucc_fully_connected_armv7em_{finish.form.value}",
        "mcucc_fully_connected_armv7em_params",
        (
            ("inputs", inputs),
            ("outputs", outputs),
            ("chunks", chunks),
            ("weights", ConstArray("weights", packed)),
            *finish_fields(kernel.sums, finish),
        ),
        isa=ARMV7EM,
        scratch_bytes=16 * chunks,
    )
    return Choice(
        call, f"armv7em smlad, {finish.form.value}", outputs * (1.3 * inputs + PER_OUTPUT)
    )


def pack_runs(weights: npt.NDArray[Any]) -> tuple[npt.NDArray[np.uint32], int]:
    """Weights (C_out, runs, run) as conv2d_armv7em.h describes, and the chunks of a channel.

    First the full chunks of 4 of every run, then what is left over of all runs, padded with zeros
    to a chunk; two channels' chunks take turns, an odd last channel is paired with zeros.
    """
    c_out, runs, run = weights.shape
    full = run // 4 * 4
    parts = [weights[:, :, :full].reshape(c_out, -1), weights[:, :, full:].reshape(c_out, -1)]
    flat = np.concatenate(parts, axis=1)
    chunks = (flat.shape[1] + 3) // 4
    padded = np.zeros((c_out + c_out % 2, 4 * chunks), dtype=np.int8)
    padded[:c_out, : flat.shape[1]] = flat
    pairs = padded.reshape(-1, 2, chunks, 4).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(pairs).view("<u4").reshape(-1).astype(np.uint32), chunks
