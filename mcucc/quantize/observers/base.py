"""Observers: from the statistics of a tensor to the real range its int8 values shall cover."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

BINS = 2048


@dataclass(frozen=True, eq=False)
class Statistics:
    """What calibration saw of one tensor.

    `counts` (BINS,) is the histogram of [low, high] in equal bins without exact zeros, which
    every quantization represents exactly; `zeros` counts those. None: the range only.
    """

    low: float
    high: float
    counts: npt.NDArray[np.float64] | None = None
    zeros: int = 0

    @property
    def centers(self) -> npt.NDArray[np.float64]:
        """Middle of each bin, (BINS,)."""
        width = (self.high - self.low) / BINS
        return self.low + width * (np.arange(BINS, dtype=np.float64) + 0.5)

    @property
    def histogram(self) -> npt.NDArray[np.float64]:
        """The counts; ValueError when only the range was observed."""
        if self.counts is None:
            raise ValueError("this observer needs a histogram")
        return self.counts


@dataclass(frozen=True)
class Range:
    """Real values an int8 tensor covers: [low, high], always with 0 inside."""

    low: float
    high: float

    def union(self, other: Range) -> Range:
        """The smallest range that holds both."""
        return Range(min(self.low, other.low), max(self.high, other.high))


class Observer(ABC):
    """A rule that picks the range. Subclasses are frozen dataclasses of their settings."""

    NAME: ClassVar[str]
    NEEDS_HISTOGRAM: ClassVar[bool] = True

    @abstractmethod
    def range_of(self, statistics: Statistics) -> Range:
        """The range to cover; 0 is added by the caller."""


ObserverClass = TypeVar("ObserverClass", bound=type[Observer])
OBSERVERS: dict[str, type[Observer]] = {}


def observer(cls: ObserverClass) -> ObserverClass:
    """Class decorator: makes an observer known by its NAME."""
    OBSERVERS[cls.NAME] = cls
    return cls
