"""Whether what was compiled computes what the model file says, asked of another runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcucc.base.progress import Progress
from mcucc.evaluate.layers import WrongElement, first_other, first_wrong
from mcucc.evaluate.ways import Divergence, Values, differing_pictures
from mcucc.images.samples import Sample
from mcucc.ir.integer import IntegerGraph
from mcucc.oracles.oracle import Oracle
from mcucc.quantize.lower import lower

# Samples compared layer by layer: the one whose outputs are furthest off, and the first.
LAYER_SAMPLES = 2


@dataclass(frozen=True, eq=False)
class Agreement:
    """An oracle's outputs for every picture, and what no rounding explains."""

    outputs: Values
    equal: bool
    exact: bool
    divergences: tuple[Divergence, ...]


def agree(
    oracle: Oracle,
    compiled: IntegerGraph,
    samples: Sequence[Sample],
    reference: Values,
    progress: Progress,
) -> Agreement:
    """Outputs of all samples, layers of a few; `reference` are the outputs of `compiled`."""
    progress(oracle.TITLE, 0, 0)
    theirs = oracle.outputs(sample.int8 for sample in samples)
    found = None
    for index in _worst_and_first(reference, theirs):
        progress(f"{oracle.TITLE}, layer by layer", 0, 0)
        found = _differs(oracle, compiled, samples[index])
        other = None if found is None else oracle.second()
        if other is not None:
            found = _differs(other, compiled, samples[index])
        if found is not None:
            break
    return Agreement(
        outputs=theirs,
        equal=not differing_pictures(reference, theirs).any(),
        exact=oracle.exact,
        divergences=() if found is None else (found,),
    )


def _worst_and_first(reference: Values, theirs: Values) -> list[int]:
    count = len(next(iter(theirs.values())))
    off = np.zeros(count)
    for name, value in theirs.items():
        gap = np.abs(value - reference[name].astype(np.int64)).reshape(count, -1)
        off = np.maximum(off, gap.max(axis=1, initial=0))
    return list(dict.fromkeys((int(off.argmax()), *range(count))))[:LAYER_SAMPLES]


def _differs(oracle: Oracle, compiled: IntegerGraph, sample: Sample) -> Divergence | None:
    """The first of: the quantized input, a layer of the import, a layer of the folder's network."""
    q = sample.int8
    wrong = _wrong_input(oracle, sample)
    if wrong is None:
        wrong = first_wrong(oracle, compiled.rounding, oracle.tensors(oracle.fed(q)), q)
    if wrong is None:
        wrong = first_other(lower(oracle.imported.graph, compiled.rounding), compiled, q)
    if wrong is None:
        return None
    return Divergence(
        way=oracle.NAME,
        picture=sample.name,
        layer=wrong.layer,
        tensor=oracle.shown(wrong.tensor),
        index=oracle.flat_index(wrong.tensor, wrong.index),
        expected=wrong.expected,
        found=wrong.found,
    )


def _wrong_input(oracle: Oracle, sample: Sample) -> WrongElement | None:
    """Where the file quantizes its inputs itself: its integers of the sample's real values."""
    ends = oracle.imported.ports
    if not any(end.dtype == np.float32 for end in ends):
        return None
    own = oracle.fed(sample.int8)
    real = [
        values if end.dtype == np.float32 else integers
        for end, values, integers in zip(ends, sample.real, own, strict=True)
    ]
    all_theirs = oracle.tensors(real)
    for end, q in zip(ends, sample.int8, strict=True):
        theirs = all_theirs.get(end.tensor)
        if theirs is None or end.dtype != np.float32:
            continue
        ours = q.astype(np.int64)
        wrong = np.flatnonzero(np.abs(ours - theirs).reshape(-1) > 1)  # 1: ties
        if wrong.size:
            i = int(wrong[0])
            pair = int(theirs.reshape(-1)[i]), int(ours.reshape(-1)[i])
            return WrongElement("the input", end.tensor, i, *pair, 1)
    return None
