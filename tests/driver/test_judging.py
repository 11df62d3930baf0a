"""Class folders and the classes of [output]: by name where all are known, else by order."""

from __future__ import annotations

import numpy as np

from mcucc.answers.answer import ClassesAnswer
from mcucc.driver.judging import relabelled
from mcucc.images.preprocess import Preprocess
from mcucc.images.samples import Picture

ANSWER = ClassesAnswer("y", (), ("dog", "Cat", "bird"), 0.0)
IMAGE = np.zeros((1, 1, 3), np.uint8)
SAMPLES = [Picture(IMAGE, Preprocess("rgb", (1, 1)), label=label) for label in (0, 1, None)]


def test_labels_are_the_networks_where_its_names_have_them() -> None:
    found, note = relabelled(SAMPLES, ["cat", "dog"], [ANSWER])
    assert [sample.label for sample in found] == [1, 0, None]
    assert note == "classes of the folders by name"


def test_other_names_go_by_order_and_that_is_said() -> None:
    found, note = relabelled(SAMPLES, ["cat", "wolf"], [ANSWER])
    assert [sample.label for sample in found] == [0, 1, None]
    assert note == "classes of the folders by order: their names are others"


def test_nothing_is_said_where_nobody_names_classes() -> None:
    assert relabelled(SAMPLES, [], [ANSWER]) == (tuple(SAMPLES), "")
    assert relabelled(SAMPLES, ["cat", "dog"], []) == (tuple(SAMPLES), "")
