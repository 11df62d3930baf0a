"""Points found against points that are true: PCK, the share of correct keypoints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mcucc.answers.records import Point
from mcucc.evaluate.tasks.task import Measure, share
from mcucc.images.labels import TruePoint
from mcucc.images.placement import Placement

NEAR, NEARER = 0.2, 0.1  # of the longer side of the box (the picture where there is no box)


@dataclass(frozen=True)
class PointHits:
    """Points that are known, and those found within each share of the size; sums of distances."""

    count: int = 0
    near: int = 0
    nearer: int = 0
    found: int = 0
    distance: float = 0.0  # of the found ones, in pixels

    def __add__(self, other: PointHits) -> PointHits:
        return PointHits(
            self.count + other.count,
            self.near + other.near,
            self.nearer + other.nearer,
            self.found + other.found,
            self.distance + other.distance,
        )

    @property
    def measures(self) -> tuple[Measure, ...]:
        """PCK at both shares, and the mean distance of what was found."""
        mean = self.distance / self.found if self.found else None
        return (
            share("pck20", f"PCK@{NEAR:g}", self.near, self.count),
            share("pck10", f"PCK@{NEARER:g}", self.nearer, self.count),
            Measure("distance", "mean distance", mean, unit="pixels", lost=True),
        )


def to_picture(points: Sequence[Point], placement: Placement) -> tuple[Point, ...]:
    """Points in pixels of the input, in those of the picture: also beyond its edges."""
    if not points:
        return ()
    moved = placement.to_picture([(point.x, point.y) for point in points]).tolist()
    return tuple(replace(p, x=x, y=y) for p, (x, y) in zip(points, moved, strict=True))


def near(
    truth: Sequence[TruePoint], found: Sequence[Point], size: float, threshold: float = 0.0
) -> PointHits:
    """Of one thing of `size` pixels; a point with a score below `threshold` was not found."""
    total = PointHits()
    for i, true in enumerate(truth):
        if not true.known:
            continue
        there = i < len(found) and found[i].score >= threshold
        away = math.hypot(found[i].x - true.x, found[i].y - true.y) if there else math.inf
        total += PointHits(
            1,
            int(away <= NEAR * size),
            int(away <= NEARER * size),
            int(there),
            away if there else 0.0,
        )
    return total
