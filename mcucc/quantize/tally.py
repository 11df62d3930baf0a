"""What calibration counts of a tensor while the samples go by: of all of it, or of each channel."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mcucc.errors import ModelError
from mcucc.images.preprocess import FloatArray
from mcucc.quantize.observers.base import Statistics

DoubleArray = npt.NDArray[np.float64]
LARGEST = 1e30  # float32 arithmetic stays finite well beyond
SMALLEST_SPAN = 1e-30


@dataclass(frozen=True, eq=False)
class ChannelStatistics:
    """What calibration saw of each channel (the last axis) of a tensor.

    `low` and `high` are (C,); `counts` (C, bins) is the histogram of [low, high] in equal bins,
    exact zeros included.
    """

    low: DoubleArray
    high: DoubleArray
    counts: npt.NDArray[np.int64]

    @property
    def samples(self) -> int:
        """Values a channel."""
        return int(self.counts[0].sum())

    @property
    def centers(self) -> DoubleArray:
        """Middle of each bin, (C, bins)."""
        bins = self.counts.shape[1]
        width = (self.high - self.low) / bins
        middles: DoubleArray = self.low[:, None] + width[:, None] * (np.arange(bins) + 0.5)
        return middles

    def with_(self, other: ChannelStatistics) -> ChannelStatistics:
        """Of the values of both, which have the same bins."""
        return replace(self, counts=self.counts + other.counts)

    @property
    def mirrored(self) -> ChannelStatistics:
        """Those of the negated values."""
        return ChannelStatistics(-self.high, -self.low, self.counts[:, ::-1])

    @property
    def mean(self) -> DoubleArray:
        """Of each channel, as exact as the bins are narrow."""
        mean: DoubleArray = (self.centers * self.counts).sum(axis=1) / self.samples
        return mean


class Tally:
    """A range and a histogram of each of `columns` interleaved parts of a tensor.

    One column is the whole tensor; as many as it has channels (the last axis) are its channels.
    """

    def __init__(self, name: str, columns: int, bins: int) -> None:
        self._name, self._bins = name, bins
        self._low, self._high = np.full(columns, np.inf), np.full(columns, -np.inf)
        self._counts = np.zeros((columns, bins), dtype=np.int64)
        self._zeros = np.zeros(columns, dtype=np.int64)

    def beside(self) -> Tally:
        """Another one of the same ranges, nothing counted yet."""
        other = Tally(self._name, self._low.size, self._bins)
        other._low, other._high = self._low, self._high
        return other

    def extend(self, value: FloatArray) -> None:
        """First pass: widen the ranges. Raises ModelError for values that are not finite."""
        columns = value.reshape(-1, self._low.size)
        low, high = columns.min(axis=0), columns.max(axis=0)
        # A comparison with NaN is false.
        if not ((low > -LARGEST) & (high < LARGEST)).all():
            raise ModelError(
                f"tensor {self._name} takes values in [{low.min()}, {high.max()}]",
                where="calibration",
                hint="check scale, mean and std of the preprocessing, and the model's weights",
            )
        self._low, self._high = np.minimum(self._low, low), np.maximum(self._high, high)

    def count(self, value: FloatArray) -> None:
        """Second pass: add to the histograms, exact zeros apart."""
        columns = value.reshape(-1, self._low.size)
        zeros = len(columns) - np.count_nonzero(columns, axis=0)
        span = self._high - self._low
        wide = span >= SMALLEST_SPAN
        # float32 on purpose: twice as fast, and a value in the neighbouring bin changes nothing.
        factor = np.where(wide, self._bins / np.where(wide, span, 1.0), 0.0).astype(np.float32)
        low = self._low.astype(np.float32)
        places = ((columns - low) * factor).astype(np.int32)
        size = self._bins + 1  # rounding may reach the end of the last bin
        places += np.arange(low.size, dtype=np.int32) * size
        found = np.bincount(places.ravel(), minlength=low.size * size).reshape(-1, size)
        self._counts += found[:, :-1]
        self._counts[:, -1] += found[:, -1]
        with np.errstate(over="ignore"):  # far from 0 in units of a narrow range
            zero = np.clip(-low * factor, 0, self._bins - 1)
        at = zero.astype(np.int64)  # in float32 too, so that it is the bin zeros were counted in
        self._counts[np.arange(low.size), at] -= zeros
        self._zeros += zeros

    def tensor(self, histogram: bool) -> Statistics:
        """Of the only column."""
        counts = self._counts[0].astype(np.float64) if histogram else None
        low, high = float(self._low[0]), float(self._high[0])
        return Statistics(low, high, counts, int(self._zeros[0]))

    def channels(self) -> ChannelStatistics:
        """Of every column."""
        counts, span = self._counts.copy(), self._high - self._low
        width = np.where(span > 0, span, 1.0) / self._bins
        at = np.clip(-self._low / width, 0, self._bins - 1).astype(np.int64)
        counts[np.arange(at.size), at] += self._zeros
        return ChannelStatistics(self._low, self._high, counts)
