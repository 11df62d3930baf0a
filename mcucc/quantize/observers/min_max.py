"""Min-max: everything that was seen is covered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mcucc.quantize.observers.base import Observer, Range, Statistics, observer


@observer
@dataclass(frozen=True)
class MinMax(Observer):
    """No value of the calibration pictures saturates."""

    NAME: ClassVar[str] = "min-max"
    NEEDS_HISTOGRAM: ClassVar[bool] = False

    def range_of(self, statistics: Statistics) -> Range:
        """The smallest and the largest value."""
        return Range(statistics.low, statistics.high)
