"""Conv2d with two pixels in one word: one multiplication a weight serves both (mcucc/pairs.h)."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.portable.finish import finish_fields, portable_finish
from mcucc.kernels.requantize import interval_of
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.common.matrix import FieldList
from mcucc.ops.conv2d import Conv2dKernel

# Largest magnitude of a chunk's sum in a lane of 16 bits.
LARGEST_SUM = (1 << 15) - 1
UNIT = 2  # taps; 2 * 127 * 128 is within LARGEST_SUM
LONGEST_CHUNK = 63  # units, of 4 bytes
LARGEST_WIDE_SUM = (1 << 22) - 1  # of a window's sum in a lane of 23 bits


@variant(Conv2dKernel, InstructionSet.PORTABLE)
def conv2d(kernel: Conv2dKernel, context: NodeContext) -> Variant | None:
    """Lanes of 16 bits: any convolution of one group whose requantization has a proved form."""
    lo, hi = context.input_intervals[0]
    packed = pack_pairs(_flat(kernel), 2)
    counts, lengths = _chunks(packed.tobytes(), packed.shape, lo, hi)
    chunks = (
        ("chunks", ConstArray("chunks", counts, align=2)),
        ("lengths", ConstArray("lengths", lengths, align=1)),
    )
    return _choice(kernel, context, KernelId("conv2d", variant="pairs"), packed, chunks)


@variant(Conv2dKernel, InstructionSet.ARMV7M)
def conv2d_armv7m(kernel: Conv2dKernel, context: NodeContext) -> Variant | None:
    """Lanes of 23 bits, where every sum of a window fits."""
    flat = _flat(kernel)
    bounds = interval_of(flat, np.zeros(len(flat)), *context.input_intervals[0])
    if max(bounds.hi.max(), -bounds.lo.min()) > LARGEST_WIDE_SUM:
        return None
    return _choice(
        kernel, context, KernelId("conv2d", InstructionSet.ARMV7M), pack_pairs(flat, 4), ()
    )


def _flat(kernel: Conv2dKernel) -> npt.NDArray[np.int8]:
    return kernel.weights.reshape(kernel.weights.shape[0], -1)


def _choice(
    kernel: Conv2dKernel,
    context: NodeContext,
    key: KernelId,
    packed: npt.NDArray[np.int8],
    chunks: FieldList,
) -> Variant | None:
    finish = portable_finish(_flat(kernel), kernel.sums, context)
    if kernel.groups != 1 or finish is None:
        return None
    c_out, taps = kernel.weights.shape[0], packed.shape[1]
    call = KernelCall(
        replace(key, requantization=finish.form),
        (
            *kernel.window.fields(),
            ("input_width", kernel.input_width),
            ("input_channels", kernel.weights.shape[3]),
            ("output_channels", c_out),
            ("taps", taps),
            ("weights", ConstArray("weights", packed)),
            *chunks,
            *finish_fields(kernel.sums, finish),
        ),
        scratch_bytes=4 * taps,
    )
    cost = variant_cost(key)
    per_output = taps * (cost.mac + cost.input / c_out) + cost.output
    outputs = context.height * context.width * c_out
    return Variant(call, f"{key.isa.value} pairs, {finish.form.value}", outputs * per_output)


def pack_pairs(weights: npt.NDArray[np.int8], group: int) -> npt.NDArray[np.int8]:
    """Weights (C_out, taps) as (groups, even taps, group): channels take turns, zeros fill up."""
    c_out, taps = weights.shape
    groups, even = -(-c_out // group), (taps + 1) // 2 * 2
    padded = np.zeros((group * groups, even), dtype=np.int8)
    padded[:c_out, :taps] = weights
    return np.ascontiguousarray(padded.reshape(groups, group, even).transpose(0, 2, 1))


@lru_cache(maxsize=1)
def _chunks(
    weights: bytes, shape: tuple[int, ...], lo: int, hi: int
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
    """cut_chunks of int8 weights; the zones of a border ask for the same one after the other."""
    return cut_chunks(np.frombuffer(weights, np.int8).reshape(shape), lo, hi)


def cut_chunks(
    weights: npt.NDArray[np.int8], lo: int, hi: int
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
    """Chunks of (pairs, taps, 2): their number a pair, and the bytes of each, as many as can be.

    No sum of a chunk leaves [-LARGEST_SUM, LARGEST_SUM] for inputs in [lo, hi]; a tap in the
    padding holds the zero point, which lies in there.
    """
    pairs, taps, channels = weights.shape
    wide = weights.astype(np.int64)
    ends = np.stack([wide * lo, wide * hi])
    shape = (pairs, taps // UNIT, UNIT, channels)
    above = ends.max(axis=0).reshape(shape).sum(axis=2)
    below = ends.min(axis=0).reshape(shape).sum(axis=2)
    cut = [_cut(high, low) for high, low in zip(above, below, strict=True)]
    counts = np.array([len(units) for units in cut], dtype=np.uint16)
    return counts, np.concatenate(cut).astype(np.uint8) * np.uint8(UNIT * channels)


def _cut(above: npt.NDArray[Any], below: npt.NDArray[Any]) -> list[int]:
    """Greedy lengths for the bounds (units, channels) of one pair."""
    lengths = [0]
    top = bottom = np.zeros(above.shape[1], dtype=np.int64)
    for high, low in zip(above, below, strict=True):
        top, bottom = top + high, bottom + low
        fits = top.max() <= LARGEST_SUM and bottom.min() >= -LARGEST_SUM
        if lengths[-1] and (not fits or lengths[-1] == LONGEST_CHUNK):
            lengths.append(0)
            top, bottom = high, low
        lengths[-1] += 1
    return lengths
