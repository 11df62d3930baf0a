"""Figures of groups: those of the tasks' own scores, also of pictures drawn twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mcucc.answers.answer import (
    BoxesAnswer,
    ClassesAnswer,
    EmbeddingAnswer,
    KeypointsAnswer,
    MaskAnswer,
    Scores,
)
from mcucc.answers.records import Box, Point
from mcucc.evaluate.groups import MCNEMAR
from mcucc.evaluate.judged_groups import average_precision, group_tables, mean_iou
from mcucc.evaluate.tasks.boxes import BoxesPart, BoxesTask
from mcucc.evaluate.tasks.classes import ClassesPart, ClassesTask
from mcucc.evaluate.tasks.embedding import EmbeddingPart, EmbeddingTask
from mcucc.evaluate.tasks.keypoints import KeypointsPart, KeypointsTask
from mcucc.evaluate.tasks.mask import MaskPart, MaskTask
from mcucc.evaluate.tasks.task import Score
from mcucc.evaluate.tasks.voc import curve
from mcucc.images.labels import TrueBox, TruePoint

BOXES = BoxesTask(BoxesAnswer("b", ("h",), ("person", "dog"), 0.1, 0.45, 20))
DRAWN = [np.arange(12), np.array([0, 0, 3]), np.random.default_rng(4).integers(0, 12, 40)]


def value(score: Score, key: str) -> float | None:
    (found,) = (m for m in score.measures if m.key == key)
    return found.value


def box_parts(seed: int) -> list[BoxesPart]:
    """Twelve pictures: true boxes, found ones near them, some wrong, some twice."""
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(12):
        corners = rng.uniform(0, 50, (rng.integers(0, 4), 2))
        truth = [
            TrueBox(x, y, x + 20, y + 20, int(rng.integers(2)), difficult=rng.random() < 0.1)
            for x, y in corners.tolist()
        ]
        moved = [(b, rng.normal(0, 4, 2).tolist(), rng.random()) for b in truth for _ in range(2)]
        found = [
            Box(b.left + x, b.top + y, b.right + x, b.bottom + y, score, b.kind)
            for b, (x, y), score in moved
        ]
        parts.append(BoxesPart(tuple(truth), tuple(found)))
    return parts


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("places", DRAWN)
def test_average_precision_is_vocs_also_of_pictures_drawn_twice(
    seed: int, places: np.ndarray
) -> None:
    parts = box_parts(seed)
    drawn = [parts[i] for i in places]
    truth, found = [part.truth or () for part in drawn], [part.found for part in drawn]
    areas = [curve(truth, found, kind).all_points for kind in range(2)]
    expected = np.mean([area for area in areas if area is not None])
    assert average_precision(BOXES, parts)(places) == pytest.approx(expected)
    whole = average_precision(BOXES, parts)(np.arange(12))
    assert whole == pytest.approx(value(BOXES.score(parts), "voc_ap50"))


def test_average_precision_of_pictures_without_boxes_is_none() -> None:
    measure = average_precision(BOXES, [BoxesPart((), ())])
    assert measure(np.array([0, 0])) is None


@pytest.mark.parametrize("places", DRAWN)
def test_mean_iou_is_that_of_all_pixels(places: np.ndarray) -> None:
    task = MaskTask(MaskAnswer("m", ("h",), ("a", "b", "c")))
    rng = np.random.default_rng(0)
    empty = np.zeros((2, 2), np.int64)
    parts = [MaskPart(rng.integers(0, 9, (3, 3)), empty) for _ in range(12)]
    drawn = [parts[i] for i in places]
    assert mean_iou(parts)(places) == pytest.approx(value(task.score(drawn), "miou"))


def tables(task: Any, one: list[Any], other: list[Any]) -> Any:
    columns = {"light": ["day", "night"] * (len(one) // 2)}
    return group_tables(task, {"float": one, "quantized": other}, ("float", "quantized"), columns)


def test_two_classes_have_accuracy_and_f1() -> None:
    task = ClassesTask(ClassesAnswer("s", ("s",), ("none", "person"), 0.0))
    right = [
        ClassesPart(i // 4 % 2, Scores((i // 4 % 2 == 0, i // 4 % 2 == 1), 0)) for i in range(64)
    ]
    lost = [
        ClassesPart(p.label, Scores((1.0, 0.0), 0)) if i % 2 else p for i, p in enumerate(right)
    ]
    top1, f1 = tables(task, right, lost)
    assert (top1.key, f1.key, f1.title) == ("top1", "f1", "F1 of person")
    day, night = top1.rows[1:]
    assert (day.value, day.lost, night.value, night.lost) == ("day", False, "night", True)
    assert night.changed == (16, 0) and night.test == MCNEMAR
    assert night.figures["quantized"].value == 0.5
    assert f1.rows[2].figures["quantized"].value == 0.0 and f1.rows[2].lost
    assert top1.to_dict()["rows"][2]["changed"] == (16, 0)


def test_pictures_without_labels_are_in_no_group() -> None:
    task = ClassesTask(ClassesAnswer("s", ("s",), (), 0.0))
    parts = [ClassesPart(None if i < 2 else 0, Scores((1.0, 0.0, 0.0), 0)) for i in range(6)]
    (table,) = tables(task, parts, parts)
    assert [row.count for row in table.rows] == [4, 2, 2]
    assert tables(task, parts[:2], parts[:2]) == ()


def test_boxes_that_int8_loses_in_one_group_are_marked() -> None:
    one = box_parts(7) * 2
    other = [BoxesPart(p.truth, () if i % 2 else p.found) for i, p in enumerate(one)]
    (table,) = tables(BOXES, one, other)
    assert table.key == "voc_ap50"
    assert [(row.value, row.lost) for row in table.rows] == [
        ("", True),
        ("day", False),
        ("night", True),
    ]


def test_points_are_counted_over_the_pictures_of_a_group() -> None:
    task = KeypointsTask(KeypointsAnswer("k", ("h",), ("nose", "chin"), 0.3))
    truth = TrueBox(0, 0, 10, 10, 0, points=(TruePoint(5, 5), TruePoint(1, 1)))
    part = KeypointsPart(truth, (Point(5, 5, 1.0), Point(9, 9, 1.0)))
    (table,) = tables(task, [part] * 4, [part] * 4)
    assert table.key == "pck20" and table.rows[1].figures["float"].value == 0.5
    assert value(task.score([part]), "pck20") == 0.5


def test_nearest_neighbours_are_not_grouped() -> None:
    """A picture drawn twice would be its own neighbour."""
    task = EmbeddingTask(EmbeddingAnswer("e", ("e",)))
    assert (
        tables(task, [EmbeddingPart(0, np.ones(2))] * 2, [EmbeddingPart(0, np.ones(2))] * 2) == ()
    )
