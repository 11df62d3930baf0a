"""Groups of pictures by what a task measures: of each way a figure of any pictures.

Every figure here is made of sums over pictures, so that one of thousands of resamples costs a
product of a matrix; `tests/evaluate/test_judged_groups.py` holds them to the tasks' own scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.evaluate.groups import GroupRow, Rated, f1_of, group_rows
from mcucc.evaluate.intervals import Measure, Places
from mcucc.evaluate.tasks.boxes import BoxesPart, BoxesTask
from mcucc.evaluate.tasks.classes import ClassesPart, ClassesTask
from mcucc.evaluate.tasks.keypoints import KeypointsPart, KeypointsTask
from mcucc.evaluate.tasks.mask import MaskPart, MaskTask
from mcucc.evaluate.tasks.overlap import hits, ignored
from mcucc.evaluate.tasks.task import Task

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GroupTable:
    """A measure of each group; the first row is all pictures."""

    key: str
    title: str
    rows: tuple[GroupRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "measure": self.key,
            "title": self.title,
            "rows": [row.to_dict() for row in self.rows],
        }


def group_tables(
    task: Task[Any],
    parts: Mapping[str, Sequence[Any]],
    ways: Sequence[str],
    columns: Mapping[str, Sequence[str]],
) -> tuple[GroupTable, ...]:
    """The measures of a task by group, of pictures with labels; () where there are none.

    `parts` are what the task made of each picture, by way; `ways` are float and int8, as far as
    they are there; `columns` the group of each picture.
    """
    known = [way for way in ways if way in parts]
    if not columns or not known:
        return ()
    told = [i for i, part in enumerate(parts[known[0]]) if _is_told(part)]
    if not told:
        return ()
    own = {way: [parts[way][i] for i in told] for way in known}
    values = {name: [texts[i] for i in told] for name, texts in columns.items()}
    measured = [(way, _rated(task, own[way])) for way in known]
    found = []
    for key, title in dict.fromkeys((key, title) for key, title, _ in measured[0][1]):
        rated = {way: next(r for k, _, r in rows if k == key) for way, rows in measured}
        found.append(GroupTable(key, title, group_rows(values, rated)))
    return tuple(found)


def _is_told(part: Any) -> bool:
    """Whether somebody said what is right."""
    if isinstance(part, ClassesPart):
        return part.label is not None
    if isinstance(part, MaskPart):
        return part.counts is not None
    return isinstance(part, BoxesPart | KeypointsPart) and part.truth is not None


def _rated(task: Task[Any], parts: Sequence[Any]) -> list[tuple[str, str, Rated]]:
    """Key, title and how the pictures did, a measure each."""
    if isinstance(task, ClassesTask):
        return _classes(task, parts)
    if isinstance(task, BoxesTask):
        return [("voc_ap50", "VOC AP50", Rated(measure=average_precision(task, parts)))]
    if isinstance(task, MaskTask):
        return [("miou", "mIoU", Rated(measure=mean_iou(parts)))]
    if isinstance(task, KeypointsTask):
        made = [task.hits_of(part) for part in parts]
        (first, *_) = made[0].measures
        near = np.array([(own.measures[0].hits or 0, own.count) for own in made], np.float64)
        return [(first.key, first.title, Rated(measure=_ratio(near)))]
    return []


def _classes(task: ClassesTask, parts: Sequence[ClassesPart]) -> list[tuple[str, str, Rated]]:
    labels = np.array([part.label for part in parts])
    first = np.array([part.first for part in parts])
    correct = labels == first
    found = [("top1", "top-1", Rated(correct))]
    if len(parts[0].found.scores) == 2:
        names = task.answer.classes
        positive = names[1] if len(names) == 2 else "class 1"
        found.append(("f1", f"F1 of {positive}", f1_of(labels == 1, first == 1)))
    return found


def average_precision(task: BoxesTask, parts: Sequence[BoxesPart]) -> Measure:
    """VOC AP50, area below the curve, mean of the classes that are there (tasks/voc.py).

    A picture drawn twice counts twice: its boxes weigh two.
    """
    kinds = [_Kind.of(parts, kind) for kind in range(len(task.names))]

    def measure(places: Places) -> float | None:
        weights = np.bincount(places, minlength=len(parts)).astype(np.float64)
        found = [area for area in (kind.area(weights) for kind in kinds) if area is not None]
        return float(np.mean(found)) if found else None

    return measure


@dataclass(frozen=True, eq=False)
class _Kind:
    """The boxes found of one class, the surest first: of which picture, right or not.

    `truths` has how many are to be found on each picture.
    """

    pictures: npt.NDArray[np.intp]
    right: Numbers
    truths: Numbers

    @staticmethod
    def of(parts: Sequence[BoxesPart], kind: int) -> _Kind:
        rows: list[tuple[float, int, bool]] = []
        truths = np.zeros(len(parts))
        for number, part in enumerate(parts):
            truth = part.truth or ()
            truths[number] = sum(box.kind == kind and not ignored(box) for box in truth)
            own = hits(part.found, truth, kind)
            rows += [(hit.score, number, hit.right) for hit in own if not hit.beside]
        rows.sort(key=lambda row: -row[0])
        return _Kind(
            np.array([number for _, number, _ in rows], np.intp),
            np.array([right for _, _, right in rows], np.float64),
            truths,
        )

    def area(self, weights: Numbers) -> float | None:
        """Below the curve of recall and falling precision; None without truths."""
        count = float(self.truths @ weights)
        if not count:
            return None
        own = weights[self.pictures]
        right, made = np.cumsum(own * self.right), np.cumsum(own)
        precision = right / np.maximum(made, 1.0)
        falling = np.maximum.accumulate(precision[::-1])[::-1]
        return float(falling @ (own * self.right)) / count


def mean_iou(parts: Sequence[MaskPart]) -> Measure:
    """Over the pixels of all pictures, mean of the classes that are true or found anywhere."""
    counts = [part.counts for part in parts if part.counts is not None]
    both = np.array([np.diag(each) for each in counts], np.float64)
    sides = np.array([each.sum(axis=0) + each.sum(axis=1) for each in counts], np.float64)

    def measure(places: Places) -> float | None:
        weights = np.bincount(places, minlength=len(counts)).astype(np.float64)
        shared, whole = weights @ both, weights @ (sides - both)
        known = whole > 0
        return float((shared[known] / whole[known]).mean()) if known.any() else None

    return measure


def _ratio(pairs: Numbers) -> Measure:
    """Sum of the first by sum of the second."""

    def measure(places: Places) -> float | None:
        above, below = pairs[places].sum(axis=0).tolist()
        return above / below if below else None

    return measure
