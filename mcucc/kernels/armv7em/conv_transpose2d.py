"""ConvTranspose2d on Armv7E-M: a dense convolution for each phase (conv_transpose2d_armv7em.c)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.armv7em.finish import matrix_finish, output_fields
from mcucc.kernels.armv7em.matrix import (
    matrix_instructions,
    matrix_stream,
    pack_runs,
    stored_bits,
)
from mcucc.kernels.packing import storage_words
from mcucc.kernels.requantize import Finish
from mcucc.kernels.select import NodeContext, variant
from mcucc.numerics.fixed_point import INT32_MAX, INT32_MIN
from mcucc.ops.common.matrix import Accumulation
from mcucc.ops.conv_transpose2d import ConvTranspose2dKernel


@variant(ConvTranspose2dKernel, InstructionSet.ARMV7EM)
def conv_transpose2d(kernel: ConvTranspose2dKernel, context: NodeContext) -> Variant | None:
    """Any, where the biases of all phases fit int32. One form is proved for all phases."""
    (sh, sw), c_out = kernel.op.stride, kernel.weights.shape[0]
    runs = phases(kernel)
    _, taps_h, run = runs.shape
    bits = stored_bits(context)
    padded = np.pad(runs, ((0, 0), (0, 0), (0, -run % 4)))
    packed, chunks = pack_runs(padded, 8)
    sums = phase_sums(kernel, packed)
    if sums is None:
        return None
    finish = matrix_finish(packed, sums, context)
    if finish is None:
        return None
    streams = []
    for begin in range(0, sh * sw * c_out, c_out):
        part = slice(begin, begin + c_out)
        own = Finish(finish.form, finish.multiplier[part], finish.shift[part])
        own_sums = sums.channels(part.start, part.stop)
        streams.append(matrix_stream(packed[part], own_sums, own, bits).data)
    key = KernelId("conv_transpose2d", InstructionSet.ARMV7EM)
    call = KernelCall(
        replace(key, requantization=finish.form),
        (
            ("taps_h", taps_h),
            ("taps_w", run // kernel.weights.shape[3]),
            ("stride_h", sh),
            ("stride_w", sw),
            ("cut_top", kernel.op.pads[0]),
            ("cut_left", kernel.op.pads[1]),
            ("input_width", kernel.input_width),
            ("input_channels", kernel.weights.shape[3]),
            ("output_channels", c_out),
            ("chunks", chunks),
            ("wide", int(bits == 16)),
            ("phase", streams[0].size),
            ("stream", ConstArray("stream", np.concatenate(streams))),
            *output_fields(sums, finish),
        ),
        scratch_bytes=16 * chunks + run,
    )
    # A window is widened once for the phases of a row.
    instructions = matrix_instructions(key, context, c_out, chunks)
    return Variant(call, f"armv7em smlad{storage_words(bits)}, {finish.form.value}", instructions)


def phases(kernel: ConvTranspose2dKernel) -> npt.NDArray[np.int8]:
    """Weights (phases * C_out, taps_h, taps_w * C_in), the last tap on the last input.

    Phase f of a side has the weights f, f + stride, ..., of which the first meets the last input;
    those beyond the kernel are 0.
    """
    c_out, kh, kw, c_in = kernel.weights.shape
    sh, sw = kernel.op.stride
    th, tw = -(-kh // sh), -(-kw // sw)
    whole = np.zeros((c_out, th * sh, tw * sw, c_in), np.int8)
    whole[:, :kh, :kw] = kernel.weights
    split = whole.reshape(c_out, th, sh, tw, sw, c_in)[:, ::-1, :, ::-1]
    return split.transpose(2, 4, 0, 1, 3, 5).reshape(sh * sw * c_out, th, tw * c_in)


def phase_sums(kernel: ConvTranspose2dKernel, packed: npt.NDArray[np.int8]) -> Accumulation | None:
    """The sums of all phases as channels, the zero point in their biases; None beyond int32."""
    plain, number = kernel.sums, packed.shape[0] // kernel.weights.shape[0]
    added = packed.astype(np.int64).sum(axis=1) * plain.input_zero_point
    bias = np.tile(plain.bias.astype(np.int64), number) - added
    reach = 255 * np.abs(packed.astype(np.int64)).sum(axis=1)
    if (bias - reach).min() < INT32_MIN or (bias + reach).max() > INT32_MAX:
        return None
    channels = plain.bias.size
    requant = replace(
        plain.requant,
        multiplier=np.tile(np.broadcast_to(plain.requant.multiplier, channels), number),
        shift=np.tile(np.broadcast_to(plain.requant.shift, channels), number),
    )
    return replace(plain, bias=bias.astype(np.int32), requant=requant)
