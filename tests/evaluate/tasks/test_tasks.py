"""Masks, classes, keypoints and embeddings: each on a case that is counted by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mcucc.answers.answer import (
    BoxesAnswer,
    ClassesAnswer,
    EmbeddingAnswer,
    KeypointsAnswer,
    MaskAnswer,
)
from mcucc.errors import DataError
from mcucc.evaluate.tasks.choose import task_of
from mcucc.evaluate.tasks.classes import ClassesTask
from mcucc.evaluate.tasks.embedding import EmbeddingTask
from mcucc.evaluate.tasks.keypoints import KeypointsTask
from mcucc.evaluate.tasks.mask import MaskTask
from mcucc.evaluate.tasks.task import Case, Score
from mcucc.images.labels import TrueBox, TruePoint, Truth
from mcucc.images.placement import Placement

SAME = Placement.same((2, 3))


def value(score: Score, key: str) -> float | None:
    (found,) = (m for m in score.measures if m.key == key)
    return found.value


def saved(folder: Path, rows: list[list[int]]) -> Truth:
    path = folder / "mask.png"
    Image.fromarray(np.array(rows, np.uint8)).save(path)
    return Truth(mask=path)


def seen(rows: list[list[int]]) -> np.ndarray:
    return np.array(rows, np.float64)[..., None]


def test_masks_by_hand(tmp_path: Path) -> None:
    task = MaskTask(MaskAnswer("m", (), ("road", "car", "tree")))
    truth = saved(tmp_path, [[0, 0, 1], [1, 255, 1]])
    part = task.part(seen([[0, 1, 1], [1, 1, 0]]), Case("a", SAME, truth))
    score = task.score([part])
    assert value(score, "miou") == pytest.approx((1 / 3 + 2 / 4) / 2)  # no tree anywhere
    assert value(score, "pixel_accuracy") == 3 / 5
    assert score.confusion is not None
    assert score.confusion.counts == ((1, 1, 0), (1, 2, 0), (0, 0, 0))
    assert [row.measures[0].value for row in score.classes] == [1 / 3, 1 / 2, None]
    wrong = task.wrong(part)
    assert wrong is not None and wrong.words == "40.0 % of its pixels wrong"


def test_a_map_is_compared_at_the_pictures_size_and_where_it_was_seen(tmp_path: Path) -> None:
    """A picture of 4x4, halved, whose left half the network does not see."""
    task = MaskTask(MaskAnswer("m", (), ("road", "car")))
    place = Placement((4, 4), (2, 1), (0.5, 0.5), (0.0, -1.0))
    truth = saved(tmp_path, [[0, 0, 1, 1]] * 2 + [[0, 0, 0, 1]] * 2)
    score = task.score([task.part(seen([[1], [0]]), Case("a", place, truth))])
    assert score.confusion is not None and score.confusion.counts == ((2, 0), (2, 4))


def test_white_in_masks_of_two_values_is_a_class(tmp_path: Path) -> None:
    truth = saved(tmp_path, [[0, 255, 255], [0, 0, 0]])
    task = task_of(MaskAnswer("m", (), ("person",)), [truth])
    assert isinstance(task, MaskTask) and task.white and task.names == ("background", "person")
    part = task.part(seen([[0, 1, 0], [0, 0, 0]]), Case("a", SAME, truth))
    assert value(task.score([part]), "miou") == pytest.approx((4 / 5 + 1 / 2) / 2)
    mixed = saved(tmp_path, [[0, 1, 255], [0, 0, 0]])
    other = task_of(MaskAnswer("m", (), ("person",)), [mixed])
    assert isinstance(other, MaskTask) and not other.white


def test_masks_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    task = MaskTask(MaskAnswer("m", (), ("road", "car")))
    truth = saved(tmp_path, [[0, 0, 2], [0, 0, 0]])
    with pytest.raises(DataError, match="there is a class 2, the network has 2: road, car"):
        task.part(seen([[0] * 3] * 2), Case("a", SAME, truth))
    with pytest.raises(DataError, match="the mask has 3x2 pixels, a has 5x4"):
        task.part(seen([[0] * 3] * 2), Case("a", Placement.same((4, 5)), truth))


def test_classes_by_hand() -> None:
    task = ClassesTask(ClassesAnswer("y", (), ("cat", "dog"), 0.6))
    told = [(0, [0.9, 0.1]), (0, [0.2, 0.8]), (1, [0.45, 0.55]), (1, [0.3, 0.7]), (None, [0, 1])]
    parts = [task.part(np.array(row), Case("a", SAME, label=label)) for label, row in told]
    score = task.score(parts)
    assert score.pictures == 4 and value(score, "top1") == 3 / 4
    assert score.confusion is not None and score.confusion.columns == ("cat", "dog", "none")
    assert score.confusion.counts == ((1, 1, 0), (0, 1, 1))
    assert value(score, "balanced") == 1 / 2
    assert [part and part.words for part in map(task.wrong, parts)] == [
        "cat, 0.90",
        "cat taken for dog, 0.80",
        "dog taken for none",
        "dog, 0.70",
        None,
    ]
    assert task.difference(parts, [parts[1], *parts[1:]]).figures["pictures_differ"] == 1


def test_top_5_is_told_where_there_are_more_classes() -> None:
    task = ClassesTask(ClassesAnswer("y", (), (), 0.0))
    row = np.array([0.3, 0.2, 0.15, 0.12, 0.11, 0.12])
    parts = [task.part(row, Case("a", SAME, label=label)) for label in (0, 4, 5)]
    score = task.score(parts)
    assert value(score, "top1") == 1 / 3 and value(score, "top5") == 2 / 3


def test_keypoints_by_hand() -> None:
    """Box of 100 pixels: within 10, within 20, further, below the threshold, unknown."""
    task = KeypointsTask(KeypointsAnswer("k", (), tuple("abcde"), 0.2))
    xs = [(10.0, True), (20.0, True), (30.0, True), (40.0, True), (50.0, False)]
    box = TrueBox(0, 0, 100, 50, 0, points=tuple(TruePoint(x, 0, known) for x, known in xs))
    small = TrueBox(0, 0, 10, 5, 0, points=box.points)
    found = np.zeros((5, 6), np.float32)
    found[:, 0] = [15, 35, 60, 40, 50]
    found[:, 2] = [0.9, 0.9, 0.9, 0.1, 0.9]
    place = Placement.same((50, 100))
    part = task.part(found.reshape(1, 1, -1), Case("a", place, Truth((small, box))))
    assert part.truth is box
    score = task.score([part])
    assert value(score, "pck20") == 2 / 4 and value(score, "pck10") == 1 / 4
    assert value(score, "distance") == pytest.approx((5 + 15 + 30) / 3)
    assert [row.measures[0].value for row in score.classes] == [1, 1, 0, 0, None]
    wrong = task.wrong(part)
    assert wrong is not None and wrong.words == "2 of 4 points wrong"


def test_points_in_their_places_have_an_oks_of_1() -> None:
    task = KeypointsTask(KeypointsAnswer("k", (), ("a", "b"), 0.0))
    box = TrueBox(0, 0, 60, 60, 3, points=(TruePoint(5, 6), TruePoint(50, 40)))
    found = np.array([[5, 6, 1, 0, 0, 0], [50, 40, 1, 0, 0, 0]], np.float32)
    part = task.part(found, Case("a", Placement.same((60, 60)), Truth((box,))))
    assert value(task.score([part]), "oks_ap") == pytest.approx(1)
    assert task.score([task.part(found, Case("a", SAME))]).pictures == 0


def test_embeddings_by_hand() -> None:
    task = EmbeddingTask(EmbeddingAnswer("e", ()))
    told = [(0, [1, 0.1]), (0, [1, 0.0]), (1, [0, 1]), (1, [1, -0.02]), (2, [-1, 0])]
    parts = [task.part(np.array(row), Case("a", SAME, label=label)) for label, row in told]
    score = task.score(parts)
    assert score.pictures == 4  # class 2 has one picture
    assert value(score, "nearest_top1") == 1 / 4  # both zeros, but one's nearest is a 1
    assert task.difference(parts, parts).figures["nearest_differ"] == 0


def test_every_answer_has_a_judge() -> None:
    boxes = BoxesAnswer("b", (), ("x",), 0.3, 0.5, 5)
    for answer in (
        boxes,
        MaskAnswer("m", (), ()),
        ClassesAnswer("c", (), (), 0),
        KeypointsAnswer("k", (), ("a",), 0.1),
        EmbeddingAnswer("e", ()),
    ):
        assert task_of(answer).answer is answer and task_of(answer).title
