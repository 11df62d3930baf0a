"""1 / sqrt(n) of integers as LiteRT's reference kernels compute it: Newton in fixed point.

What RSQRT and L2_NORMALIZATION of int8 multiply by. Source: GetInvSqrtQuantizedMultiplierExp of
LiteRT, whose results these equal bit for bit.
"""

from __future__ import annotations

import numpy as np

from mcucc.numerics.fixed_point import INT32_MAX, IntArray
from mcucc.numerics.litert_fixed import high_multiply, shift_left, shift_right

LARGEST = 1 << 29  # of an argument that is not divided by 4 first
STEPS = 5
ONE = np.int64(1 << 28)  # with three integer bits, as all of the iteration
HALF_THREE = ONE + (ONE >> 1)
HALF_ROOT_OF_TWO = np.int64(1518500250)  # no integer bits


def inverse_root(values: IntArray) -> tuple[IntArray, IntArray]:
    """(multiplier, shift) with 1 / sqrt(value) ~ multiplier * 2^(-31 - shift), value an int32 >= 0.

    Of 0 and 1 it is the largest multiplier.
    """
    n = np.asarray(values, np.int64)
    shift = np.full_like(n, 11)
    for _ in range(2):  # int32 reaches LARGEST by one division; twice is enough
        large = n >= LARGEST
        n, shift = np.where(large, n >> 2, n), shift + large
    free = 31 - np.frexp(np.maximum(n, 1).astype(np.float64))[1].astype(np.int64)
    pairs = free // 2 - 1
    shift = shift - pairs
    half = shift_right((n << (2 * pairs)) >> 1, 1)
    x = np.full_like(n, ONE)
    for _ in range(STEPS):
        cube = shift_left(high_multiply(high_multiply(x, x), x), 6)
        x = shift_left(high_multiply(HALF_THREE, x) - high_multiply(half, cube), 3)
    x = high_multiply(x, HALF_ROOT_OF_TWO)
    x, shift = np.where(shift < 0, x << np.maximum(-shift, 0), x), np.maximum(shift, 0)
    few = n <= 1
    return np.where(few, INT32_MAX, x), np.where(few, 0, shift)
