"""Integer networks of one float network: the best is kept, judged on pictures held back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.images.samples import Sample, batch
from mcucc.ir.float_run import evaluate_graph
from mcucc.ir.graph import Graph
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.tensor import Quant
from mcucc.ops.softmax import Softmax, softmax
from mcucc.quantize.ends import judged_tensors
from mcucc.quantize.sensitivity import real_inputs

DoubleArray = npt.NDArray[np.float64]
# Every fifth picture judges; the rest make the integers. Of few pictures all do both.
HELD_BACK = 5
FEWEST = 20
LARGEST_DB = 200.0  # of outputs that are equal
SMALLEST = 1e-30
LEAST_KL = 1e-9
LEAST_PROBABILITY = 1 / 1024  # an int8 probability of 0 is below half of 1/256


@dataclass(frozen=True)
class Quality:
    """How near the outputs of integers are to the float network's.

    `snr_db` is the mean over outputs of 10 log10 (energy / energy of the error), `kl` the mean
    Kullback-Leibler divergence of the classes' probabilities, None where no output is of classes.
    """

    name: str
    snr_db: float
    kl: float | None

    def better_by(self, other: Quality) -> float:
        """Decibels of noise less than another's: both measures are energies of the error."""
        gains = [self.snr_db - other.snr_db]
        if self.kl is not None and other.kl is not None:
            gains.append(10 * math.log10(max(other.kl, LEAST_KL) / max(self.kl, LEAST_KL)))
        return sum(gains) / len(gains)


@dataclass(frozen=True)
class Chosen:
    """Which integers were kept, of which candidates, judged on how many pictures held back.

    `pictures` is 0 where there were too few to hold any back: the same ones judged that calibrated.
    """

    name: str
    pictures: int
    candidates: tuple[Quality, ...]


def held_back(samples: Sequence[Sample]) -> tuple[Sequence[Sample], Sequence[Sample]]:
    """The samples that make integers, and those that judge them."""
    if len(samples) < FEWEST:
        return samples, ()
    made = [sample for index, sample in enumerate(samples) if index % HELD_BACK != HELD_BACK - 1]
    return made, samples[HELD_BACK - 1 :: HELD_BACK]


def best_of(
    graph: Graph, candidates: Mapping[str, IntegerGraph], samples: Sequence[Sample], held: int
) -> Chosen:
    """The best of integer networks, by name; of equals the first.

    `graph` is the float network of the same inputs and outputs; `held` of the samples are held
    back.
    """
    ends = judged_tensors(graph)
    floats: dict[str, list[DoubleArray]] = {name: [] for name in ends}
    for sample in samples:
        values = evaluate_graph(graph, real_inputs(graph, sample))
        for name, exact in floats.items():
            exact.append(values[name].ravel().astype(np.float64))
    wanted = {name: np.stack(rows) for name, rows in floats.items()}
    found = [
        _quality(name, graph, wanted, _real_values(made, ends, samples))
        for name, made in candidates.items()
    ]
    best = found[0]
    for quality in found[1:]:
        if quality.better_by(best) > 0:
            best = quality
    return Chosen(best.name, held, tuple(found))


def _real_values(
    integer: IntegerGraph, names: Sequence[str], samples: Sequence[Sample]
) -> dict[str, DoubleArray]:
    """(samples, elements) by tensor."""
    inputs = [integer.activations[name] for name in integer.inputs]
    quants = [Quant((each.scale,), each.zero_point) for each in inputs]
    rows: dict[str, list[DoubleArray]] = {name: [] for name in names}
    for sample in samples:
        values = integer.run(batch(integer.inputs, [sample.quantized(quants)]))
        for name, made in rows.items():
            made.append(integer.activations[name].real(values[name]).ravel())
    return {name: np.stack(made) for name, made in rows.items()}


def _quality(
    name: str, graph: Graph, wanted: Mapping[str, DoubleArray], made: Mapping[str, DoubleArray]
) -> Quality:
    ratios = []
    for output, exact in wanted.items():
        signal, noise = np.square(exact).sum(), np.square(exact - made[output]).sum()
        ratio = 10 * math.log10(signal / noise) if signal > 0 and noise > 0 else LARGEST_DB
        ratios.append(min(ratio, LARGEST_DB) if signal > 0 or noise == 0 else -LARGEST_DB)
    return Quality(name, float(np.mean(ratios)), _divergence(graph, wanted, made))


def _divergence(
    graph: Graph, wanted: Mapping[str, DoubleArray], made: Mapping[str, DoubleArray]
) -> float | None:
    """Mean over samples of sum p log(p / q), where all that is judged is a vector of scores."""
    (output, *others) = wanted
    shape = graph.tensors[output].shape
    if others or shape[-1] < 2 or wanted[output].shape[1] != shape[-1]:
        return None
    producer = graph.producer(output)
    prescribed = producer is not None and isinstance(producer.op, Softmax)
    p, q = (
        np.maximum(scores, LEAST_PROBABILITY) if prescribed else _softmax(scores)
        for scores in (wanted[output], made[output])
    )
    return float((p * (np.log(p) - np.log(q))).sum(axis=1).mean())


def _softmax(scores: DoubleArray) -> DoubleArray:
    return np.maximum(softmax(scores), SMALLEST)
