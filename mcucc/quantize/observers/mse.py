"""MSE: the range whose 256 levels reproduce the seen values with the least squared error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.quantize.observers.base import Observer, Range, Statistics, observer

LEVELS = 255  # steps between -128 and 127
FloatVector = npt.NDArray[np.float64]


@observer
@dataclass(frozen=True)
class MeanSquaredError(Observer):
    """Both ends are searched together: rounding error inside against clipping error outside.

    Inside, an error uniform in [-s/2, s/2] has the mean s^p / (2^p (p + 1)) of |e|^p (s^2 / 12
    for p = 2); outside, it is the distance to the end. `exponent` is p.
    """

    exponent: float = 2.0

    NAME: ClassVar[str] = "mse"

    def range_of(self, statistics: Statistics) -> Range:
        """A coarse search over both ends, then a fine one around its best."""
        low, high = min(statistics.low, 0.0), max(statistics.high, 0.0)
        fractions = np.geomspace(0.02, 1.0, 64)
        lows, highs = low * fractions, high * fractions
        best = self._best(statistics, lows, highs)
        fine = np.linspace(0.93, 1.07, 29)
        lows = np.maximum(best.low * fine, low)
        highs = np.minimum(best.high * fine, high)
        return self._best(statistics, lows, highs)

    def _best(self, statistics: Statistics, lows: FloatVector, highs: FloatVector) -> Range:
        """The pair of ends with the least total error."""
        counts, centers = statistics.histogram, statistics.centers
        clipped_low = self._clipping(counts, np.maximum(lows[:, None] - centers, 0.0))
        clipped_high = self._clipping(counts, np.maximum(centers - highs[:, None], 0.0))
        below = np.array([counts[centers < low].sum() for low in lows])
        above = np.array([counts[centers > high].sum() for high in highs])
        inside = counts.sum() - below[:, None] - above[None, :]
        step = (highs[None, :] - lows[:, None]) / LEVELS
        p = self.exponent
        rounding = inside * step**p / (2.0**p * (p + 1.0))
        error = rounding + clipped_low[:, None] + clipped_high[None, :]
        row, column = np.unravel_index(int(np.argmin(error)), error.shape)
        return Range(float(lows[row]), float(highs[column]))

    def _clipping(self, counts: FloatVector, distance: FloatVector) -> FloatVector:
        total: FloatVector = distance**self.exponent @ counts
        return total
