"""What the numbers of a detector's maps mean: their channels, and how a box follows from them.

A candidate is an anchor at a cell of a map. Each of its numbers is `base + gain * f(value)`, its
score f(value) of a class, times f(value) of its objectness where there is one. All lengths are
pixels of the network's input.

The functions are those of numerics/elementary.py: tables of them are the same on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from mcucc.numerics.elementary import exp

FloatArray = npt.NDArray[np.float64]
AnyNumber = TypeVar("AnyNumber", np.int64, np.float64)

RECORD_BYTES = 12  # mcucc_box
POINT_BYTES = 6  # mcucc_point
SUBPIXELS = 16  # a box has 1/16 pixel
FULL_SCORE = 65535  # a score of 1


class Curve(StrEnum):
    """A function of one number."""

    IDENTITY = "identity"
    SIGMOID = "sigmoid"
    CENTRED = "centred"  # 2 sigmoid(x) - 1/2: x and y of YOLOv5
    SQUARE = "square"  # (2 sigmoid(x))^2: width and height of YOLOv5
    EXP = "exp"
    RELU = "relu"
    ROOT = "root"  # sqrt(x), x in 0 .. 1: YuNet's product of two scores
    ROOT_SIGMOID = "root_sigmoid"  # sqrt(sigmoid(x))

    def of(self, x: FloatArray) -> FloatArray:
        """f(x), element by element."""
        match self:
            case Curve.IDENTITY:
                return x
            case Curve.SIGMOID:
                return _sigmoid(x)
            case Curve.CENTRED:
                return 2 * _sigmoid(x) - 0.5
            case Curve.SQUARE:
                return (2 * _sigmoid(x)) ** 2
            case Curve.EXP:
                with np.errstate(over="ignore"):
                    return exp(x)
            case Curve.RELU:
                return np.maximum(x, 0)
            case Curve.ROOT:
                return np.sqrt(np.clip(x, 0, 1))
            case Curve.ROOT_SIGMOID:
                return np.sqrt(_sigmoid(x))


def _sigmoid(x: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        return 1 / (1 + exp(-x))


class Merge(StrEnum):
    """What becomes of candidates that are the same thing."""

    NMS = "nms"  # the best of those that overlap (greedy non-maximum suppression)
    TOUCHING = "touching"  # the box around those that touch (FOMO)
    NONE = "none"


class Form(StrEnum):
    """What the four numbers of a box are."""

    CENTER = "center"  # x, y, width, height
    CENTER_YX = "center_yx"  # y, x, height, width: TensorFlow's SSD
    SIDES = "sides"  # distances from the anchor's point to left, top, right, bottom
    CORNERS = "corners"  # left, top, right, bottom
    CELL = "cell"  # none: the anchor is the box
    EDGES = "edges"  # left, top, right, bottom, each counted from that edge of the anchor


@dataclass(frozen=True)
class Channels:
    """Where an anchor's numbers of a kind begin: channel `first + anchor * step` of an input."""

    input: int
    first: int = 0
    step: int = 0


@dataclass(frozen=True)
class Anchor:
    """The point of an anchor, counted from the corner of its cell, and what scales its numbers.

    A box of form CENTER has the centre (x + gain_x f(tx), y + gain_y f(ty)) and the size
    (gain_width g(tw), gain_height g(th)); CELL the centre (x, y) and the size (gain_width,
    gain_height). The distances of SIDES are gain_x f(t) and gain_y f(t) from (x, y), CORNERS lie at
    (x + gain_x f(t), y + gain_y f(t)). So do points. EDGES are those of CELL, each moved by
    gain_x f(t) or gain_y f(t).
    """

    x: float
    y: float
    gain_x: float = 1.0
    gain_y: float = 1.0
    gain_width: float = 1.0
    gain_height: float = 1.0


def numbers(
    maps: Sequence[npt.NDArray[AnyNumber]], channels: Channels, anchors: int, count: int
) -> npt.NDArray[AnyNumber]:
    """(candidates, count): that many numbers of every anchor of every cell, of maps (H, W, C)."""
    steps = np.arange(anchors)[:, None] * channels.step + np.arange(count)
    found: npt.NDArray[AnyNumber] = maps[channels.input][..., channels.first + steps]
    return found.reshape(-1, count)
