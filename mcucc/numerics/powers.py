"""2^-x in integers, for softmax inside attention: one table, the same for every network.

2^(-i / 256) of 15 bits for i = 0 .. 255; whole powers are shifts. The distance of a score to the
largest one of its row, in units of 1/256 of a doubling, is an index and a count of shifts.
"""

from __future__ import annotations

from functools import cache
from math import isqrt, log

import numpy as np

from mcucc.numerics.fixed_point import IntArray

STEPS = 256  # of a doubling
LARGEST = 2**15 - 1  # a weight fits a signed halfword
DOUBLINGS = 17  # from here on a weight is 0
STEPS_PER_UNIT = STEPS / log(2.0)  # a score of 1 is a factor e
_BITS = 120


@cache
def powers() -> tuple[int, ...]:
    """round(LARGEST * 2^(-i / 256)), by integer square roots: no libm has a say."""
    root = 1 << (_BITS - 1)  # 1/2
    for _ in range(8):  # the 256th root
        root = isqrt(root << _BITS)
    value, found = 1 << _BITS, []
    for _ in range(STEPS):
        found.append((LARGEST * value + (1 << (_BITS - 1))) >> _BITS)
        value = (value * root) >> _BITS
    return tuple(found)


def weights_at(distance: IntArray, fewer_bits: int) -> IntArray:
    """Weights for distances in steps, 15 - `fewer_bits` bits wide, rounded to nearest."""
    shift = np.minimum(distance // STEPS, DOUBLINGS) + fewer_bits
    table = np.array(powers(), np.int64)[distance % STEPS]
    found: IntArray = np.where(
        distance < DOUBLINGS * STEPS, (table + ((np.int64(1) << shift) >> 1)) >> shift, 0
    )
    return found
