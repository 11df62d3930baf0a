"""Conv2d on any core: two pixels in one word, in lanes of 16 bits (conv2d_pairs.c)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.portable.pairs import flat_weights, pack_pairs, pairs_variant
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.conv2d import Conv2dKernel

# Largest magnitude of a chunk's sum in a lane of 16 bits.
LARGEST_SUM = (1 << 15) - 1
UNIT = 2  # taps; 2 * 127 * 128 is within LARGEST_SUM
LONGEST_CHUNK = 63  # units, of 4 bytes


@variant(Conv2dKernel, InstructionSet.PORTABLE)
def conv2d(kernel: Conv2dKernel, context: NodeContext) -> Variant | None:
    """Lanes of 16 bits: any convolution of one group whose requantization has a proved form."""
    lo, hi = context.input_intervals[0]
    packed = pack_pairs(flat_weights(kernel), 2)
    counts, lengths = _chunks(packed.tobytes(), packed.shape, lo, hi)
    chunks = (
        ("chunks", ConstArray("chunks", counts, align=2)),
        ("lengths", ConstArray("lengths", lengths, align=1)),
    )
    return pairs_variant(kernel, context, KernelId("conv2d", variant="pairs"), packed, chunks)


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
