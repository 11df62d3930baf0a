"""What the nodes that decode found: records of bytes, or of floats, as boxes and points.

A record of `mcucc_box` has 12 bytes, little endian: left, top, right, bottom (int16, 1/16 pixel of
the network's input), score (uint16, 65535 is 1), class (uint8) and one that is 0. Each of its
points has 6: x, y (int16) and score (uint16). A score of 0 ends the list. In the float form the
same numbers in pixels and shares stand at the first places of a record, the points from 6 on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ops.common.detection import FULL_SCORE, POINT_BYTES, RECORD_BYTES, SUBPIXELS

FLOATS_OF_BOX = 6
FLOATS_OF_POINT = 3


@dataclass(frozen=True)
class Point:
    """A place in pixels of the network's input, and how sure it is, 0 to 1."""

    x: float
    y: float
    score: float


@dataclass(frozen=True)
class Box:
    """What was found: corners in pixels of the network's input, score 0 to 1, class."""

    left: float
    top: float
    right: float
    bottom: float
    score: float
    kind: int
    points: tuple[Point, ...] = ()


def record_bytes(points: int) -> int:
    """Bytes of a box with so many points."""
    return RECORD_BYTES + POINT_BYTES * points


def boxes_of(values: npt.NDArray[Any], points: int) -> tuple[Box, ...]:
    """The boxes of one picture, the surest first: of int8 records, or of floats."""
    records = values.reshape(-1, record_bytes(points))
    if values.dtype.kind == "f":
        return _float_boxes(records.astype(np.float64), points)
    raw = np.ascontiguousarray(records.view(np.uint8) if records.dtype == np.int8 else records)
    corners = raw[:, :8].copy().view("<i2") / SUBPIXELS
    scores = raw[:, 8:10].copy().view("<u2")[:, 0]
    found = []
    for row, place, score in zip(raw, corners.tolist(), scores.tolist(), strict=True):
        if score == 0:
            break
        left, top, right, bottom = place
        own = points_of(row[RECORD_BYTES:])
        found.append(Box(left, top, right, bottom, score / FULL_SCORE, int(row[10]), own))
    return tuple(found)


def points_of(raw: npt.NDArray[np.uint8]) -> tuple[Point, ...]:
    """The points of records of 6 bytes."""
    places = raw.reshape(-1, POINT_BYTES)
    xy = places[:, :4].copy().view("<i2") / SUBPIXELS
    scores = places[:, 4:].copy().view("<u2")[:, 0] / FULL_SCORE
    return tuple(Point(x, y, s) for (x, y), s in zip(xy.tolist(), scores.tolist(), strict=True))


def _float_boxes(records: npt.NDArray[np.float64], points: int) -> tuple[Box, ...]:
    found = []
    for row in records.tolist():
        left, top, right, bottom, score, kind = row[:FLOATS_OF_BOX]
        if score <= 0:
            break
        own = row[FLOATS_OF_BOX : FLOATS_OF_BOX + FLOATS_OF_POINT * points]
        places = tuple(Point(*own[i : i + 3]) for i in range(0, len(own), FLOATS_OF_POINT))
        found.append(Box(left, top, right, bottom, score, int(kind), places))
    return tuple(found)
