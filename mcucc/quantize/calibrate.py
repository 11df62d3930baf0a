"""Calibration: what values the tensors of a float network take on real pictures.

The original file runs in ONNX Runtime, twice: once for the ranges, once for histograms over
those ranges. No activations are kept.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mcucc.base.progress import Progress, silent
from mcucc.errors import DataError, ModelError
from mcucc.frontends.imported import ImportedModel
from mcucc.images.preprocess import FloatArray
from mcucc.images.samples import Sample
from mcucc.ir.graph import Graph
from mcucc.oracles.float_session import FloatSession
from mcucc.quantize.groups import quant_groups
from mcucc.quantize.observers.base import BINS, Observer, Range, Statistics
from mcucc.quantize.observers.min_max import MinMax

DoubleArray = npt.NDArray[np.float64]
LARGEST = 1e30  # float32 arithmetic stays finite well beyond
SMALLEST_SPAN = 1e-30


@dataclass(frozen=True, eq=False)
class Ranges:
    """The real range of every measured tensor, and how it was found.

    `means` are the pictures' mean of each tensor that is multiplied by weights, in its own shape.
    """

    observer: str
    images: int
    by_name: Mapping[str, Range]
    statistics: Mapping[str, Statistics] = field(default_factory=dict)
    means: Mapping[str, DoubleArray] = field(default_factory=dict)


def calibrate(
    model: ImportedModel,
    graph: Graph,
    samples: Sequence[Sample],
    observer: Observer,
    *,
    whole: Collection[str] = (),
    progress: Progress = silent,
) -> Ranges:
    """Observe the tensors of `graph` on samples.

    Ranges of outputs, and of the tensors in `whole`, are what was seen, whatever the observer.
    `progress` counts the samples of both passes. Raises
    DataError without samples and ModelError for values that are not finite.
    """
    if not len(samples):
        raise DataError("there is no picture to calibrate on")
    names, weighted = measured_tensors(graph), weighted_tensors(graph)
    session = FloatSession(model, graph, dict.fromkeys((*names, *weighted)))
    tallies = {name: _Tally(name) for name in names}
    sums = {name: np.zeros(graph.tensors[name].shape) for name in weighted}
    passes = 2 if observer.NEEDS_HISTOGRAM else 1
    for done in range(passes * len(samples)):
        values = session.run_sample(samples[done % len(samples)])
        if done < len(samples):
            for name in weighted:
                sums[name] += values[name]
        for name, tally in tallies.items():
            if done < len(samples):
                tally.extend(values[name])
            else:
                tally.count(values[name])
        progress("calibrating", done + 1, passes * len(samples))
    statistics = {name: t.statistics(observer.NEEDS_HISTOGRAM) for name, t in tallies.items()}
    ranges = {name: observer.range_of(s) for name, s in statistics.items()}
    # Clipped outputs would tie where the network is surest; nothing behind them needs resolution.
    uncut = [name for name in statistics if name in graph.outputs or name in whole]
    ranges |= {name: MinMax().range_of(statistics[name]) for name in uncut}
    return Ranges(
        observer.NAME,
        len(samples),
        {name: _with_zero(range_) for name, range_ in ranges.items()},
        statistics,
        {name: total / len(samples) for name, total in sums.items()},
    )


def measured_tensors(graph: Graph) -> tuple[str, ...]:
    """The activations whose ranges decide scales: not copies, not prescribed."""
    return tuple(
        name for group in quant_groups(graph) if group.fixed is None for name in group.measured
    )


def weighted_tensors(graph: Graph) -> tuple[str, ...]:
    """The activations that are multiplied by weights."""
    weighted = [node.inputs[0] for node in graph.nodes if node.op.WEIGHT_AXIS is not None]
    return tuple(dict.fromkeys(weighted))


class _Tally:
    """What is counted of one tensor while the pictures go by."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._low, self._high = math.inf, -math.inf
        self._counts = np.zeros(BINS, dtype=np.int64)
        self._zeros = 0

    def extend(self, value: FloatArray) -> None:
        """First pass: widen the range."""
        low, high = float(value.min()), float(value.max())
        # A comparison with NaN is false.
        if not (low > -LARGEST and high < LARGEST):
            raise ModelError(
                f"tensor {self._name} takes values in [{low}, {high}]",
                where="calibration",
                hint="check scale, mean and std of the preprocessing, and the model's weights",
            )
        self._low, self._high = min(self._low, low), max(self._high, high)

    def count(self, value: FloatArray) -> None:
        """Second pass: add to the histogram, exact zeros apart."""
        flat = value.ravel()
        zeros = flat.size - int(np.count_nonzero(flat))
        self._zeros += zeros
        span = self._high - self._low
        if span < SMALLEST_SPAN:
            self._counts[0] += flat.size - zeros
            return
        # float32 on purpose: twice as fast, and a value in the neighbouring bin changes nothing.
        factor, low = np.float32(BINS / span), np.float32(self._low)
        found = np.bincount(((flat - low) * factor).astype(np.int32), minlength=BINS + 1)
        self._counts += found[:BINS]
        self._counts[-1] += found[BINS:].sum()
        if zeros:
            self._counts[min(int((np.float32(0.0) - low) * factor), BINS - 1)] -= zeros

    def statistics(self, histogram: bool) -> Statistics:
        """The result."""
        counts = self._counts.astype(np.float64) if histogram else None
        return Statistics(self._low, self._high, counts, self._zeros)


def _with_zero(range_: Range) -> Range:
    return Range(min(range_.low, 0.0), max(range_.high, 0.0))
