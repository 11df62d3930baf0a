"""Whether an equalised network still is the network: both as floats on pictures held back.

Clamps cut channels off where calibration saw no values; pictures it did not see tell whether that
holds. Of mcunet-320kb 35 to 52 dB, int8 leaves 24.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mcucc.images.samples import Sample
from mcucc.ir.float_run import evaluate_graph
from mcucc.ir.graph import Graph
from mcucc.quantize.sensitivity import end_tensors, real_inputs

LEAST_DB = 35.0  # of the least alike output


def equivalence_db(graph: Graph, other: Graph, samples: Sequence[Sample]) -> float:
    """10 log10(sum old^2 / sum (old - new)^2) of the output that differs most; inf for none."""
    ends = end_tensors(graph)
    signal, noise = dict.fromkeys(ends, 0.0), dict.fromkeys(ends, 0.0)
    for sample in samples:
        inputs = real_inputs(graph, sample)
        old, new = evaluate_graph(graph, inputs), evaluate_graph(other, inputs)
        for name in ends:
            exact, made = (values[name].astype(np.float64) for values in (old, new))
            signal[name] += float((exact * exact).sum())
            noise[name] += float(np.square(exact - made).sum())
    changed = [name for name in ends if noise[name] > 0.0]
    return min((_decibels(signal[name], noise[name]) for name in changed), default=math.inf)


def _decibels(signal: float, noise: float) -> float:
    return 10.0 * math.log10(signal / noise) if signal > 0.0 else -math.inf
