"""What the matrix kernels of Helium execute: pixels in fours (mcucc/matrix_mve.h)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray
from mcucc.kernels.mve.finish import VECTOR
from mcucc.kernels.packing import pack_bytes
from mcucc.kernels.select import NodeContext

PIXELS = 4  # computed together
UNPACKED_BYTES = 1536  # of weights that are unpacked together, where that is four channels or more


def weight_table(weights: npt.NDArray[np.int8], bits: int) -> ConstArray:
    """Weights (channels, taps) in their order and the bytes that may be read behind them.

    Of 4 and 2 bits as mcucc/matrix_packed_mve.h describes them.
    """
    if bits == 8:
        flat = np.ascontiguousarray(weights).reshape(-1)
        return ConstArray("weights", np.concatenate([flat, np.zeros(VECTOR, np.int8)]))
    channels, taps = weights.shape
    each, fields = unpacked_channels(taps, channels), 8 // bits
    parts = []
    for first in range(0, channels, each):
        flat = weights[first : first + each].reshape(-1)
        padded = np.pad(flat, (0, -flat.size % (VECTOR * fields)))
        parts.append(padded.reshape(-1, fields, VECTOR).transpose(0, 2, 1).reshape(-1))
    return ConstArray("weights", pack_bytes(np.concatenate(parts), bits).view(np.int8), bits=bits)


def unpacked_channels(taps: int, channels: int) -> int:
    """Channels unpacked together."""
    return min(channels, 4 * max(1, UNPACKED_BYTES // (4 * taps)))


def unpacked_scratch(taps: int, channels: int, bits: int) -> int:
    """Bytes of scratch for them."""
    unit = VECTOR * 8 // bits
    weights = taps * unpacked_channels(taps, channels)
    return 0 if bits == 8 else -(-weights // unit) * unit + VECTOR


def matrix_instructions(taps: int, channels: int, context: NodeContext, tiles: int = 1) -> float:
    """Modelled instructions of a whole output: pixels in fours, those that are left alone.

    A row is `tiles` calls; each unpacks packed weights.
    """
    vectors = (taps + VECTOR - 1) // VECTOR
    rest = context.width % PIXELS
    together = rest == 3 or (rest == 2 and vectors <= 2)
    fours = context.width // PIXELS + together
    four = 45 + channels * (18 if vectors == 1 else 15 + 9.5 * vectors)
    single = 75 + -(-channels // 4) * (28 if vectors == 1 else 29 + 10 * vectors)
    bits = context.stored_bits
    blocks = -(-channels // unpacked_channels(taps, channels))
    unpacked = blocks * 90 + channels * taps * (1 + 3 * 8 / bits) / (VECTOR * 8 / bits)
    return context.height * (
        tiles * (bits < 8) * unpacked + 110 + fours * four + (0 if together else rest) * single
    )
