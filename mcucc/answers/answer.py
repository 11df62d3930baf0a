"""What each output of a compiled network says, in the words of its task.

A folder's manifest has these; `run` and `validate` read the outputs of any way of computing by
them: of the C and of NumPy, and the float decode of the float network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.answers.records import Box, Point, boxes_of, points_of

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class BoxesAnswer:
    """`output` holds records of boxes (records.py), decoded from the tensors `heads`."""

    output: str
    heads: tuple[str, ...]
    classes: tuple[str, ...]
    threshold: float
    overlap: float
    most: int
    points: int = 0
    point_names: tuple[str, ...] = ()

    def read(self, values: Array) -> tuple[Box, ...]:
        """Of one picture: the int8 records, or their float form; the surest first."""
        return boxes_of(values, self.points)


@dataclass(frozen=True)
class KeypointsAnswer:
    """`output` holds a record of a point for each of `names`, decoded from `heads`."""

    output: str
    heads: tuple[str, ...]
    names: tuple[str, ...]
    threshold: float

    def read(self, values: Array) -> tuple[Point, ...]:
        """Of one picture, by name: records of 6 bytes, or 6 floats: x, y, score, 0, 0, 0."""
        return points_of(values)


@dataclass(frozen=True)
class Scores:
    """The classes of one picture: probabilities in order, and the best (None: none is sure)."""

    scores: tuple[float, ...]
    best: int | None


@dataclass(frozen=True)
class ClassesAnswer:
    """`output` holds a probability a class; with `several` any number of them may be true."""

    output: str
    heads: tuple[str, ...]
    classes: tuple[str, ...]
    threshold: float
    several: bool = False

    def read(self, values: Array) -> Scores:
        """Of one picture, real values."""
        scores = values.reshape(-1).astype(np.float64)
        best = int(np.argmax(scores))
        sure = scores[best] >= self.threshold
        return Scores(tuple(scores.tolist()), best if sure else None)


@dataclass(frozen=True)
class MaskAnswer:
    """`output` holds the index of each pixel's class, chosen from the tensors `heads`."""

    output: str
    heads: tuple[str, ...]
    classes: tuple[str, ...]

    def read(self, values: Array) -> npt.NDArray[np.int64]:
        """Of one picture, real values (H, W, 1): the classes (H, W)."""
        return np.rint(values[..., 0]).astype(np.int64)


@dataclass(frozen=True)
class EmbeddingAnswer:
    """`output` is a vector that is compared with others by its direction."""

    output: str
    heads: tuple[str, ...]

    def read(self, values: Array) -> npt.NDArray[np.float64]:
        """Of one picture, real values: the vector of length 1."""
        vector = values.reshape(-1).astype(np.float64)
        length = float(np.linalg.norm(vector))
        return vector / length if length else vector


Answer = BoxesAnswer | KeypointsAnswer | ClassesAnswer | MaskAnswer | EmbeddingAnswer
