"""Records of what was found: ops that make them, and their bytes and floats.

A record has 12 bytes, and 6 more for each of its points (mcucc/answers/records.py). In the float
form its numbers, in pixels and shares, stand at its first places: left, top, right, bottom, score
and class, and from there three a point.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.op import FloatArray, Op
from mcucc.ir.tensor import Quant, Tensor, TensorType
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import INT8, IntArray, IntegerArray
from mcucc.ops.common.detection import FULL_SCORE, POINT_BYTES, RECORD_BYTES, SUBPIXELS

Reals = npt.NDArray[np.float64]
BOX_FLOATS, POINT_FLOATS = 6, 3
INT16_LEAST, INT16_MOST = -(2**15), 2**15 - 1
FARTHEST = INT16_MOST / SUBPIXELS  # pixels
POINT_UNITS = np.array([SUBPIXELS, SUBPIXELS, FULL_SCORE])
MOST_RECORDS = 1000
MOST_POINTS = 64


def record_bytes(points: int) -> int:
    """Bytes of a box with so many points."""
    return RECORD_BYTES + POINT_BYTES * points


class Finder(Op):
    """Base of ops that make records. They stand behind what is quantized and learn nothing."""

    FORMULA: ClassVar[str] = "(base << s) + gain * table[x] in 64 bits, rounded once, >> s"
    LARGEST_ERROR: ClassVar[str] = "1/32 pixel and 2/65535 of a score (docs/design/numerics.md)"
    LIMITS: ClassVar[str] = "int8; places within 2048 pixels"

    def fixed_quant(self) -> Quant:
        """Bytes are what they are."""
        return Quant((1.0,), 0)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        """TypeError: nothing is quantized by what was found."""
        raise TypeError(f"{self.kind} makes records, which have no gradient")

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        """The float form of the records: (N, bytes of the records)."""
        maps = [x.reshape(len(x), *hwc((1, *x.shape[1:]))).astype(np.float64) for x in inputs]
        found = [self.find([x[i] for x in maps]) for i in range(len(maps[0]))]
        return np.stack(found).astype(np.float32)

    @abstractmethod
    def find(self, maps: Sequence[Reals]) -> Reals:
        """The float form of one picture's records, flat, of maps (H, W, C)."""


def check_int8(inputs: Sequence[Tensor], output: Tensor) -> None:
    """ValueError for what is not int8, or an output that is no bytes."""
    for tensor in inputs:
        if tensor.dtype != INT8:
            raise ValueError(
                f"{tensor.name} is {tensor.dtype.name}: records are made of int8 (put a "
                "Requantize in front)"
            )
    if output.quantization != Quant((1.0,), 0):
        raise ValueError(f"{output.name} has bytes: scale 1, zero point 0")


def flat_type(inputs: Sequence[TensorType], size: int) -> TensorType:
    """The type of records of so many bytes in all."""
    return TensorType((1, size), inputs[0].dtype)


@dataclass(frozen=True, eq=False)
class Found:
    """Boxes with their points, in integers or in floats, the surest first.

    corners (n, 4): left, top, right, bottom; scores (n,); kinds (n,); points (n, P, 3): x, y and
    score.
    """

    corners: npt.NDArray[np.int64] | Reals
    scores: npt.NDArray[np.int64] | Reals
    kinds: IntArray
    points: npt.NDArray[np.int64] | Reals

    def floats(self, most: int) -> Reals:
        """The float form of `most` records."""
        count, points = self.points.shape[:2]
        made = np.zeros((most, record_bytes(points)))
        made[:count, :4] = np.clip(self.corners, INT16_LEAST / SUBPIXELS, FARTHEST)
        made[:count, 4] = self.scores
        made[:count, 5] = self.kinds
        own = self.points.reshape(count, POINT_FLOATS * points)
        made[:count, BOX_FLOATS : BOX_FLOATS + POINT_FLOATS * points] = own
        return made.reshape(-1)

    def bytes(self, most: int) -> IntegerArray:
        """`most` records of sixteenths of a pixel, as int8, flat."""
        count, points = self.points.shape[:2]
        made = np.zeros((most, record_bytes(points)), np.uint8)
        made[:count, :8] = self.corners.astype("<i2").view(np.uint8)
        made[:count, 8:10] = self.scores.astype("<u2")[:, None].view(np.uint8)
        made[:count, 10] = self.kinds
        made[:count, RECORD_BYTES:] = point_bytes(self.points.reshape(-1, 3)).reshape(
            count, POINT_BYTES * points
        )
        return made.reshape(-1).view(np.int8)

    @staticmethod
    def of_floats(values: Reals, points: int) -> Found:
        """What a list in its float form holds; a score of 0 ends it."""
        rows = values.reshape(-1, record_bytes(points)).astype(np.float64)
        rows = rows[: _length(rows[:, 4])]
        own = rows[:, BOX_FLOATS : BOX_FLOATS + POINT_FLOATS * points]
        places = own.reshape(len(rows), points, POINT_FLOATS)
        return Found(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int64), places)

    @staticmethod
    def of_bytes(values: IntegerArray, points: int) -> Found:
        """What a list of bytes holds; a score of 0 ends it."""
        rows = np.ascontiguousarray(values).view(np.uint8).reshape(-1, record_bytes(points))
        scores = rows[:, 8:10].copy().view("<u2")[:, 0].astype(np.int64)
        rows, scores = rows[: _length(scores)], scores[: _length(scores)]
        corners = rows[:, :8].copy().view("<i2").astype(np.int64)
        own = points_of_bytes(rows[:, RECORD_BYTES:]).reshape(len(rows), points, POINT_FLOATS)
        return Found(corners, scores, rows[:, 10].astype(np.int64), own)

    def pixels(self) -> Found:
        """Sixteenths and 65535ths as pixels and shares."""
        scores, points = self.scores / FULL_SCORE, self.points / POINT_UNITS
        return Found(self.corners / SUBPIXELS, scores, self.kinds, points)

    def chosen(self, index: npt.ArrayLike) -> Found:
        """Those of these indices, in their order."""
        at = np.asarray(index, np.int64)
        return Found(self.corners[at], self.scores[at], self.kinds[at], self.points[at])

    @staticmethod
    def together(lists: Sequence[Found]) -> Found:
        """One list after another."""
        return Found(
            np.concatenate([each.corners for each in lists]),
            np.concatenate([each.scores for each in lists]),
            np.concatenate([each.kinds for each in lists]),
            np.concatenate([each.points for each in lists]),
        )


def points_of_bytes(values: npt.NDArray[np.integer[Any]]) -> IntArray:
    """Points (n, 3) of records of 6 bytes: sixteenths of a pixel, and the score in 65535ths."""
    rows = np.ascontiguousarray(values).view(np.uint8).reshape(-1, POINT_BYTES)
    places = rows[:, :4].copy().view("<i2").astype(np.int64)
    return np.concatenate([places, rows[:, 4:].copy().view("<u2").astype(np.int64)], axis=1)


def point_bytes(points: npt.NDArray[np.int64] | Reals) -> npt.NDArray[np.uint8]:
    """Points (n, 3) as (n, 6) bytes: x and y in sixteenths of a pixel, the score in 65535ths."""
    made = np.zeros((len(points), POINT_BYTES), np.uint8)
    made[:, :4] = points[:, :2].astype("<i2").view(np.uint8).reshape(len(points), 4)
    made[:, 4:] = points[:, 2:].astype("<u2").view(np.uint8).reshape(len(points), 2)
    return made


def float_point_records(points: Reals) -> Reals:
    """The float form of points (n, 3) of their own, flat: x, y, score and three that are 0."""
    made = np.zeros((len(points), POINT_BYTES))
    made[:, :2] = np.clip(points[:, :2], INT16_LEAST / SUBPIXELS, FARTHEST)
    made[:, 2] = points[:, 2]
    return made.reshape(-1)


def full_scores(shares: Reals) -> IntArray:
    """Shares of 1 as scores."""
    return np.floor(np.clip(shares, 0.0, 1.0) * FULL_SCORE + 0.5).astype(np.int64)


def _length(scores: npt.NDArray[np.int64] | Reals) -> int:
    ends = np.flatnonzero(scores <= 0)
    return int(ends[0]) if len(ends) else len(scores)
