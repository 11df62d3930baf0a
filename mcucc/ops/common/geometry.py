"""Boxes and points of anchors: the float places, and the same as integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcucc.numerics.fixed_point import IntArray
from mcucc.ops.common.detection import Anchor, Form
from mcucc.ops.common.fixed_places import (
    BASE_BITS,
    BASE_SHIFT,
    BIN_BITS,
    ByteFunction,
    bases_of,
    gains_of,
    places,
    shift_of,
)
from mcucc.ops.common.record import Reals

GRID = 2.0**-BASE_BITS


def columns_of(anchors: Sequence[Anchor], *names: str) -> Reals:
    """Fields of anchors as (anchors, fields)."""
    return np.array([[getattr(each, name) for name in names] for each in anchors], np.float64)


@dataclass(frozen=True)
class Cells:
    """The cells of a map and how anchors repeat: candidate = (row * width + column) * anchors + a.

    `stride` is (y, x) in pixels. With `own` every cell has anchors of its own, in that order.
    """

    height: int
    width: int
    anchors: int
    stride: tuple[float, float]
    own: bool

    def index(self, candidates: IntArray) -> IntArray:
        """Which anchor of the list a candidate is."""
        return candidates if self.own else candidates % self.anchors

    def steps(self, candidates: IntArray) -> IntArray:
        """(n, 2): column and row of candidates."""
        cells = candidates // self.anchors
        return np.stack([cells % self.width, cells // self.width], axis=1)


def float_points(cells: Cells, anchors: Sequence[Anchor], candidates: IntArray) -> Reals:
    """(n, 2): x and y of the candidates' anchors, in pixels."""
    own = columns_of(anchors, "x", "y")[cells.index(candidates)]
    made: Reals = own + cells.steps(candidates) * np.array(cells.stride[::-1])
    return made


def float_boxes(form: Form, points: Reals, gains: Reals, t: Reals, size: Reals) -> Reals:
    """(n, 4) corners; gains (n, 4) of x, y, width, height; t (n, 4 or 2) and size (n, 2): f(x)."""
    x, y = points[:, 0], points[:, 1]
    a, b = gains[:, 0], gains[:, 1]
    match form:
        case Form.SIDES:
            near = np.stack([x - a * t[:, 0], y - b * t[:, 1]], 1)
            return np.concatenate([near, np.stack([x + a * t[:, 2], y + b * t[:, 3]], 1)], 1)
        case Form.CORNERS:
            near = np.stack([x + a * t[:, 0], y + b * t[:, 1]], 1)
            return np.concatenate([near, np.stack([x + a * t[:, 2], y + b * t[:, 3]], 1)], 1)
        case Form.EDGES:
            moved = points[:, [0, 1, 0, 1]] + gains[:, [0, 1, 0, 1]] * t
            return moved + np.concatenate([-gains[:, 2:], gains[:, 2:]], 1) / 2
        case Form.CENTER_YX:
            t, size = t[:, ::-1], size[:, ::-1]
        case Form.CELL:
            t, size = np.zeros_like(points), np.ones_like(points)
    centre = points + gains[:, :2] * t[:, -2:]
    half = gains[:, 2:] * size / 2
    return np.concatenate([centre - half, centre + half], 1)


@dataclass(frozen=True, eq=False)
class Geometry:
    """The integers of boxes, or of points: see fixed_places.py.

    `stride` (y, x) and `bases` (n, 2) of x and y in 2^-16 pixel; `gains` (m, 4) of x, y, half a
    width and half a height. n and m are the anchors of a cell, or of all cells one after another.
    """

    cells: Cells
    stride: tuple[int, int]
    bases: IntArray
    gains: IntArray
    shift: int
    place: ByteFunction
    size: ByteFunction

    @staticmethod
    def of(
        cells: Cells, anchors: Sequence[Anchor], place: ByteFunction, size: ByteFunction
    ) -> Geometry:
        """ValueError where int32 cannot hold them."""
        points = columns_of(anchors, "x", "y")
        gains = columns_of(anchors, "gain_x", "gain_y", "gain_width", "gain_height")
        gains[:, 2:] /= 2
        for function, used in ((place, gains[:, :2]), (size, gains[:, 2:])):
            if function.largest == 0:
                used[:] = 0.0
        stride = cells.stride
        if cells.own:
            stride, points = _regular(cells, points)
            first = gains[: cells.anchors]
            if (gains.reshape(-1, *first.shape) == first).all():
                gains = first
        farthest = np.abs(points).max() + max(stride[0] * cells.height, stride[1] * cells.width)
        shift = shift_of(np.array([farthest]), ((gains[:, :2], place), (gains[:, 2:], size)))
        bases_of(np.array([farthest]))
        x_y = gains_of(gains[:, :2], place, shift)
        w_h = gains_of(gains[:, 2:], size, shift)
        y, x = bases_of(np.array(stride))
        made = np.concatenate([x_y, w_h], axis=1)
        return Geometry(cells, (int(y), int(x)), bases_of(points), made, shift, place, size)

    @property
    def error(self) -> float:
        """The largest distance of a place from its real value, in sixteenths of a pixel.

        Half from the last rounding; then half a unit of a table times the gain, half a unit of a
        gain times the number, half a unit of a base, and of a stride times the cells.
        """
        one = 2.0**self.shift
        found = 0.5 + 16 * GRID / 2 * (1 + max(self.cells.height, self.cells.width))
        for gains, function in ((self.gains[:, :2], self.place), (self.gains[:, 2:], self.size)):
            table = 0.0 if function.table is None else 0.5
            found += (table * float(np.abs(gains).max()) + 0.5 * function.largest) / one
        return found

    def _at(self, table: IntArray, candidates: IntArray) -> IntArray:
        own = len(table) > self.cells.anchors
        return table[candidates if own else candidates % self.cells.anchors]

    def points(self, candidates: IntArray) -> IntArray:
        """(n, 2): x and y of the candidates' anchors as the bases of sums."""
        stride = np.array(self.stride[::-1], np.int64)
        base = self._at(self.bases, candidates) + self.cells.steps(candidates) * stride
        return base << (self.shift - BASE_SHIFT)

    def boxes(self, form: Form, candidates: IntArray, t: IntArray, size: IntArray) -> IntArray:
        """(n, 4) corners in sixteenths; t (n, 4 or 2) and size (n, 2): T of the bytes."""
        base, gains = self.points(candidates), self._at(self.gains, candidates)
        match form:
            case Form.SIDES | Form.CORNERS:
                sign = -1 if form is Form.SIDES else 1
                near = base + sign * gains[:, :2] * t[:, :2]
                sums = np.concatenate([near, base + gains[:, :2] * t[:, 2:]], axis=1)
                return places(sums, self.shift)
            case Form.EDGES:
                moved = base[:, [0, 1, 0, 1]] + gains[:, [0, 1, 0, 1]] * t
                half = np.concatenate([-gains[:, 2:], gains[:, 2:]], axis=1) << BIN_BITS
                return places(moved + half, self.shift)
            case Form.CENTER_YX:
                t, size = t[:, ::-1], size[:, ::-1]
            case Form.CELL:
                t, size = np.zeros_like(base), np.ones_like(base)
        centre, half = base + gains[:, :2] * t, gains[:, 2:] * size
        return places(np.concatenate([centre - half, centre + half], axis=1), self.shift)

    def some_points(self, candidates: IntArray, t: IntArray) -> IntArray:
        """(n, P, 2) in sixteenths; t (n, P, 2): T of the bytes."""
        base, gains = self.points(candidates), self._at(self.gains, candidates)[:, :2]
        return places(base[:, None] + gains[:, None] * t, self.shift)


def _regular(cells: Cells, points: Reals) -> tuple[tuple[float, float], Reals]:
    """The stride and the points of the first cell, where those of the others follow from them."""
    table = points.reshape(cells.height, cells.width, cells.anchors, 2)
    y, x = cells.stride
    down, right = 0.0, 0.0
    if cells.height > 1:
        down = float((table[-1, 0, 0, 1] - table[0, 0, 0, 1]) / (cells.height - 1))
    if cells.width > 1:
        right = float((table[0, -1, 0, 0] - table[0, 0, 0, 0]) / (cells.width - 1))
    rows, columns = np.mgrid[: cells.height, : cells.width]
    moved = np.stack([columns * right, rows * down], axis=-1)[:, :, None]
    if np.abs(table[:1, :1] + moved - table).max() > GRID:
        return cells.stride, points
    return (y + down, x + right), table[0, 0]
