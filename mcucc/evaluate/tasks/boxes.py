"""Boxes: average precision by COCO's and VOC's rules, what was missed and what is false."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcucc.answers.answer import BoxesAnswer
from mcucc.answers.draw import in_picture
from mcucc.answers.records import Box
from mcucc.evaluate.tasks import coco
from mcucc.evaluate.tasks.overlap import Alike, Hit, corners, hits, ignored, inside, overlaps, pairs
from mcucc.evaluate.tasks.points import PointHits, near
from mcucc.evaluate.tasks.task import (
    Array,
    Case,
    ClassRow,
    Confusion,
    Difference,
    Measure,
    Score,
    Wrong,
    share,
)
from mcucc.evaluate.tasks.voc import curve
from mcucc.images.labels import TrueBox

NOTHING = "nothing"
COCO_TITLES = {
    "ap": "AP",
    "ap50": "AP50",
    "ap75": "AP75",
    "ap_small": "AP small",
    "ap_medium": "AP medium",
    "ap_large": "AP large",
}
POINT_TITLES = {"oks_ap": "AP of points", "oks_ap50": "AP50 of points", "oks_ap75": ""}


@dataclass(frozen=True)
class BoxesPart:
    """Of a picture, in its own pixels; `truth` None where there are no labels."""

    truth: tuple[TrueBox, ...] | None
    found: tuple[Box, ...]


@dataclass(frozen=True)
class BoxesTask:
    """Judges a detector's boxes."""

    answer: BoxesAnswer

    @property
    def title(self) -> str:
        """What AP is of."""
        return (
            f"boxes from a score of {self.answer.threshold:g} on, {self.answer.most} at most, "
            "in pixels of the picture; a lower threshold gives a higher AP"
        )

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each class."""
        return self.answer.classes or ("object",)

    def part(self, values: Array, case: Case) -> BoxesPart:
        """The boxes moved to the picture and cut at its edges."""
        found = tuple(in_picture(case.placement, box) for box in self.answer.read(values))
        return BoxesPart(None if case.truth is None else case.truth.boxes, found)

    def score(self, parts: Sequence[BoxesPart]) -> Score:
        """AP over pictures with labels."""
        told = [part for part in parts if part.truth is not None]
        truth, found = [part.truth or () for part in told], [part.found for part in told]
        count = len(self.names)
        curves = [curve(truth, found, kind) for kind in range(count)]
        areas = [c.all_points for c in curves]
        eleven = [c.at_points(11) for c in curves]
        made = coco.boxes_ap(truth, found, count) if coco.available() and told else None
        ours = (
            Measure("voc_ap50", "VOC AP50", _mean(areas)),
            Measure("voc2007_ap50", "VOC 2007 AP50", _mean(eleven)),
        )
        theirs = (
            ()
            if made is None
            else tuple(Measure(key, title, made.all[key]) for key, title in COCO_TITLES.items())
        )
        own = [_Counts.of(part, range(count)) for part in told]
        centred = [_Counts.of(part, range(count), inside) for part in told]
        classes = tuple(
            self._class(kind, told, None if made is None else made.classes[kind], areas[kind])
            for kind in range(count)
        )
        return Score(
            len(told),
            (
                *(*theirs[:3], *ours[:1], *_counted(own), *theirs[3:], *ours[1:]),
                *(*_counted(centred, "centre_", ", by middles"), *self._points(told)),
            ),
            classes,
            self._confusion(told),
        )

    def wrong(self, part: BoxesPart) -> Wrong | None:
        """The missed boxes, and the false ones, each by its score: AP minds the sure ones."""
        if part.truth is None:
            return None
        counts = _Counts.of(part, range(len(self.names)))
        false, missed = counts.made - counts.right, counts.truths - counts.right
        words = f"{missed} of {counts.truths} missed, {false} false"
        return Wrong(missed + counts.false_scores, words)

    def difference(self, one: Sequence[BoxesPart], other: Sequence[BoxesPart]) -> Difference:
        """Boxes of the same class that overlap by a half are the same; the others differ."""
        same = only_one = only_other = 0
        moved: list[float] = []
        for a, b in zip(one, other, strict=True):
            alike = [
                (i, j) for i, j, _ in pairs(a.found, b.found) if a.found[i].kind == b.found[j].kind
            ]
            same += len(alike)
            only_one, only_other = (
                only_one + len(a.found) - len(alike),
                only_other + len(b.found) - len(alike),
            )
            shifts = corners([a.found[i] for i, _ in alike]) - corners(
                [b.found[j] for _, j in alike]
            )
            moved += np.abs(shifts).max(axis=1, initial=0).tolist()
        middle = float(np.median(moved)) if moved else 0.0
        largest = max(moved, default=0.0)
        words = (
            f"{same} boxes are the same, {only_one} only float has, {only_other} only integers; "
            f"corners move by {middle:.2f} pixels (median; at most {largest:.1f})"
        )
        return Difference(
            words,
            {
                "same": same,
                "only_float": only_one,
                "only_int8": only_other,
                "moved_median_pixels": middle,
                "moved_most_pixels": largest,
            },
        )

    def _class(
        self,
        kind: int,
        told: Sequence[BoxesPart],
        ap: tuple[float | None, float | None] | None,
        voc: float | None,
    ) -> ClassRow:
        counts = [_Counts.of(part, (kind,)) for part in told]
        own = () if ap is None else (Measure("ap", "AP", ap[0]), Measure("ap50", "AP50", ap[1]))
        measures = (*own, Measure("voc_ap50", "VOC AP50", voc), *_counted(counts))
        return ClassRow(self.names[kind], sum(count.truths for count in counts), measures)

    def _points(self, told: Sequence[BoxesPart]) -> tuple[Measure, ...]:
        if not self.answer.points or not any(b.points for part in told for b in part.truth or ()):
            return ()
        truth = [part.truth or () for part in told]
        found = [part.found for part in told]
        count = PointHits()
        for part in told:
            count += _near_points(part)
        measures = count.measures
        if coco.available():
            made = coco.points_ap(truth, found, len(self.names), self.answer.points)
            measures += tuple(
                Measure(key, title, made.all[key]) for key, title in POINT_TITLES.items() if title
            )
        return measures

    def _confusion(self, told: Sequence[BoxesPart]) -> Confusion:
        """Boxes that overlap by a half, whatever their class; what has no partner: nothing."""
        count = len(self.names)
        table = np.zeros((count + 1, count + 1), np.int64)
        for part in told:
            truth = part.truth or ()
            matched = pairs(part.found, [box for box in truth if not ignored(box)])
            there = [box for box in truth if not ignored(box)]
            for i, j, _ in matched:
                table[there[j].kind, part.found[i].kind] += 1
            for j in set(range(len(there))) - {j for _, j, _ in matched}:
                table[there[j].kind, count] += 1
            left = [part.found[i] for i in set(range(len(part.found))) - {i for i, *_ in matched}]
            beside = overlaps(left, [box for box in truth if ignored(box)]).max(axis=1, initial=0)
            for box, over in zip(left, beside, strict=True):
                table[count, box.kind] += over < 0.5
        names = (*self.names, NOTHING)
        return Confusion(names, names, tuple(map(tuple, table.tolist())), "boxes")


@dataclass(frozen=True)
class _Counts:
    """Boxes that are there, that were found, and those of them that are right.

    `false_scores` is the sum of the scores of the others.
    """

    truths: int
    made: int
    right: int
    false_scores: float

    @staticmethod
    def of(part: BoxesPart, kinds: Sequence[int], alike: Alike = overlaps) -> _Counts:
        truth = part.truth or ()
        found: list[Hit] = [hit for kind in kinds for hit in hits(part.found, truth, kind, alike)]
        told = [hit for hit in found if not hit.beside]
        truths = sum(box.kind in kinds and not ignored(box) for box in truth)
        false = sum(hit.score for hit in told if not hit.right)
        return _Counts(truths, len(told), sum(hit.right for hit in told), false)


def _counted(counts: Sequence[_Counts], key: str = "", words: str = "") -> tuple[Measure, ...]:
    right, made = sum(count.right for count in counts), sum(count.made for count in counts)
    return (
        share(f"{key}precision", f"right of found{words}", right, made),
        share(f"{key}recall", f"found of true{words}", right, sum(c.truths for c in counts)),
    )


def _near_points(part: BoxesPart) -> PointHits:
    """Points of true boxes: of one that was not found they all are wrong."""
    truth = [box for box in part.truth or () if box.points and not ignored(box)]
    partner = {j: i for i, j, _ in pairs(part.found, truth)}
    count = PointHits()
    for j, box in enumerate(truth):
        found = part.found[partner[j]].points if j in partner else ()
        count += near(box.points, found, max(box.right - box.left, box.bottom - box.top))
    return count


def _mean(values: Sequence[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return float(np.mean(told)) if told else None
