"""Keypoints of the one thing on a picture: PCK, and OKS as pycocotools counts it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcucc.answers.answer import KeypointsAnswer
from mcucc.answers.records import Box, Point
from mcucc.evaluate.tasks import coco
from mcucc.evaluate.tasks.points import NEAR, NEARER, PointHits, near, to_picture
from mcucc.evaluate.tasks.task import Array, Case, ClassRow, Difference, Measure, Score, Wrong
from mcucc.images.labels import TrueBox

TITLES = {"oks_ap": "AP of OKS", "oks_ap50": "AP50 of OKS", "oks_ap75": "AP75 of OKS"}


@dataclass(frozen=True)
class KeypointsPart:
    """Of a picture, in its own pixels: the largest thing with points, and the points found."""

    truth: TrueBox | None
    found: tuple[Point, ...]


@dataclass(frozen=True)
class KeypointsTask:
    """Judges one point of each name a picture."""

    answer: KeypointsAnswer

    @property
    def title(self) -> str:
        """What PCK is of."""
        return (
            f"points of the largest thing with points on each picture; PCK: within {NEARER:g} and "
            f"{NEAR:g} of the longer side of its box, points below {self.answer.threshold:g} "
            "count as not found"
        )

    def part(self, values: Array, case: Case) -> KeypointsPart:
        """The points moved to the picture."""
        found = to_picture(self.answer.read(values), case.placement)
        boxes = () if case.truth is None else case.truth.boxes
        told = [box for box in boxes if not box.crowd and any(p.known for p in box.points)]
        return KeypointsPart(max(told, key=lambda box: box.surface, default=None), found)

    def score(self, parts: Sequence[KeypointsPart]) -> Score:
        """PCK over all known points, and by point."""
        told = [(part.truth, part.found) for part in parts if part.truth is not None]
        total = PointHits()
        for truth, found in told:
            total += self._near(truth, found)
        measures = total.measures
        if coco.available() and told:
            made = coco.points_ap(
                [[_of_class_0(truth)] for truth, _ in told],
                [[_around(found)] for _, found in told],
                1,
                len(self.answer.names),
            )
            measures += tuple(Measure(key, t, made.all[key]) for key, t in TITLES.items())
        rows = tuple(self._row(i, name, told) for i, name in enumerate(self.answer.names))
        return Score(len(told), measures, rows)

    def wrong(self, part: KeypointsPart) -> Wrong | None:
        """The share of its points that are not near."""
        if part.truth is None:
            return None
        made = self._near(part.truth, part.found)
        off = made.count - made.near
        return Wrong(off / max(made.count, 1), f"{off} of {made.count} points wrong")

    def difference(
        self, one: Sequence[KeypointsPart], other: Sequence[KeypointsPart]
    ) -> Difference:
        """How far each point moves."""
        moved = [
            float(np.hypot(p.x - q.x, p.y - q.y))
            for a, b in zip(one, other, strict=True)
            for p, q in zip(a.found, b.found, strict=True)
            if max(p.score, q.score) >= self.answer.threshold
        ]
        middle, most = (float(np.median(moved)), max(moved)) if moved else (0.0, 0.0)
        words = f"points move by {middle:.2f} pixels (median; at most {most:.1f})"
        return Difference(words, {"moved_median_pixels": middle, "moved_most_pixels": most})

    def hits_of(self, part: KeypointsPart) -> PointHits:
        """Of one picture with labels."""
        return PointHits() if part.truth is None else self._near(part.truth, part.found)

    def _near(self, truth: TrueBox, found: Sequence[Point]) -> PointHits:
        size = max(truth.right - truth.left, truth.bottom - truth.top)
        return near(truth.points, found, size, self.answer.threshold)

    def _row(
        self, index: int, name: str, told: Sequence[tuple[TrueBox, Sequence[Point]]]
    ) -> ClassRow:
        total = PointHits()
        for truth, found in told:
            size = max(truth.right - truth.left, truth.bottom - truth.top)
            own = slice(index, index + 1)
            total += near(truth.points[own], found[own], size, self.answer.threshold)
        return ClassRow(name, total.count, total.measures)


def _of_class_0(box: TrueBox) -> TrueBox:
    return TrueBox(box.left, box.top, box.right, box.bottom, 0, area=box.area, points=box.points)


def _around(points: Sequence[Point]) -> Box:
    xs, ys = [p.x for p in points], [p.y for p in points]
    score = float(np.mean([p.score for p in points]))
    return Box(min(xs), min(ys), max(xs), max(ys), score, 0, tuple(points))
