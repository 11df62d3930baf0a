"""Percentile: a fixed share of the values may saturate at either end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcucc.quantize.observers.base import BINS, Observer, Range, Statistics, observer


@observer
@dataclass(frozen=True)
class Percentile(Observer):
    """All but (100 - percent) percent of the values at each end lie inside."""

    percent: float = 99.99

    NAME: ClassVar[str] = "percentile"

    def __post_init__(self) -> None:
        if not 50.0 < self.percent <= 100.0:
            raise ValueError(f"a percentile of {self.percent} is outside (50, 100]")

    def range_of(self, statistics: Statistics) -> Range:
        """Both percentiles, interpolated inside their bins; exact zeros count."""
        counts = statistics.histogram.copy()
        width = (statistics.high - statistics.low) / BINS
        if width <= 0.0:
            return Range(statistics.low, statistics.high)
        if statistics.zeros:
            counts[min(max(int(-statistics.low / width), 0), BINS - 1)] += statistics.zeros
        share = np.concatenate(([0.0], np.cumsum(counts) / counts.sum()))
        edges = statistics.low + width * np.arange(BINS + 1)
        tail = 1.0 - self.percent / 100.0
        # np.interp takes the last of equal abscissae: search from either end, not inside a gap.
        upper = float(np.interp(-tail, -(1.0 - share), edges))
        lower = float(np.interp(-tail, -share[::-1], edges[::-1]))
        return Range(min(lower, upper), max(lower, upper))
