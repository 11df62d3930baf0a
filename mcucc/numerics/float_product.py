"""Factors whose rounding steps are those of a float product.

LiteRT's XNNPACK and ONNX Runtime requantize in float32: round_to_even(f32(acc) * f32(M)). Products
within some 2^-24 of a tie are rounded to the other side than the exact product is. Both are step
functions of the accumulator; a 31-bit multiplier a few 2^-24 beside M often has all of their steps.
LiteRT's reference FULLY_CONNECTED multiplies in float64 and rounds halves away from zero.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mcucc.numerics.fixed_point import IntArray, Requant

FloatArray = npt.NDArray[np.float64]
# Longer multipliers are somebody's float32 scales; short ones were chosen to be exact.
SHORT_BITS = 15
_LEAST, _MOST = 1 << 30, (1 << 31) - 1
# How far a multiplier may be from the file's: less than 2^-21 of itself.
NEAR = 1 << 9
# float32 holds accumulators below exactly.
_EXACT = 1 << 24
FAR = 2.0**40  # beyond every accumulator


def like_float_product(
    requant: Requant,
    factors: npt.NDArray[np.float32],
    sums: tuple[IntArray, IntArray],
    outputs: tuple[int, int],
) -> Requant:
    """The roundest multipliers with most steps of the float32 product.

    `factors` (channels,) are the float32 M; `sums` are the least and largest accumulators a channel
    can reach, `outputs` the clamp, zero point taken off: steps beyond either do not matter. Round
    numbers fit cheaper instructions (mcucc/kernels/requantize.py).
    """
    multiplier = np.broadcast_to(requant.multiplier, factors.shape).copy()
    shift = np.broadcast_to(requant.shift, factors.shape).astype(np.int64)
    long = multiplier % (1 << (31 - SHORT_BITS)) != 0
    least, most = (end[long] for end in sums)
    given = multiplier[long]
    steps = _single_steps(factors[long], _outputs(outputs))
    lows, highs = _limits(steps, shift[long], (least, most), outputs)
    low, high = lows.max(axis=0, initial=-np.inf), highs.min(axis=0, initial=np.inf)
    for channel in np.flatnonzero(low > high):
        ends = lows[:, channel], highs[:, channel]
        low[channel], high[channel] = _most_steps(*ends, given[channel])
    multiplier[long] = _roundest(
        np.maximum(low, np.maximum(given - NEAR, _LEAST)).astype(np.int64),
        np.minimum(high, np.minimum(given + NEAR, _MOST)).astype(np.int64),
        given,
    )
    return replace(requant, multiplier=multiplier, shift=shift)


def like_double_product(
    requant: Requant, factors: FloatArray, sums: tuple[IntArray, IntArray], outputs: tuple[int, int]
) -> Requant:
    """Multipliers with the steps of float64 products whose halves are rounded away from zero.

    Arguments as those of `like_float_product`. A multiplier that has all steps stays, so does one
    where none has; the others move to the nearest that has. A reachable half of a negative number
    moves the multiplier of a power of two up by one.
    """
    given = np.broadcast_to(requant.multiplier, factors.shape)
    shift = np.broadcast_to(requant.shift, factors.shape).astype(np.int64)
    lows, highs = _limits(_double_steps(factors, _outputs(outputs)), shift, sums, outputs)
    low, high = lows.max(axis=0, initial=-np.inf), highs.min(axis=0, initial=np.inf)
    nearest = np.clip(given, low, high)
    moved = (nearest != given) & (low <= high) & (nearest >= _LEAST) & (nearest <= _MOST)
    if not moved.any():
        return requant
    chosen = np.where(moved, nearest, given).astype(np.int64)
    return replace(requant, multiplier=chosen, shift=shift)


def _outputs(outputs: tuple[int, int]) -> IntArray:
    """All but the least output, as a column."""
    return np.arange(outputs[0] + 1, outputs[1] + 1, dtype=np.int64)[:, None]


def _limits(
    step: IntArray,
    shift: IntArray,
    sums: tuple[IntArray, IntArray],
    outputs: tuple[int, int],
) -> tuple[FloatArray, FloatArray]:
    """Least and largest multiplier that has its steps where `step` says: (steps, channels).

    Step k is at T when T is the least accumulator whose output is k: T * M >= k - 1/2 and
    (T - 1) * M < k - 1/2. No limit is infinite.
    """
    k = _outputs(outputs)
    matters = (step > sums[0]) & (step <= sums[1])
    half = np.ldexp(k - 0.5, shift)
    with np.errstate(divide="ignore"):
        at, before = half / step, half / (step - 1)
    up, down = k >= 1, k < 1
    lows = np.where(up, np.ceil(at), np.where(step < 1, np.floor(before) + 1, -np.inf))
    highs = np.where(down & (step < 0), np.floor(at), np.inf)
    highs = np.where(up & (step > 1), np.ceil(before) - 1, highs)
    return np.where(matters, lows, -np.inf), np.where(matters, highs, np.inf)


def _double_steps(factors: FloatArray, k: IntArray) -> IntArray:
    """The least accumulator (steps, channels) whose float64 product is rounded to k or more."""
    near = np.clip(np.ceil((k - 0.5) / np.maximum(factors, 1 / FAR)), -FAR, FAR).astype(np.int64)
    found = near + 2
    for candidate in (near + 1, near, near - 1):
        product = candidate * factors
        whole = np.trunc(product)  # exact, as is what is left: no half is made by adding one
        away = whole + np.sign(product) * (np.abs(product - whole) >= 0.5)
        found = np.where(away >= k, candidate, found)
    return found


def _single_steps(factors: npt.NDArray[np.float32], k: IntArray) -> IntArray:
    """The least accumulator (steps, channels) whose float32 product is rounded to k or more.

    Those that float32 does not hold exactly are out of reach: their steps do not matter.
    """
    near = np.ceil((k - 0.5) / factors.astype(np.float64)).astype(np.int64)
    found = near + 2
    for candidate in (near + 1, near, near - 1):
        product = candidate.astype(np.float32) * factors
        found = np.where(np.rint(product) >= k, candidate, found)
    return np.where(np.abs(found) < _EXACT, found, np.iinfo(np.int64).max)


def _most_steps(lows: FloatArray, highs: FloatArray, given: int) -> tuple[float, float]:
    """The ends of a stretch that lies in most of the intervals [low, high], near `given`."""
    ends = np.concatenate([lows, highs])
    candidates = np.append(ends[np.abs(ends - given) <= NEAR], float(given))
    begun = np.searchsorted(np.sort(lows), candidates, side="right")
    ended = np.searchsorted(np.sort(highs), candidates, side="left")
    best = candidates[begun - ended == (begun - ended).max()]
    chosen = best[np.abs(best - given).argmin()]
    return lows[lows <= chosen].max(initial=-np.inf), highs[highs >= chosen].min(initial=np.inf)


def _roundest(low: IntArray, high: IntArray, given: IntArray) -> IntArray:
    """Of the numbers from low to high that with most zeros at its end, near `given`."""
    found = np.clip(given, low, high)
    for bits in range(1, 31 - SHORT_BITS):
        unit = 1 << bits
        nearest = (np.clip(given, low, high) + unit // 2) >> bits << bits
        for candidate in (nearest - unit, nearest + unit, nearest):
            found = np.where((low <= candidate) & (candidate <= high), candidate, found)
    return found
