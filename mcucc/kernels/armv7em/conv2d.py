"""Conv2d and FullyConnected on Armv7E-M: SMLAD over inputs widened once (conv2d_armv7em.c)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.armv7em.finish import matrix_finish, matrix_stream, output_fields
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.conv2d import Conv2dKernel
from mcucc.ops.fully_connected import FullyConnectedKernel

# Limits of the C code: MCUCC_CONV2D_MAX_RUNS and MCUCC_CONV2D_MAX_TAIL.
MAX_RUNS = 64
MAX_TAIL = 64
# Output pixels from which int16 weights pay their flash.
WIDE_PIXELS = {"speed": 1, "balanced": 128, "size": 1 << 30}


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
    packed, chunks = pack_runs(kernel.weights.reshape(c_out, kernel_h * runs, run))
    patch = flat.shape[1] if window.pads.left or window.pads.right else 0
    wide = wide_weights(context)
    # Biases of a border of its own are the inside's and an addend: the stream is there once.
    inside = kernel.sums.biases.inside
    sums = replace(kernel.sums, bias=inside)
    call = KernelCall(
        KernelId("conv2d", InstructionSet.ARMV7EM, requantization=finish.form),
        (
            *window.fields(),
            ("input_width", kernel.input_width),
            ("input_channels", channels),
            ("output_channels", c_out),
            ("runs", runs),
            ("run", run),
            ("chunks", chunks),
            ("wide", int(wide)),
            ("stream", ConstArray("stream", matrix_stream(packed, sums, finish, wide))),
            *output_fields(kernel.sums),
        ),
        scratch_bytes=16 * chunks + patch,
    )
    added = kernel.sums.bias - inside
    if added.any():
        call = _at_border(call, added)
    key = KernelId("conv2d", InstructionSet.ARMV7EM)
    instructions = matrix_instructions(key, context, c_out, chunks)
    return Variant(call, f"armv7em smlad, {finish.form.value}", instructions)


def _at_border(call: KernelCall, added: npt.NDArray[np.int32]) -> KernelCall:
    """The call for positions where padding adds to the sums (conv2d_border_armv7em.c)."""
    layer = tuple((f"layer.{name}", value) for name, value in call.fields)
    return replace(
        call,
        id=replace(call.id, variant="border"),
        fields=(*layer, ("added", ConstArray("added", added))),
    )


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
    packed, chunks = pack_runs(kernel.weights.reshape(c_out, 1, channels))
    wide = wide_weights(context)
    call = KernelCall(
        KernelId("conv2d", InstructionSet.ARMV7EM, "pointwise", requantization=finish.form),
        (
            ("stride_w", kernel.window.stride[1]),
            ("input_channels", channels),
            ("output_channels", c_out),
            ("chunks", chunks),
            ("wide", int(wide)),
            ("stream", ConstArray("stream", matrix_stream(packed, kernel.sums, finish, wide))),
            *output_fields(kernel.sums),
        ),
        scratch_bytes=16 * chunks,
    )
    instructions = matrix_instructions(call.id, context, c_out, chunks)
    return Variant(call, f"armv7em smlad 1x1, {finish.form.value}", instructions)


@variant(FullyConnectedKernel, InstructionSet.ARMV7EM)
def fully_connected(kernel: FullyConnectedKernel, context: NodeContext) -> Variant | None:
    """A matrix times one widened vector."""
    finish = matrix_finish(kernel.weights, kernel.sums, context)
    if finish is None:
        return None
    outputs, inputs = kernel.weights.shape
    packed, chunks = pack_runs(kernel.weights.reshape(outputs, 1, inputs))
    wide = wide_weights(context)
    call = KernelCall(
        KernelId("fully_connected", InstructionSet.ARMV7EM, requantization=finish.form),
        (
            ("inputs", inputs),
            ("outputs", outputs),
            ("chunks", chunks),
            ("wide", int(wide)),
            ("stream", ConstArray("stream", matrix_stream(packed, kernel.sums, finish, wide))),
            *output_fields(kernel.sums),
        ),
        scratch_bytes=16 * chunks,
    )
    cost = variant_cost(call.id)
    instructions = outputs * (cost.mac * inputs + cost.output)
    return Variant(call, f"armv7em smlad, {finish.form.value}", instructions)


def matrix_instructions(key: KernelId, context: NodeContext, channels: int, chunks: int) -> float:
    """Modelled instructions of a whole output: products, outputs, inputs widened once a pixel."""
    cost = variant_cost(key)
    mac = cost.wide_mac if wide_weights(context) else cost.mac
    per_output = 4 * chunks * mac + cost.output + 4 * chunks * cost.input / channels
    return context.height * context.width * channels * per_output


def wide_weights(context: NodeContext) -> bool:
    """Whether weights are stored as int16: a byte more each saves 3 instructions in 16 a pixel."""
    return context.height * context.width >= WIDE_PIXELS[context.optimize]


def pack_runs(weights: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int8], int]:
    """Weights (C_out, runs, run) in the order of conv2d_armv7em.h, and the chunks of a channel.

    First the full chunks of 4 of every run, then what is left over of all runs, padded with zeros
    to a chunk.
    """
    c_out, _, run = weights.shape
    full = run // 4 * 4
    parts = [weights[:, :, :full].reshape(c_out, -1), weights[:, :, full:].reshape(c_out, -1)]
    flat = np.concatenate(parts, axis=1)
    chunks = (flat.shape[1] + 3) // 4
    padded = np.zeros((c_out, 4 * chunks), dtype=np.int8)
    padded[:, : flat.shape[1]] = flat
    return padded, chunks
