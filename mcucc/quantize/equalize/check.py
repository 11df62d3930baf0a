"""Whether an equalised network still is the network: both as floats on pictures held back.

Clamps cut channels off where calibration saw no values; pictures it did not see tell whether that
holds. Of mcunet-320kb 35 to 52 dB, int8 leaves 24.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mcucc.images.samples import Sample
from mcucc.ir.float_run import evaluate_graph
from mcucc.ir.graph import Graph
from mcucc.quantize.ends import end_tensors
from mcucc.quantize.sensitivity import real_inputs

DoubleArray = npt.NDArray[np.float64]
LEAST_DB = 35.0  # of the least alike output


class Equivalence:
    """What a float network makes of samples, to compare others with."""

    def __init__(self, graph: Graph, samples: Sequence[Sample]) -> None:
        self._samples, self._ends = samples, end_tensors(graph)
        self._exact = [self._run(graph, sample) for sample in samples]

    def _run(self, graph: Graph, sample: Sample) -> dict[str, DoubleArray]:
        values = evaluate_graph(graph, real_inputs(graph, sample))
        return {name: values[name].astype(np.float64) for name in self._ends}

    def decibels(self, other: Graph) -> float:
        """10 log10(sum old^2 / sum (old - new)^2) of the output that differs most; inf for none."""
        signal, noise = dict.fromkeys(self._ends, 0.0), dict.fromkeys(self._ends, 0.0)
        for sample, exact in zip(self._samples, self._exact, strict=True):
            made = self._run(other, sample)
            for name in self._ends:
                signal[name] += float(np.square(exact[name]).sum())
                noise[name] += float(np.square(exact[name] - made[name]).sum())
        changed = [name for name in self._ends if noise[name] > 0.0]
        return min((_decibels(signal[name], noise[name]) for name in changed), default=math.inf)


def _decibels(signal: float, noise: float) -> float:
    return 10.0 * math.log10(signal / noise) if signal > 0.0 else -math.inf
