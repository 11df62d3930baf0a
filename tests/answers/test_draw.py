"""Drawings: what was said stands where it was found, in its colour, on any picture."""

from __future__ import annotations

from dataclasses import replace

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
from mcucc.answers.canvas import LIGHT, PANEL, colour_of, contrast, printable, zoom_of
from mcucc.answers.draw import Said, draw, in_picture, is_nothing, name_of
from mcucc.answers.records import Box, Point
from mcucc.images.placement import Fit, Placement
from mcucc.images.preprocess import Preprocess

BOXES = BoxesAnswer("found", ("head",), ("person", "dog"), 0.3, 0.45, 20)
MASK = MaskAnswer("mask", ("map",), ("background", "road"))
SAME = Placement.same((400, 640))


def grey(width=640, height=400, value=90):
    return Image.new("RGB", (width, height), (value,) * 3)


def test_a_box_is_outlined_in_its_class_colour_where_it_lies_in_the_picture():
    placement = Preprocess("rgb", (192, 192), fit=Fit.LETTERBOX).placement((400, 640))
    corners = placement.to_input([100, 120, 300, 320]).tolist()
    found = np.asarray(draw(grey(), placement, [Said(BOXES, (Box(*corners, 0.8, 1),))]))
    assert found.shape == (400, 640, 3)  # nothing to explain below it
    for y, x in ((200, 100), (319, 250), (200, 299)):
        assert tuple(found[y, x]) == colour_of(1)
    assert (found[200:300, 110:290] == 90).all() and (found[330:] == 90).all()
    assert (found[95:119, 100:200] == colour_of(1)).all(axis=-1).any()  # its label, above


def test_boxes_that_leave_the_picture_are_cut_at_its_edge():
    whole = Box(-50, -20, 900, 700, 0.9, 0, (Point(-5, 10, 1.0),))
    assert in_picture(SAME, whole) == Box(0, 0, 640, 400, 0.9, 0, (Point(0, 10, 1.0),))
    found = np.asarray(draw(grey(), SAME, [Said(BOXES, (whole,))]))
    assert tuple(found[200, 0]) == tuple(found[200, 639]) == colour_of(0)


def test_labels_of_boxes_do_not_cover_each_other():
    same = tuple(Box(300, 200, 340, 230, 0.9 - 0.1 * i, i % 2) for i in range(4))
    one = np.asarray(draw(grey(), SAME, [Said(BOXES, same[:1])]))
    all_ = np.asarray(draw(grey(), SAME, [Said(BOXES, same)]))
    area = [(picture != 90).any(axis=-1).sum() for picture in (one, all_)]
    assert area[1] > 2.5 * area[0] - 4 * 70  # four labels where one was; outlines are the same


@pytest.mark.parametrize("value", [0, 255])
def test_outlines_are_seen_on_black_and_on_white(value):
    found = np.asarray(
        draw(grey(value=value), SAME, [Said(BOXES, (Box(100, 100, 300, 300, 1, 0),))]), int
    )
    assert np.abs(found[200, 95:105] - value).sum(axis=-1).max() > 200


def test_a_mask_tints_its_classes_and_says_their_shares():
    mask = np.zeros((10, 10), np.int64)
    mask[:, 5:] = 1
    found = np.asarray(draw(grey(), SAME, [Said(MASK, mask)]), int)
    assert (found[200, 100] == 90).all()  # the background has no colour
    middle = (np.array(colour_of(1)) + 90) / 2
    assert np.abs(found[200, 500] - middle).max() <= 2
    assert tuple(found[200, 320]) == colour_of(1)  # its edge
    assert found.shape[0] > 400 and tuple(found[-1, 0]) == PANEL
    assert (found[400:] == colour_of(1)).all(axis=-1).any()  # the legend


def test_what_a_crop_hides_is_dark_and_has_no_class():
    placement = Preprocess("rgb", (40, 64), center_crop=(40, 40)).placement((400, 640))
    found = np.asarray(draw(grey(), placement, [Said(MASK, np.ones((4, 4), np.int64))]))
    assert tuple(found[200, 60]) == (36, 36, 36) and tuple(found[200, 320]) != (90, 90, 90)


def test_points_have_dots_in_their_own_colours_and_names():
    answer = KeypointsAnswer("points", ("heat",), ("nose", "chin"), 0.3)
    points = (Point(100, 100, 0.9), Point(300, 200, 0.1))
    found = np.asarray(draw(grey(), SAME, [Said(answer, points)]))
    assert tuple(found[100, 100]) == colour_of(0)
    assert tuple(found[200, 300]) == (90, 90, 90)  # not sure: a ring
    ring = found[190:211, 290:311]
    assert (ring == colour_of(1)).all(axis=-1).any()
    assert (found[60:140, 60:240] == colour_of(0)).all(axis=-1).sum() > 400  # with its label


def test_boxes_with_points_name_them_below():
    answer = replace(BOXES, points=2, point_names=("left eye", "right eye"))
    box = Box(100, 100, 200, 200, 0.9, 0, (Point(130, 130, 1), Point(170, 130, 1)))
    found = np.asarray(draw(grey(), SAME, [Said(answer, (box,))]))
    assert tuple(found[130, 170]) == colour_of(1) and len(found) > 400


def test_classes_are_bars_of_their_scores():
    answer = ClassesAnswer("scores", ("scores",), ("cat", "dog", "eel"), 0.5)
    sure, unsure = (answer.read(np.array(s)) for s in ([0.1, 0.8, 0.1], [0.4, 0.3, 0.3]))
    found = np.asarray(draw(grey(), SAME, [Said(answer, sure)]))
    ends = [(found[400:] == colour_of(kind)).all(axis=-1).any(axis=0) for kind in (1, 0)]
    assert 6 < ends[0].sum() / ends[1].sum() < 10
    assert len(draw(grey(), SAME, [Said(answer, unsure)]).tobytes()) > found.size  # says "none"


def test_small_pictures_are_enlarged_and_large_ones_are_not():
    assert [zoom_of(size) for size in ((32, 32), (96, 80), (640, 480), (4000, 3000))] == [
        16,  # at most
        7,
        1,
        1,
    ]
    found = draw(grey(32, 20), Placement.same((20, 32)), [Said(BOXES, (Box(4, 5, 12, 15, 1, 0),))])
    assert found.size == (512, 320)
    assert np.asarray(found)[160, 64].tolist() == list(colour_of(0))


def test_very_large_pictures_are_drawn_smaller():
    placement = Placement.same((1000, 4096))
    said = [Said(BOXES, (Box(1000, 200, 3000, 800, 1, 0),)), Said(MASK, np.ones((2, 2), np.int64))]
    found = draw(grey(4096, 1000), placement, said, [(10, 100, 90, 900)])
    assert found.width == 2048
    assert np.asarray(found)[250, 500].tolist() == list(colour_of(0))
    assert (np.asarray(found)[60:440, 5] == LIGHT).all(axis=-1).any()


def test_boxes_that_a_person_drew_are_white():
    found = np.asarray(draw(grey(), SAME, [], [(100, 100, 300, 300)]))
    assert (found[120:280, 100] == LIGHT).all(axis=-1).any()


def test_the_same_answers_are_the_same_bytes_and_the_picture_stays():
    picture, said = grey(), [Said(BOXES, (Box(10, 10, 50, 60, 0.5, 0),))]
    assert draw(picture, SAME, said).tobytes() == draw(picture, SAME, said).tobytes()
    assert (np.asarray(picture) == 90).all()


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (700, 3)])
@pytest.mark.parametrize("name", ["", "a\nb\x1b[31m" * 9, "人" * 300])
def test_pictures_and_names_of_any_kind_are_drawn(size, name):
    placement = Preprocess("rgb", (8, 8)).placement((size[1], size[0]))
    answers = (replace(BOXES, classes=(name,)), replace(MASK, classes=("background", name)))
    boxes = (Box(8, 8, 8, 8, 0.5, 0), Box(-4, 2, 3, 1, 0.5, 255))
    said = [Said(answers[0], boxes), Said(answers[1], np.ones((2, 2), np.int64))]
    said += [Said(EmbeddingAnswer("v", ("v",)), np.ones(3))]
    assert draw(grey(*size), placement, said).height > size[1]


def test_colours_of_near_classes_differ_and_text_on_them_can_be_read():
    colours = np.array([colour_of(kind) for kind in range(20)])
    apart = np.abs(colours[:, None] - colours[None]).sum(axis=-1) + 999 * np.eye(20)
    assert apart.min() >= 60
    assert contrast((250, 240, 90)) == (0, 0, 0) and contrast((10, 20, 120)) == LIGHT


def test_names_are_one_line_and_classes_without_one_have_their_number():
    assert printable("a\nb") == "a?b" and len(printable("x" * 99)) == 28
    assert name_of(("cat", ""), 0) == "cat" and name_of(("cat", ""), 1) == "class 1"
    assert [is_nothing(n, 0) for n in (("Background",), ("road", "sky"), (), ("x",))] == [
        True,
        False,
        True,
        False,
    ]
