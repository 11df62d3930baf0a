"""Conv2d on any core: two pixels in one word, in lanes of 16 bits (conv2d_pairs.c)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.packing import pack_words, step_of
from mcucc.kernels.portable.pairs import flat_weights, pack_pairs, pairs_variant
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.common.matrix import FieldList
from mcucc.ops.conv2d import Conv2dKernel

# Largest magnitude of a chunk's sum in a lane of 16 bits.
LARGEST_SUM = (1 << 15) - 1
UNIT_BYTES = 4  # of the weights of a unit: 2 taps of a byte (2 * 127 * 128 is within LARGEST_SUM)
CHANNELS = 2
LONGEST_CHUNK = 63  # units
# Pairs of channels with the same chunks: of mcunet-5fps 4 leave a third of the tables (5.7 % of the
# weights less) for 4 % more of the network's instructions.
SHARE = {"speed": 1, "balanced": 1, "size": 4}


@variant(Conv2dKernel, InstructionSet.PORTABLE)
def conv2d(kernel: Conv2dKernel, context: NodeContext) -> Variant | None:
    """Lanes of 16 bits: any convolution of one group whose requantization has a proved form."""
    packed = pack_pairs(flat_weights(kernel), CHANNELS)
    chunks = _fields(packed, context, unit_of(8))
    key = KernelId("conv2d", variant="pairs")
    return pairs_variant(kernel, context, key, packed, packed.shape[1], chunks)


@variant(Conv2dKernel, InstructionSet.PORTABLE, packed=True)
def packed_conv2d(kernel: Conv2dKernel, context: NodeContext) -> Variant | None:
    """The same with packed weights: sums are in their steps, so that chunks are longer."""
    bits = context.bits or 8
    unit = unit_of(bits)
    turns = pack_pairs(flat_weights(kernel), CHANNELS, unit)
    chunks = _fields(turns // step_of(bits), context, unit)
    words = pack_words(turns.reshape(len(turns), -1), bits)
    key = KernelId("conv2d", variant="pairs", bits=bits)
    return pairs_variant(kernel, context, key, words, turns.shape[1], chunks)


def unit_of(bits: int) -> int:
    """Taps of a word of weights."""
    return 8 * UNIT_BYTES // (CHANNELS * bits)


def _fields(weights: npt.NDArray[np.int8], context: NodeContext, unit: int) -> FieldList:
    share = min(SHARE[context.optimize], len(weights))
    together = shared(weights, share)
    lo, hi = context.input_intervals[0]
    counts, lengths = _chunks(together.tobytes(), together.shape, lo, hi, unit)
    return (
        ("share", share),
        ("chunks", ConstArray("chunks", counts, align=2)),
        ("lengths", ConstArray("lengths", lengths, align=1)),
    )


def shared(weights: npt.NDArray[np.int8], share: int) -> npt.NDArray[np.int8]:
    """(pairs, taps, 2) as (pairs / share, taps, 2 * share); pairs that are missing are 0."""
    pairs, taps, channels = weights.shape
    groups = -(-pairs // share)
    whole = np.zeros((groups * share, taps, channels), np.int8)
    whole[:pairs] = weights
    turned = whole.reshape(groups, share, taps, channels).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(turned).reshape(groups, taps, -1)


@lru_cache(maxsize=1)
def _chunks(
    weights: bytes, shape: tuple[int, ...], lo: int, hi: int, unit: int
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
    """cut_chunks of weights; the zones of a border ask for the same one after the other."""
    return cut_chunks(np.frombuffer(weights, np.int8).reshape(shape), lo, hi, unit)


def cut_chunks(
    weights: npt.NDArray[np.int8], lo: int, hi: int, unit: int
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
    """Chunks of (groups, taps, channels): their number a group, the bytes of two channels of each.

    They are as long as can be: no sum of a chunk leaves [-LARGEST_SUM, LARGEST_SUM] for inputs in
    [lo, hi]; a tap in the padding holds the zero point, which lies in there.
    """
    pairs, taps, channels = weights.shape
    wide = weights.astype(np.int64)
    ends = np.stack([wide * lo, wide * hi])
    shape = (pairs, taps // unit, unit, channels)
    above = ends.max(axis=0).reshape(shape).sum(axis=2)
    below = ends.min(axis=0).reshape(shape).sum(axis=2)
    cut = [_cut(high, low) for high, low in zip(above, below, strict=True)]
    counts = np.array([len(units) for units in cut], dtype=np.uint16)
    return counts, np.concatenate(cut).astype(np.uint8) * np.uint8(UNIT_BYTES)


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
