"""Calibration: what values the tensors of a float network take on real pictures.

The original file runs in ONNX Runtime, twice: once for the ranges, once for histograms over
those ranges. No activations are kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mcucc.errors import DataError, ModelError
from mcucc.evaluate.float_session import FloatModel, FloatSession
from mcucc.evaluate.preprocess import Bytes, FloatArray
from mcucc.ir.graph import Graph
from mcucc.quantize.groups import quant_groups
from mcucc.quantize.observers.base import BINS, Observer, Range, Statistics

DoubleArray = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Ranges:
    """The real range of every measured tensor, and how it was found."""

    observer: str
    images: int
    by_name: Mapping[str, Range]
    statistics: Mapping[str, Statistics] = field(default_factory=dict)


def calibrate(
    model: FloatModel,
    graph: Graph,
    images: Sequence[FloatArray],
    observer: Observer,
    *,
    camera: Sequence[Bytes] | None = None,
    progress: Progress | None = None,
) -> Ranges:
    """Observe the tensors of `graph` on real-valued pictures (H, W, C) or (1, H, W, C).

    `camera` are the same pictures as bytes (see FloatSession.run). `progress` is called with
    pictures done and pictures in all, both passes counted. Raises DataError without pictures and
    ModelError for values that are not finite.
    """
    if not len(images):
        raise DataError("there is no picture to calibrate on")
    names = measured_tensors(graph)
    session = FloatSession(model, graph, names)
    passes = 2 if observer.NEEDS_HISTOGRAM else 1
    extremes = dict.fromkeys(names, (math.inf, -math.inf))
    collected = {name: np.zeros(BINS) for name in names}
    zeros = dict.fromkeys(names, 0)
    for done in range(passes * len(images)):
        index = done % len(images)
        values = session.run(images[index], None if camera is None else camera[index])
        for name, value in values.items():
            if done < len(images):
                extremes[name] = _extend(name, extremes[name], value)
            else:
                zeros[name] += _count(value, extremes[name], collected[name])
        if progress is not None:
            progress(done + 1, passes * len(images))
    statistics = {
        name: Statistics(
            *extremes[name], collected[name] if observer.NEEDS_HISTOGRAM else None, zeros[name]
        )
        for name in names
    }
    ranges = {name: _with_zero(observer.range_of(s)) for name, s in statistics.items()}
    return Ranges(observer.NAME, len(images), ranges, statistics)


def measured_tensors(graph: Graph) -> tuple[str, ...]:
    """The activations whose ranges decide scales: not copies, not prescribed."""
    return tuple(
        name for group in quant_groups(graph) if group.fixed is None for name in group.measured
    )


def _extend(name: str, known: tuple[float, float], value: FloatArray) -> tuple[float, float]:
    low, high = float(value.min()), float(value.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ModelError(
            f"tensor {name} takes the value {low if not math.isfinite(low) else high}",
            where="calibration",
            hint="check scale, mean and std of the preprocessing, and the model's weights",
        )
    return min(known[0], low), max(known[1], high)


def _count(value: FloatArray, extremes: tuple[float, float], counts: DoubleArray) -> int:
    """Add a tensor's non-zero values to its histogram; returns how many are exactly zero."""
    low, high = extremes
    flat = value.ravel()
    zeros = flat.size - int(np.count_nonzero(flat))
    if high <= low:
        return zeros
    # float32 on purpose: a value in the neighbouring bin changes nothing, and it is twice as fast.
    factor = np.float32(BINS / (high - low))
    bins = ((flat - np.float32(low)) * factor).astype(np.int32)
    found = np.bincount(bins, minlength=BINS + 1)
    counts += found[:BINS]
    counts[-1] += found[BINS:].sum()
    if low <= 0.0 <= high:
        zero_bin = int((np.float32(0.0) - np.float32(low)) * factor)
        counts[min(zero_bin, BINS - 1)] -= zeros
    return zeros


def _with_zero(range_: Range) -> Range:
    return Range(min(range_.low, 0.0), max(range_.high, 0.0))
