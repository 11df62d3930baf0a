"""How a picture lies in the network's input: points and boxes, forth and back.

Both are measured in pixels whose edges are whole numbers: the first pixel reaches from 0 to 1, its
middle is 0.5, (0, 0) is the upper left corner. A detector's answers are in pixels of the input;
people, labels and drawings speak of the picture's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Size = tuple[int, int]  # height, width in pixels


class Fit(StrEnum):
    """How a picture of any shape fills the size that it is resized to."""

    STRETCH = "stretch"  # height and width each by a factor of its own
    LETTERBOX = "letterbox"  # both by the smaller factor, centred, bars around


@dataclass(frozen=True)
class Region:
    """A rectangle of whole pixels."""

    top: int
    left: int
    height: int
    width: int


def region_of(fit: Fit, picture: Size, room: Size) -> Region:
    """Where a picture of some size lies after it was resized to fill `room`.

    Letterbox is what Ultralytics' LetterBox does (auto=False, scaleup=True, center=True): the
    factor r = min(room height / height, room width / width), sides round(side * r) (halves to
    even), at least 1, and of an odd rest the smaller half above or on the left:
    round(rest / 2 - 0.1) = rest // 2.
    """
    if fit is Fit.STRETCH:
        return Region(0, 0, *room)
    ratio = min(room[0] / picture[0], room[1] / picture[1])
    height, width = (max(1, round(side * ratio)) for side in picture)
    return Region((room[0] - height) // 2, (room[1] - width) // 2, height, width)


@dataclass(frozen=True)
class Placement:
    """input = scale * picture + offset, along (y, x); sizes are (height, width)."""

    picture: Size
    input: Size
    scale: tuple[float, float]
    offset: tuple[float, float]

    @staticmethod
    def same(size: Size) -> Placement:
        """Of a picture that is the input."""
        return Placement(size, size, (1.0, 1.0), (0.0, 0.0))

    @staticmethod
    def of(picture: Size, region: Region, crop: Region) -> Placement:
        """Of a picture that was resized to fill `region`, of whose surroundings `crop` is kept."""
        return Placement(
            picture,
            (crop.height, crop.width),
            (region.height / picture[0], region.width / picture[1]),
            (float(region.top - crop.top), float(region.left - crop.left)),
        )

    def averaged(self, size: Size) -> Placement:
        """The same where the input is then averaged to `size`."""
        factors = size[0] / self.input[0], size[1] / self.input[1]
        scale = self.scale[0] * factors[0], self.scale[1] * factors[1]
        offset = self.offset[0] * factors[0], self.offset[1] * factors[1]
        return Placement(self.picture, size, scale, offset)

    def to_input(self, places: npt.ArrayLike) -> FloatArray:
        """Points (..., 2) of x, y or boxes (..., 4) of left, top, right, bottom in the input."""
        scale, offset = self._along(places)
        moved: FloatArray = np.asarray(places, np.float64) * scale + offset
        return moved

    def to_picture(self, places: npt.ArrayLike) -> FloatArray:
        """The same from pixels of the input to those of the picture; not clipped to either."""
        scale, offset = self._along(places)
        moved: FloatArray = (np.asarray(places, np.float64) - offset) / scale
        return moved

    def clipped(self, places: npt.ArrayLike) -> FloatArray:
        """Points or boxes in pixels of the picture, moved to its edge where they lie outside."""
        height, width = self.picture
        most = np.resize(np.array([width, height], np.float64), np.shape(places)[-1])
        return np.clip(np.asarray(places, np.float64), 0.0, most)

    def map_to_picture(self, values: npt.NDArray[Any], outside: int = 0) -> npt.NDArray[Any]:
        """A map (h, w) over the input, as one of the picture's size: that of the nearest cell.

        `outside` where the network does not see the picture (crops).
        """
        rows, inside_y = self._cells(0, values.shape[0])
        columns, inside_x = self._cells(1, values.shape[1])
        found = values[np.ix_(rows, columns)]
        return np.where(np.logical_and.outer(inside_y, inside_x), found, outside).astype(
            values.dtype
        )

    def pixels_of(self, shape: Size) -> npt.NDArray[np.int64]:
        """For each cell of a map (h, w) over the input: how many of the picture's pixels it is."""
        rows, columns = (
            np.bincount(cells[inside], minlength=count)
            for count, (cells, inside) in (
                (count, self._cells(axis, count)) for axis, count in enumerate(shape)
            )
        )
        return np.outer(rows, columns).astype(np.int64)

    def resized(self, picture: Size) -> Placement:
        """Of the same picture in another size."""
        scale = tuple(s * a / b for s, a, b in zip(self.scale, self.picture, picture, strict=True))
        return Placement(picture, self.input, (scale[0], scale[1]), self.offset)

    def _along(self, places: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        length = np.shape(places)[-1]
        if length not in (2, 4):
            raise ValueError(f"points have 2 numbers, boxes 4, not {length}")
        return np.resize(self.scale[::-1], length), np.resize(self.offset[::-1], length)

    def _cells(self, axis: int, count: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        """For each pixel of the picture along an axis: the cell its middle is in, and if any."""
        middles = np.arange(self.picture[axis]) + 0.5
        place = (middles * self.scale[axis] + self.offset[axis]) * count / self.input[axis]
        cells = np.floor(place).astype(np.intp)
        return np.clip(cells, 0, count - 1), (cells >= 0) & (cells < count)
