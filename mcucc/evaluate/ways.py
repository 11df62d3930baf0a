"""One network computed several ways over the same pictures, compared byte for byte.

The float network, the int8 NumPy reference, generated C on the host and the same C on an emulated
core. The last three must agree on every byte of every output.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.evaluate.slices import Slices, worst_slice
from mcucc.ir.integer import IntegerGraph
from mcucc.ops.arg_max import index_entries

Values = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Way:
    """One way of computing: outputs by name, (pictures, H, W, C), or why there are none.

    `integer` says that the outputs must equal the reference byte for byte. Where nodes of [output]
    decode, a way has their output, what they read, or both.
    """

    name: str
    values: Values | None
    integer: bool = True
    absent: str = ""


@dataclass(frozen=True)
class WayResult:
    """How one way did against the labels, the float network and the int8 reference."""

    name: str
    absent: str
    top1: float | None
    agreement: float | None  # share of pictures with the float network's top class, or of indices
    cosine: float | None  # to the float outputs but indices, mean over pictures and outputs
    largest_difference: int | None  # to the int8 reference, in units of the output scale
    different_pictures: int | None
    worst: Slices | None = None  # of the outputs, against the float network's

    def to_dict(self) -> dict[str, Any]:
        """For --json."""
        return {**vars(self), "worst": None if self.worst is None else vars(self.worst)}


@dataclass(frozen=True)
class Divergence:
    """The first tensor in which a way differs from the reference, and its first wrong byte."""

    way: str
    picture: str
    layer: str
    tensor: str
    index: int
    expected: int
    found: int


def compare(
    graph: IntegerGraph,
    reference: Values,
    floats: Values | None,
    ways: Sequence[Way],
    labels: Sequence[int | None],
    scores: Sequence[str] | None = None,
) -> tuple[WayResult, ...]:
    """One row a way; `reference` are the int8 tensors of NumPy, `floats` the float network's.

    Reals are compared where a way has every tensor of `floats`. `scores` are the names under which
    ways have the scores of classes, the only output if None and it looks like that.
    """
    if scores is None:
        scores = graph.outputs if is_classifier(graph) else ()
    return tuple(
        WayResult(way.name, way.absent, None, None, None, None, None)
        if way.values is None
        else _result(graph, reference, floats, way, way.values, labels, scores)
        for way in ways
    )


def first_divergence(
    graph: IntegerGraph, way: str, picture: str, expected: Values, found: Values
) -> Divergence | None:
    """The first tensor (of one picture) that differs, inputs first; None when none does."""
    ends = [("the input", name) for name in graph.inputs]
    for layer, tensor in [*ends, *((node.name, node.output) for node in graph.nodes)]:
        if tensor not in found:
            continue
        want, have = expected[tensor].reshape(-1), found[tensor].reshape(-1)
        wrong = np.flatnonzero(want != have)
        if wrong.size:
            index = int(wrong[0])
            values = int(want[index]), int(have[index])
            return Divergence(way, picture, layer, tensor, index, *values)
    return None


def differing_pictures(reference: Values, values: Values) -> npt.NDArray[np.bool_]:
    """Which pictures have any byte different in any output."""
    wrong = [(_rows(values[name]) != _rows(reference[name])).any(axis=1) for name in values]
    different: npt.NDArray[np.bool_] = np.logical_or.reduce(wrong)
    return different


def _result(
    graph: IntegerGraph,
    reference: Values,
    floats: Values | None,
    way: Way,
    values: Values,
    labels: Sequence[int | None],
    scores: Sequence[str],
) -> WayResult:
    largest = different = agreement = cosine = worst = None
    if way.integer:
        gaps = [
            np.abs(_rows(values[name]).astype(np.int64) - _rows(reference[name])).max(initial=0)
            for name in values
        ]
        largest = int(max(gaps))
        different = int(differing_pictures(reference, values).sum())
    if floats is not None and values.keys() >= floats.keys():
        chosen = {name for name in floats if index_entries(graph, name) is not None}
        measured = [name for name in floats if name not in chosen]
        if measured:
            cosine = float(np.mean([_cosine(graph, floats, way, name) for name in measured]))
        agreement = _agreement(graph, floats, way, values, chosen, scores)
        if way.integer and measured:
            worst = worst_slice(
                {name: floats[name].astype(np.float64) for name in measured},
                {name: graph.activations[name].real(values[name]) for name in measured},
            )
    return WayResult(
        name=way.name,
        absent="",
        top1=_top1(values, labels, scores),
        agreement=agreement,
        cosine=cosine,
        largest_difference=largest,
        different_pictures=different,
        worst=worst,
    )


def is_classifier(graph: IntegerGraph) -> bool:
    """One output that is a vector of at least two scores."""
    output = graph.activations[graph.outputs[0]]
    return len(graph.outputs) == 1 and output.height * output.width == 1 and output.channels > 1


def top1(outputs: Sequence[npt.NDArray[Any]], labels: Sequence[int]) -> float:
    """Share of outputs whose largest value (the first of equals) is at the label's index."""
    if len(outputs) != len(labels) or not len(labels):
        raise ValueError(f"{len(outputs)} outputs for {len(labels)} labels")
    hits = [int(np.argmax(output)) == label for output, label in zip(outputs, labels, strict=True)]
    return sum(hits) / len(hits)


def _top1(values: Values, labels: Sequence[int | None], scores: Sequence[str]) -> float | None:
    rated = [(i, label) for i, label in enumerate(labels) if label is not None]
    name = next((name for name in scores if name in values), None)
    if not rated or name is None:
        return None
    found = values[name]
    return top1([found[i] for i, _ in rated], [label for _, label in rated])


def _agreement(
    graph: IntegerGraph,
    floats: Values,
    way: Way,
    values: Values,
    chosen: Collection[str],
    scores: Sequence[str],
) -> float | None:
    """Of indices, the `chosen` outputs, or else of a classifier's top class."""
    if chosen:
        found = {
            n: graph.activations[n].real(values[n]) if way.integer else values[n] for n in chosen
        }
        return float(np.mean([np.mean(found[name] == floats[name]) for name in chosen]))
    name = next((name for name in scores if name in floats), None)
    if name is None:
        return None
    same = _rows(values[name]).argmax(axis=1) == _rows(floats[name]).argmax(axis=1)
    return float(same.mean())


def _cosine(graph: IntegerGraph, floats: Values, way: Way, name: str) -> float:
    assert way.values is not None
    values = _rows(way.values[name])
    real = graph.activations[name].real
    x = real(values) if way.integer else values.astype(np.float64)
    y = _rows(floats[name]).astype(np.float64)
    norm = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    return float(((x * y).sum(axis=1) / np.maximum(norm, 1e-30)).mean())


def _rows(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values.reshape(values.shape[0], -1)
