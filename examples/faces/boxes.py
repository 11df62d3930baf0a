"""From the detector's maps to boxes, and how many of them are right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pictures import Box

Map = npt.NDArray[np.float32]

STRIDE = 8  # pixels a cell
USUAL_SIDE = 28  # pixels; the side of a face whose size channel is 0
THRESHOLD = 0.55  # finds most with fewest false alarms on training scenes
SAME_FACE = 0.3  # boxes that overlap more are one face


def decode(heat: Map, box: Map, threshold: float = THRESHOLD) -> list[Box]:
    """The boxes of a heat map (H, W, 1) and box map (H, W, 3), the surest first."""
    order = np.argsort(-heat[..., 0], axis=None, kind="stable")
    found: list[Box] = []
    for row, column in zip(*np.unravel_index(order, heat.shape[:2]), strict=True):
        if heat[row, column, 0] < threshold:
            break
        right, down, size = box[row, column].tolist()
        candidate = Box(
            (column + 0.5 + right) * STRIDE,
            (row + 0.5 + down) * STRIDE,
            USUAL_SIDE * 2.0 ** min(max(size, -2.0), 2.0),
        )
        if all(candidate.overlap(other) < SAME_FACE for other in found):
            found.append(candidate)
    return found


@dataclass(frozen=True)
class Score:
    """Counts over pictures: faces that are there, those found, and boxes where there is none."""

    faces: int = 0
    found: int = 0
    false_alarms: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(
            self.faces + other.faces,
            self.found + other.found,
            self.false_alarms + other.false_alarms,
        )


def score(found: Sequence[Box], faces: Sequence[Box], overlap: float = 0.4) -> Score:
    """A face is found when a box overlaps it by at least `overlap`; each box finds one face."""
    left = list(found)
    hits = 0
    for face in faces:
        best = max(left, key=face.overlap, default=None)
        if best is not None and face.overlap(best) >= overlap:
            left.remove(best)
            hits += 1
    return Score(len(faces), hits, len(left))
