"""AP: pycocotools is the judge of ours; small cases are counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.answers.answer import BoxesAnswer
from mcucc.answers.records import Box, Point
from mcucc.evaluate.tasks import coco
from mcucc.evaluate.tasks.boxes import BoxesPart, BoxesTask
from mcucc.evaluate.tasks.task import Case, Measure
from mcucc.evaluate.tasks.voc import COCO_POINTS, curve
from mcucc.images.labels import TrueBox, TruePoint, Truth
from mcucc.images.placement import Placement

ANSWER = BoxesAnswer("boxes", (), ("cat", "dog"), 0.1, 0.45, 20)
SCENE = 1000


def task(points: int = 0) -> BoxesTask:
    return BoxesTask(BoxesAnswer("boxes", (), ("cat", "dog"), 0.1, 0.45, 20, points))


def measure(measures: tuple[Measure, ...], key: str) -> float | None:
    (found,) = (m for m in measures if m.key == key)
    return found.value


@st.composite
def scenes(draw: st.DrawFn) -> tuple[list[list[TrueBox]], list[list[Box]]]:
    """Things in cells of a grid, apart from each other; boxes moved from them, and others."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    truth, found = [], []
    for _ in range(draw(st.integers(1, 4))):
        there, told = [], []
        for cell in range(draw(st.integers(0, 6))):
            left, top = 200.0 * cell, 50.0
            side = float(rng.integers(10, 150))
            kind = int(rng.integers(2))
            if rng.random() < 0.8:
                crowd = bool(rng.random() < 0.15)
                there.append(TrueBox(left, top, left + side, top + side, kind, crowd=crowd))
            for _ in range(int(rng.integers(3))):
                x, y = (rng.normal(0, side / 4, 2)).tolist()
                score = float(rng.random())
                wide = side * float(rng.uniform(0.7, 1.4))
                told.append(Box(left + x, top + y, left + x + wide, top + y + side, score, kind))
        truth.append(there)
        found.append(told)
    return truth, found


@given(scenes())
@settings(max_examples=60, deadline=None)
def test_our_matches_are_those_of_pycocotools(
    scene: tuple[list[list[TrueBox]], list[list[Box]]],
) -> None:
    """Read at COCO's 101 recalls our curve is pycocotools' AP50, where things stand apart."""
    truth, found = scene
    theirs = coco.boxes_ap(truth, found, 2)
    for kind in range(2):
        ours = curve(truth, found, kind).at_points(COCO_POINTS)
        assert (ours is None) == (theirs.classes[kind][1] is None)
        if ours is not None:
            assert ours == pytest.approx(theirs.classes[kind][1], abs=1e-9)


def one(score: float, left: float = 0.0, kind: int = 0) -> Box:
    return Box(left, 0.0, left + 10.0, 10.0, score, kind)


def true(left: float, kind: int = 0, **more: bool) -> TrueBox:
    return TrueBox(left, 0.0, left + 10.0, 10.0, kind, **more)


def test_voc_by_hand() -> None:
    """Right, wrong, right of three: precision 1, 1/2, 2/3 at recalls 1/3, 1/3, 2/3."""
    truth = [[true(0), true(100), true(200)]]
    made = curve(truth, [[one(0.9), one(0.8, 50), one(0.7, 100)]], 0)
    assert made.all_points == pytest.approx(1 / 3 + 1 / 3 * 2 / 3)
    # Recalls 0, 0.1, 0.2, 0.3 have 1, then 0.4, 0.5, 0.6 have 2/3, the others nothing.
    assert made.at_points(11) == pytest.approx((4 + 3 * 2 / 3) / 11)


def test_a_thing_is_found_once_and_difficult_ones_do_not_count() -> None:
    twice = curve([[true(0)]], [[one(0.9), one(0.8)]], 0)
    assert twice.precision.tolist() == [1, 0.5]
    hard = [[true(0), true(50, difficult=True)]]
    assert curve(hard, [[one(0.9, 50), one(0.8)]], 0).all_points == 1
    assert curve(hard, [[]], 0).truths == 1
    assert curve([[]], [[one(0.5)]], 0).all_points is None


def test_nothing_found_and_nothing_there() -> None:
    nothing = task().score([BoxesPart((true(0),), ())])
    assert measure(nothing.measures, "ap") == 0 and measure(nothing.measures, "voc_ap50") == 0
    assert measure(nothing.measures, "recall") == 0
    assert measure(nothing.measures, "precision") is None
    empty = task().score([BoxesPart((), ())])
    assert measure(empty.measures, "ap") is None and empty.pictures == 1


def test_pictures_without_labels_do_not_count() -> None:
    parts = [BoxesPart((true(0),), (one(0.9),)), BoxesPart(None, (one(0.9),))]
    score = task().score(parts)
    assert score.pictures == 1 and measure(score.measures, "ap50") == pytest.approx(1)
    assert task().wrong(parts[1]) is None


def test_boxes_of_the_input_are_compared_in_pixels_of_the_picture() -> None:
    """A picture of 200x100 in an input of 50x50, from records as the C writes them."""
    place = Placement((100, 200), (50, 50), (0.5, 0.25), (0.0, 0.0))
    record = np.zeros(24, np.uint8)
    record[:8] = np.array([10 * 16, 5 * 16, 20 * 16, 60 * 16], "<i2").view(np.uint8)
    record[8:12] = [255, 255, 1, 0]
    case = Case("a.png", place, Truth((true(0),)))
    part = task().part(record.view(np.int8).reshape(1, 1, -1), case)
    assert part.found == (Box(40.0, 10.0, 80.0, 100.0, 1.0, 1),)  # cut at the picture's edge
    assert part.truth == (true(0),)


def test_what_is_taken_for_what() -> None:
    parts = [
        BoxesPart(
            (true(0, 0), true(100, 1), true(300, crowd=True)),
            (one(0.9, 0, 1), one(0.8, 200), one(0.7, 300)),
        )
    ]
    made = task().score(parts).confusion
    assert made is not None and made.columns == ("cat", "dog", "nothing")
    assert made.counts == ((0, 1, 0), (0, 0, 1), (1, 0, 0))


def test_the_wrong_of_a_picture_is_in_words() -> None:
    wrong = task().wrong(BoxesPart((true(0), true(100)), (one(0.9), one(0.5, 300))))
    assert wrong is not None
    assert (wrong.loss, wrong.words) == (1.5, "1 of 2 missed, 1 false")


def test_recall_has_an_interval() -> None:
    score = task().score([BoxesPart((true(0), true(100)), (one(0.9),))])
    (recall,) = (m for m in score.measures if m.key == "recall")
    assert recall.interval == pytest.approx((0.0945, 0.9055), abs=1e-4)  # Wilson, 1 of 2


def test_cells_of_a_grid_are_rated_by_their_middles() -> None:
    """A cell of 4 pixels in a thing of 10: it overlaps by 0.16, and its middle is inside."""
    cell = Box(2.0, 2.0, 6.0, 6.0, 0.9, 0)
    score = task().score([BoxesPart((true(0), true(100)), (cell, one(0.8, 200)))])
    assert measure(score.measures, "recall") == 0
    assert measure(score.measures, "centre_recall") == 1 / 2
    assert measure(score.measures, "centre_precision") == 1 / 2


def test_float_and_int8_boxes_are_matched() -> None:
    floats = [BoxesPart(None, (one(0.9), one(0.8, 100)))]
    ints = [BoxesPart(None, (one(0.88, 0.5), one(0.3, 200)))]
    made = task().difference(floats, ints)
    assert made.figures == {
        "same": 1,
        "only_float": 1,
        "only_int8": 1,
        "moved_median_pixels": 0.5,
        "moved_most_pixels": 0.5,
    }
    other = [BoxesPart(None, (one(0.9, 0, 1),))]
    assert task().difference(floats, other).figures["same"] == 0  # of another class


def test_sizes_and_classes_of_coco() -> None:
    big = TrueBox(0, 0, 200, 200, 1)
    score = task().score([BoxesPart((true(0), big), (one(0.9), Box(0, 0, 200, 200, 0.8, 1)))])
    assert measure(score.measures, "ap_small") == pytest.approx(1)
    assert measure(score.measures, "ap_medium") is None
    assert measure(score.measures, "ap_large") == pytest.approx(1)
    assert [row.count for row in score.classes] == [1, 1]
    assert measure(score.classes[1].measures, "ap") == pytest.approx(1)


def test_without_pycocotools_voc_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coco, "available", lambda: False)
    score = task().score([BoxesPart((true(0),), (one(0.9),))])
    assert score.measures[0].key == "voc_ap50" and score.measures[0].value == 1


def test_points_of_boxes() -> None:
    """Of two known points one is near; a thing that is not found has none."""
    points = (TruePoint(2, 2), TruePoint(8, 8), TruePoint(0, 0, known=False))
    truth = (TrueBox(0, 0, 10, 10, 0, points=points), TrueBox(50, 0, 60, 10, 0, points=points))
    told = (Point(2.5, 2, 0.9), Point(2, 2, 0.9), Point(5, 5, 0.9))
    found = (Box(0, 0, 10, 10, 0.9, 0, told),)
    score = task(points=3).score([BoxesPart(truth, found)])
    assert measure(score.measures, "pck10") == 1 / 4
    assert measure(score.measures, "distance") == pytest.approx((0.5 + 72**0.5) / 2)
    assert measure(score.measures, "oks_ap") is not None
