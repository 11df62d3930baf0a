"""Average precision by the rules of PASCAL VOC: at an overlap of one half, one curve a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcucc.answers.records import Box
from mcucc.evaluate.tasks.overlap import FloatArray, Hit, hits, ignored
from mcucc.images.labels import TrueBox

COCO_POINTS = 101  # recalls at which COCO reads the curve


@dataclass(frozen=True, eq=False)
class Curve:
    """Recall and precision after each box found, the surest first; `truths` are to be found."""

    recall: FloatArray
    precision: FloatArray
    truths: int

    @property
    def all_points(self) -> float | None:
        """The area below the curve, precision made falling (VOC 2010 on); None without truths."""
        if not self.truths:
            return None
        recall = np.concatenate(([0.0], self.recall, [1.0]))
        precision = np.concatenate(([0.0], self.precision, [0.0]))
        falling = np.maximum.accumulate(precision[::-1])[::-1]
        return float(((recall[1:] - recall[:-1]) * falling[1:]).sum())

    def at_points(self, count: int) -> float | None:
        """The mean of the best precision from each of `count` recalls on (VOC 2007: 11)."""
        if not self.truths:
            return None
        falling = np.maximum.accumulate(self.precision[::-1])[::-1]
        places = np.searchsorted(self.recall, np.linspace(0, 1, count), side="left")
        values = [falling[place] if place < falling.size else 0.0 for place in places]
        return float(np.mean(values))


def curve(truth: Sequence[Sequence[TrueBox]], found: Sequence[Sequence[Box]], kind: int) -> Curve:
    """Of a class over pictures. Equal scores: the first picture first."""
    every: list[Hit] = []
    count = 0
    for there, boxes in zip(truth, found, strict=True):
        every += hits(boxes, there, kind)
        count += sum(box.kind == kind and not ignored(box) for box in there)
    told = sorted((hit for hit in every if not hit.beside), key=lambda hit: -hit.score)
    right = np.cumsum([hit.right for hit in told], dtype=np.float64)
    made = np.arange(1, len(told) + 1)
    return Curve(right / max(count, 1), right / made, count)
