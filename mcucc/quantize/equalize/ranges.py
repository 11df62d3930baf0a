"""The range of every channel, its tail extrapolated beyond what calibration saw.

The maximum of a hundred pictures does not bound the next one: where the range of a channel decides
what it is multiplied by, values beyond saturate. The upper side of a channel is therefore taken to
go on as an exponential behind u, the value above which max(LEAST, SHARE * samples) samples lie:
with P their share and beta = STRETCH * their mean excess over u, an end h >= u clips at least
P * 2 beta^2 * exp(-(h - u) / beta) in mean square. The lower side likewise. The ends are those with
the least KAPPA * (clipped above + clipped below) + ((h - l) / 255)^2 / 12.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.numerics.fixed_point import Clamp
from mcucc.quantize.tally import ChannelStatistics

DoubleArray = npt.NDArray[np.float64]
LEAST, SHARE = 20, 2e-4
STRETCH = 1.3
KAPPA = 2.0
LEVELS = 255
# Candidates for an end, as multiples of its observed distance.
REACHES = np.geomspace(0.1, 2.5, 60)
# A channel's range is at least this part of the widest one: dead channels take no part.
NARROWEST = 1 / 16


@dataclass(frozen=True, eq=False)
class ChannelRanges:
    """What each channel of a tensor shall cover, low and high (C,)."""

    low: DoubleArray
    high: DoubleArray

    @property
    def width(self) -> DoubleArray:
        """high - low."""
        width: DoubleArray = self.high - self.low
        return width


def channel_ranges(statistics: ChannelStatistics, clamp: Clamp, *, free: bool) -> ChannelRanges:
    """The ranges inside `clamp`; `free` ones may lie beside 0, others hold it."""
    centre = statistics.mean if free else np.zeros_like(statistics.low)
    x = statistics.centers - centre[:, None]
    up = np.maximum(statistics.high - centre, 0.0)
    down = np.maximum(centre - statistics.low, 0.0)
    above = np.minimum(up[:, None] * REACHES, clamp.hi)
    below = np.minimum(down[:, None] * REACHES, -clamp.lo)
    mirrored = -x[:, ::-1], statistics.counts[:, ::-1]
    clipped = KAPPA * _clipped(x, statistics.counts, above)[:, None, :]
    clipped = clipped + KAPPA * _clipped(*mirrored, below)[:, :, None]
    width = above[:, None, :] + below[:, :, None]
    cost = clipped + (width / LEVELS) ** 2 / 12
    best = cost.reshape(len(cost), -1).argmin(axis=1)
    rows = np.arange(len(cost))
    low = centre - below[rows, best // REACHES.size]
    high = centre + above[rows, best % REACHES.size]
    return _widened(low, high, one_sided=clamp.lo == 0.0)


def clipped_above(statistics: ChannelStatistics, ends: DoubleArray) -> DoubleArray:
    """Mean square by which values exceed each of `ends` (C, K), tails included."""
    return _clipped(statistics.centers, statistics.counts, ends)


def _clipped(x: DoubleArray, counts: npt.NDArray[np.int64], ends: DoubleArray) -> DoubleArray:
    """As `clipped_above`, of bins `x` (C, bins) that ascend."""
    total = counts[:1].sum()
    bins = x.shape[1]
    # Of the bins from each one on, (C, bins + 1): number, sum and sum of squares.
    power = (counts, counts * x, counts * x * x)
    zeroth, first, second = (np.pad(_from_each(p), ((0, 0), (0, 1))) for p in power)
    step = x[:, 1] - x[:, 0]
    place = (ends - x[:, :1]) / np.where(step > 0, step, 1.0)[:, None]
    at = np.clip(np.floor(place) + 1, 0, bins).astype(np.int64)
    n, s, q = (np.take_along_axis(sums, at, axis=1) for sums in (zeroth, first, second))
    seen = np.maximum(q - 2 * ends * s + ends * ends * n, 0.0) / total
    # The tail begins at the lower edge of the last bin from which on enough samples lie.
    enough = zeroth[:, :bins] >= max(LEAST, SHARE * total)
    last = np.maximum(enough.sum(axis=1) - 1, 0)
    rows = np.arange(len(x))
    begin = x[rows, last] - step / 2
    number = zeroth[rows, last]
    beta = STRETCH * np.maximum(first[rows, last] / np.maximum(number, 1) - begin, 0.0)
    share, beyond = number / total, ends - begin[:, None]
    decay = np.exp(-np.maximum(beyond, 0.0) / np.where(beta > 0, beta, 1.0)[:, None])
    tail = (share * 2 * beta**2)[:, None] * decay
    costs: DoubleArray = np.where(beyond >= 0, np.maximum(seen, tail), seen)
    return costs


def _from_each(values: npt.NDArray[np.generic]) -> DoubleArray:
    """Sums over the bins from each one on."""
    sums: DoubleArray = values[:, ::-1].astype(np.float64).cumsum(axis=1)[:, ::-1]
    return sums


def _widened(low: DoubleArray, high: DoubleArray, *, one_sided: bool) -> ChannelRanges:
    missing = np.maximum((high - low).max() * NARROWEST - (high - low), 0.0)
    if one_sided:
        return ChannelRanges(low, high + missing)
    return ChannelRanges(low - missing / 2, high + missing / 2)
