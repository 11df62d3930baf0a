"""The judge of each kind of answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from mcucc.answers.answer import (
    Answer,
    BoxesAnswer,
    ClassesAnswer,
    EmbeddingAnswer,
    KeypointsAnswer,
    MaskAnswer,
)
from mcucc.evaluate.tasks.boxes import BoxesTask
from mcucc.evaluate.tasks.classes import ClassesTask
from mcucc.evaluate.tasks.embedding import EmbeddingTask
from mcucc.evaluate.tasks.keypoints import KeypointsTask
from mcucc.evaluate.tasks.mask import MaskTask
from mcucc.evaluate.tasks.task import Task
from mcucc.images.labels import Truth
from mcucc.images.labels_masks import IGNORED, read_mask


def task_of(answer: Answer, truths: Iterable[Truth] = ()) -> Task[Any]:
    """What judges an output; of a mask `truths` say what 255 is."""
    match answer:
        case BoxesAnswer():
            return BoxesTask(answer)
        case KeypointsAnswer():
            return KeypointsTask(answer)
        case ClassesAnswer():
            return ClassesTask(answer)
        case MaskAnswer():
            return MaskTask(answer, len(answer.classes) <= 2 and black_and_white(truths))
        case EmbeddingAnswer():
            return EmbeddingTask(answer)


def black_and_white(truths: Iterable[Truth]) -> bool:
    """Whether masks hold 0 and 255 and nothing else: then 255 is a class, and none is ignored."""
    values: set[int] = set()
    for truth in truths:
        if truth.mask is not None:
            values |= set(np.unique(read_mask(truth.mask)).tolist())
        if values - {0, IGNORED}:
            return False
    return IGNORED in values
