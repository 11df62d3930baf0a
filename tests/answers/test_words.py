"""Answers in words, and as data in pixels of the picture and of the input."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest

from mcucc.answers.answer import (
    BoxesAnswer,
    ClassesAnswer,
    EmbeddingAnswer,
    KeypointsAnswer,
    MaskAnswer,
)
from mcucc.answers.draw import Said
from mcucc.answers.records import Box, Point
from mcucc.answers.words import brief, lines_of, said_of, task_of, to_dict
from mcucc.images.placement import Placement
from mcucc.ir.integer import Activation

TWICE = Placement((200, 100), (100, 50), (0.5, 0.5), (0.0, 0.0))  # the input is half the picture
BOXES = BoxesAnswer("found", ("head",), ("person",), 0.3, 0.45, 4, 1, ("nose",))
BOX = Box(1, 2, 20, 60, 0.75, 0, (Point(3, 4.25, 1.0),))
CLASSES = ClassesAnswer("scores", ("logits",), ("cat", "dog", "eel"), 0.5)
MASK = MaskAnswer("mask", ("map",), ("background", "road"))
POINTS = KeypointsAnswer("points", ("heat",), ("nose",), 0.3)


def test_boxes_are_told_and_listed_in_pixels_of_the_picture():
    said = Said(BOXES, (BOX, replace(BOX, kind=7, right=90, points=())))
    assert lines_of(said, TWICE, 5) == [
        "person 0.75 (2.0, 4.0, 40.0, 120.0)",
        "  nose (6.0, 8.5)",
        "class 7 0.75 (2.0, 4.0, 100.0, 120.0)",  # cut at the picture's edge
    ]
    assert brief(said, TWICE) == (
        "person 0.75 (2.0, 4.0, 40.0, 120.0), class 7 0.75 (2.0, 4.0, 100.0, 120.0)"
    )
    first, second = to_dict(said, TWICE)["boxes"]
    assert first["picture"] == [2, 4, 40, 120] and first["input"] == [1, 2, 20, 60]
    assert (first["class"], first["name"], first["score"]) == (0, "person", 0.75)
    assert first["points"] == [
        {"name": "nose", "score": 1.0, "picture": [6.0, 8.5], "input": [3, 4.25]}
    ]
    assert second["input"][2] == 90 and second["picture"][2] == 100


def test_where_nothing_is_found_that_is_said():
    said = Said(BOXES, ())
    assert brief(said, TWICE) == "nothing"
    assert lines_of(said, TWICE, 5) == ["nothing of a score of 0.3 or more"]


@pytest.mark.parametrize(
    ("answer", "scores", "words", "chosen"),
    [
        (CLASSES, [0.1, 0.7, 0.2], "dog 0.70", [1]),
        (CLASSES, [0.3, 0.3, 0.4], "no class reaches 0.5", []),
        (replace(CLASSES, several=True), [0.6, 0.1, 0.9], "eel 0.90, cat 0.60", [2, 0]),
    ],
)
def test_classes_are_those_that_reach_the_threshold(answer, scores, words, chosen):
    said = Said(answer, answer.read(np.array(scores)))
    assert brief(said, TWICE) == words
    data = to_dict(said, TWICE)
    assert data["classes"] == chosen
    listed = [each["score"] for each in data["scores"]]
    assert listed == sorted(scores, reverse=True)
    assert len(lines_of(said, TWICE, 2)) == 2 + (not chosen)


def test_masks_points_and_vectors():
    mask = Said(MASK, np.array([[0, 1], [1, 1]]))
    assert lines_of(mask, TWICE, 5) == ["road 75.0 %", "background 25.0 %"]
    assert to_dict(mask, TWICE)["mask"] == [[0, 1], [1, 1]]
    points = Said(POINTS, (Point(10, 20, 0.9), Point(1, 1, 0.1)))
    assert lines_of(points, TWICE, 5) == [
        "nose 0.90 (20.0, 40.0)",
        "point 1 0.10 (2.0, 2.0), below 0.3",
    ]
    answer = EmbeddingAnswer("vector", ("vector",))
    vector = Said(answer, answer.read(np.array([3.0, 0.0, 4.0, 0.0])))
    assert brief(vector, TWICE) == "vector of 4: 0.600, 0.000, 0.800 ..."
    assert [task_of(each.answer) for each in (mask, points, vector)] == [
        "mask",
        "keypoints",
        "embedding",
    ]


def test_records_are_read_as_bytes_and_scores_by_their_scale():
    raw = struct.pack("<4hH2B2hH", 16, 32, 320, 960, 65535, 0, 0, 48, 68, 9)
    found = {
        "found": np.frombuffer(raw, np.int8).reshape(1, 1, -1),
        "scores": np.array([[[-128, 0, 64]]], np.int8),
    }
    activations = {
        "found": Activation("found", 1, 1, 18, 1.0, 0),
        "scores": Activation("scores", 1, 1, 3, 1 / 256, -128),
    }
    boxes, classes = said_of((BOXES, CLASSES), activations, found)
    assert boxes.value[0].left == 1 and boxes.value[0].points[0].y == 4.25
    assert classes.value.scores == (0.0, 0.5, 0.75) and classes.value.best == 2
