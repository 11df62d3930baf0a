"""Boxes of truth and boxes found: what overlaps, what is the same thing.

Corners are real numbers (width = right - left), as in COCO; VOC's own tools count pixels (+ 1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mcucc.answers.records import Box
from mcucc.images.labels import TrueBox

FloatArray = npt.NDArray[np.float64]
OVERLAP = 0.5


class Corners(Protocol):
    """A box of either kind."""

    @property
    def left(self) -> float:
        """In pixels."""

    @property
    def top(self) -> float:
        """In pixels."""

    @property
    def right(self) -> float:
        """In pixels."""

    @property
    def bottom(self) -> float:
        """In pixels."""


Alike = Callable[[Sequence[Corners], Sequence[Corners]], FloatArray]


def corners(boxes: Sequence[Corners]) -> FloatArray:
    """(boxes, 4)."""
    rows = [(box.left, box.top, box.right, box.bottom) for box in boxes]
    return np.array(rows, np.float64).reshape(-1, 4)


def overlaps(found: Sequence[Corners], truth: Sequence[Corners]) -> FloatArray:
    """Intersection over union (found, truth); over what was found where the truth is a crowd."""
    a, b = corners(found)[:, None], corners(truth)[None]
    size = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    both = np.prod(np.maximum(size, 0.0), axis=-1)
    own = np.prod(a[..., 2:] - a[..., :2], axis=-1)
    whole = own + np.prod(b[..., 2:] - b[..., :2], axis=-1) - both
    crowd = np.array([getattr(box, "crowd", False) for box in truth], bool)[None]
    base = np.where(crowd, own, whole)
    shares: FloatArray = both / np.where(base > 0, base, 1.0)
    return shares


def ignored(box: TrueBox) -> bool:
    """Whether it is neither to be found nor wrong to find."""
    return box.crowd or box.difficult


@dataclass(frozen=True)
class Hit:
    """What became of a box found: `right`, wrong, or `beside` the matter (an ignored one).

    `truth` is the number of the true box it hit.
    """

    score: float
    right: bool
    beside: bool = False
    truth: int | None = None


def inside(found: Sequence[Corners], truth: Sequence[Corners]) -> FloatArray:
    """For boxes whose middle lies in the true box their overlap, at least OVERLAP; else 0.

    What counts where a box is a cell of a grid (FOMO) and says no size.
    """
    a, b = corners(found)[:, None], corners(truth)[None]
    middle = (a[..., :2] + a[..., 2:]) / 2
    within = ((middle >= b[..., :2]) & (middle <= b[..., 2:])).all(axis=-1)
    return np.where(within, np.maximum(overlaps(found, truth), OVERLAP), 0.0)


def hits(
    found: Sequence[Box],
    truth: Sequence[TrueBox],
    kind: int,
    alike: Alike = overlaps,
) -> tuple[Hit, ...]:
    """VOC's rule on one picture for a class, the surest first.

    A box hits the true box that it is most `alike`, from OVERLAP on; who hits one that was hit
    before is wrong (devkit, VOCevaldet.m).
    """
    own = sorted((box for box in found if box.kind == kind), key=lambda box: -box.score)
    if not own:  # of most classes on most pictures
        return ()
    numbers = [i for i, box in enumerate(truth) if box.kind == kind]
    there = [truth[i] for i in numbers]
    shares = alike(own, there)
    taken: set[int] = set()
    result = []
    for box, row in zip(own, shares, strict=True):
        best = int(row.argmax()) if len(there) else -1
        if best < 0 or row[best] < OVERLAP:
            result.append(Hit(box.score, False))
        elif ignored(there[best]):
            result.append(Hit(box.score, False, beside=True))
        else:
            result.append(Hit(box.score, best not in taken, truth=numbers[best]))
            taken.add(best)
    return tuple(result)


def pairs(one: Sequence[Corners], other: Sequence[Corners]) -> list[tuple[int, int, float]]:
    """Boxes that are the same thing, whatever their class: each once, most alike first."""
    shares = overlaps(one, other)
    found = []
    while shares.size and shares.max() >= OVERLAP:
        i, j = np.unravel_index(int(shares.argmax()), shares.shape)
        found.append((int(i), int(j), float(shares[i, j])))
        shares[i, :] = shares[:, j] = -1.0
    return found
