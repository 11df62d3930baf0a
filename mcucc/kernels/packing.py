"""Weights of 4 and 2 bits as constants: which layers have them, and the order of their bits.

A weight that is a multiple of 16 (of 64) is the upper 4 (2) bits of its int8 byte; only these are
stored. Fields lie in a byte from its lowest bits up, bytes in the order of the kernel's weights: 4
bits are two a byte, the first in bits 0 to 3; 2 bits four a byte, the first in bits 0 and 1. Read
as a little-endian word it is the same rule, field k in bits [bits * k, bits * (k + 1)).

    4 bits   weight = 16 q, q in -8 .. 7     (byte << 4) and byte & 0xF0 are the two weights
    2 bits   weight = 64 q, q in -2 .. 1     (byte << 6), (byte << 4), ..., each & 0xC0
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray
from mcucc.numerics.weights import of_few_bits

BITS = (4, 2)  # of packed weights; 8 is a byte each


def step_of(bits: int) -> int:
    """What weights of so many bits are multiples of."""
    return 1 << (8 - bits)


def bits_of(weights: npt.NDArray[np.int8]) -> int:
    """The fewest bits that hold every weight: 8, 4 or 2."""
    low = int(np.bitwise_or.reduce(weights, axis=None)) & 0xFF
    return min((bits for bits in BITS if low % step_of(bits) == 0), default=8)


def storage_bits(weights: npt.NDArray[np.int8]) -> int:
    """Bits of a layer's weights where it was made of few, 8 where that might be chance."""
    bits = bits_of(weights)
    return bits if bits < 8 and of_few_bits(weights) else 8


def storage_words(bits: int) -> str:
    """What the name of a variant says of packed weights."""
    return f" int{bits}" if bits in BITS else ""


def pack_bytes(weights: npt.NDArray[np.int8], bits: int) -> npt.NDArray[np.uint8]:
    """Weights (..., n) as bytes (..., ceil(n * bits / 8)); what is missing in a last one is 0.

    Raises ValueError for a weight that is no multiple.
    """
    if bits_of(weights) > bits:
        raise ValueError(f"a weight is no multiple of {step_of(bits)}")
    each = 8 // bits
    count = -(-weights.shape[-1] // each) * each
    fields = np.zeros((*weights.shape[:-1], count), dtype=np.uint8)
    fields[..., : weights.shape[-1]] = weights.view(np.uint8) >> (8 - bits)
    fields = fields.reshape(*fields.shape[:-1], -1, each)
    shifts = np.arange(each, dtype=np.uint8) * np.uint8(bits)
    packed: npt.NDArray[np.uint8] = np.bitwise_or.reduce(fields << shifts, axis=-1)
    return packed


def pack_words(weights: npt.NDArray[np.int8], bits: int) -> npt.NDArray[np.uint32]:
    """The same as words (..., n * bits / 32); n fills whole words."""
    packed = np.ascontiguousarray(pack_bytes(weights, bits))
    words: npt.NDArray[Any] = packed.view(np.dtype("<u4"))
    return words.astype(np.uint32)


def weights_array(weights: npt.NDArray[np.int8], bits: int) -> ConstArray:
    """Weights (channels, n) as a table: int8, or every channel's packed from a byte on."""
    if bits == 8:
        return ConstArray("weights", np.ascontiguousarray(weights))
    return ConstArray("weights", pack_bytes(np.ascontiguousarray(weights), bits), bits=bits)
