"""Functions of int8 that round a straight line, as one product and one shift: exact, or refused.

A function y of x in [-128, 127] is (x * f + b) >> s, limited to [lo, hi], if and only if for all x

    y * 2^s <= x * f + b < (y + 1) * 2^s,

the left side not needed where y is lo, the right side where it is hi. For a given f these are
bounds on b: whether there is one is decided by looking at all 256 inputs, whatever rounding made y.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.numerics.fixed_point import INT32_MAX, INT32_MIN, IntArray, round_half_up

INPUTS = np.arange(-128, 128, dtype=np.int64)[:, None]
LARGEST_SHIFT = 24
SHIFTS = 3  # how many are tried, the largest first
NEIGHBOURS = 12  # of the nearest factor, on either side
FREE = 2**40  # beyond every bound


@dataclass(frozen=True, eq=False)
class Lines:
    """(x * factors[c] + offsets[c]) >> shift, all within int32."""

    factors: IntArray
    offsets: IntArray
    shift: int


def lines_through(
    outputs: IntArray, slopes: npt.NDArray[np.float64], limits: tuple[int, int]
) -> Lines | None:
    """Lines that give `outputs` (256, channels) for the inputs -128 .. 127, or None.

    `slopes` are those of the lines that were rounded, nearly; `limits` what outputs are limited to.
    """
    steepest = float(np.abs(slopes).max(initial=0.0))
    if not steepest < 2.0**15:
        return None
    largest = min(LARGEST_SHIFT, 22 - int(np.frexp(steepest)[1]))
    for shift in range(largest, max(largest - SHIFTS, 0), -1):
        found = _of_shift(outputs, slopes, limits, shift)
        if found is not None:
            return found
    return None


def _of_shift(
    outputs: IntArray, slopes: npt.NDArray[np.float64], limits: tuple[int, int], shift: int
) -> Lines | None:
    lo, hi = limits
    least = np.where(outputs > lo, outputs << shift, -FREE)
    most = np.where(outputs < hi, ((outputs + 1) << shift) - 1, FREE)
    nearest = round_half_up(slopes * 2.0**shift)
    factors, offsets = nearest.copy(), np.zeros_like(nearest)
    open_ = np.arange(nearest.size)
    for away in sorted(range(-NEIGHBOURS, NEIGHBOURS + 1), key=abs):
        factor = nearest[open_] + away
        products = INPUTS * factor
        low = np.maximum((least[:, open_] - products).max(axis=0), INT32_MIN - products.min(axis=0))
        high = np.minimum((most[:, open_] - products).min(axis=0), INT32_MAX - products.max(axis=0))
        fits = low <= high
        factors[open_[fits]] = factor[fits]
        offsets[open_[fits]] = (low[fits] + high[fits]) >> 1
        open_ = open_[~fits]
        if not open_.size:
            return Lines(factors, offsets, shift)
        if away == 0 and open_.size > 2 + nearest.size // 8:
            return None  # hopeless: rounded twice
    return None
