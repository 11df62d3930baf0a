"""Embeddings: whether the nearest other picture is of the same class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.answers.answer import EmbeddingAnswer
from mcucc.evaluate.tasks.task import Array, Case, Difference, Measure, Score, Wrong, share

MOST = 20_000  # pictures compared with each other


@dataclass(frozen=True, eq=False)
class EmbeddingPart:
    """Of a picture: its class, None without a label, and its vector of length 1."""

    label: int | None
    vector: npt.NDArray[np.float64]


@dataclass(frozen=True)
class EmbeddingTask:
    """Judges vectors by their neighbours."""

    answer: EmbeddingAnswer

    @property
    def title(self) -> str:
        """What counts as right."""
        return (
            "the nearest other picture by direction (cosine) is of the same class; classes with "
            "one picture are left out"
        )

    def part(self, values: Array, case: Case) -> EmbeddingPart:
        """The vector, and the label of the data."""
        return EmbeddingPart(case.label, self.answer.read(values))

    def score(self, parts: Sequence[EmbeddingPart]) -> Score:
        """Over pictures that have another one of their class."""
        told = [part for part in parts if part.label is not None][:MOST]
        labels = np.array([part.label for part in told], np.int64)
        kinds, counts = np.unique(labels, return_counts=True)
        if not (counts > 1).any():
            return Score(0, (Measure("nearest_top1", "nearest is right", None),))
        asked = np.flatnonzero(np.isin(labels, kinds[counts > 1]))
        near = _nearest(told)
        hits = int((labels[near[asked]] == labels[asked]).sum())
        return Score(asked.size, (share("nearest_top1", "nearest is right", hits, asked.size),))

    def wrong(self, part: EmbeddingPart) -> Wrong | None:
        """One picture alone says nothing."""
        del part
        return None

    def difference(
        self, one: Sequence[EmbeddingPart], other: Sequence[EmbeddingPart]
    ) -> Difference:
        """How far vectors turn, and whose nearest picture is another."""
        cosines = [float(a.vector @ b.vector) for a, b in zip(one, other, strict=True)]
        differ = 0
        if 1 < len(one) <= MOST:
            differ = int((_nearest(one) != _nearest(other)).sum())
        words = (
            f"cosine {np.mean(cosines):.4f} (least {min(cosines):.4f}); the nearest picture is "
            f"another for {differ} of {len(one)}"
        )
        figures = {"cosine": float(np.mean(cosines)), "least_cosine": min(cosines)}
        return Difference(words, {**figures, "nearest_differ": differ})


def _nearest(parts: Sequence[EmbeddingPart]) -> npt.NDArray[np.intp]:
    """The number of each one's nearest other, the first of equals."""
    vectors = np.stack([part.vector for part in parts])
    near = []
    for begin in range(0, len(parts), 256):
        alike = vectors[begin : begin + 256] @ vectors.T
        rows = np.arange(len(alike))
        alike[rows, begin + rows] = -np.inf
        near.append(alike.argmax(axis=1))
    return np.concatenate(near)
