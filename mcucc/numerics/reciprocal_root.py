"""1 / sqrt(w) of 64-bit integers as 16 bits, by integer arithmetic alone."""

from __future__ import annotations

import numpy as np

from mcucc.numerics.fixed_point import IntArray


def reciprocal_root(w: IntArray) -> tuple[IntArray, IntArray]:
    """(m, z) with 1 / sqrt(w) ~ m * 2^(z / 2 - 31), z even, m in 2^15 to 2^16.

    `w` is in 1 to 2^62. The relative error is below 2^-15: half a unit of the root, half of m.
    """
    bits = np.frexp(w.astype(np.float64))[1].astype(np.int64)
    bits -= (w >> (bits - 1)) == 0  # rounded up to a power of two
    zeros = 32 - bits
    zeros -= zeros & 1
    v = np.where(zeros >= 0, w << np.maximum(zeros, 0), w >> np.maximum(-zeros, 0))
    root = _rounded_root(v)
    return ((np.int64(1) << 31) + (root >> 1)) // root, zeros


def _rounded_root(v: IntArray) -> IntArray:
    """sqrt(v) of integers below 2^32 to nearest."""
    root = np.sqrt(v.astype(np.float64)).astype(np.int64)
    root -= root * root > v
    root += (root + 1) * (root + 1) <= v
    nearest: IntArray = root + (v - root * root > root)
    return nearest
