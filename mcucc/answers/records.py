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

from mcucc.ops.common.detection import POINT_BYTES
from mcucc.ops.common.record import POINT_FLOATS, POINT_UNITS, Found, Reals, points_of_bytes


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


def boxes_of(values: npt.NDArray[Any], points: int) -> tuple[Box, ...]:
    """The boxes of one picture, the surest first: of int8 records, or of floats."""
    if values.dtype.kind == "f":
        found = Found.of_floats(values.reshape(-1), points)
    else:
        found = Found.of_bytes(values.reshape(-1), points).pixels()
    every = zip(found.corners.tolist(), found.scores, found.kinds, found.points, strict=True)
    return tuple(
        Box(left, top, right, bottom, float(score), int(kind), _points(own))
        for (left, top, right, bottom), score, kind, own in every
    )


def points_of(values: npt.NDArray[Any]) -> tuple[Point, ...]:
    """The points of one picture: of int8 records, or of floats."""
    if values.dtype.kind == "f":
        rows = values.reshape(-1, POINT_BYTES)[:, :POINT_FLOATS]
        return _points(rows.astype(np.float64))
    return _points(points_of_bytes(values) / POINT_UNITS)


def _points(rows: Reals) -> tuple[Point, ...]:
    return tuple(Point(*row) for row in rows.tolist())
