"""Where the anchors of a head's cells lie, and what scales their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.answers.check_spec import MOST_ANCHORS
from mcucc.answers.decoders import Unit, Way
from mcucc.answers.maps import Maps
from mcucc.answers.spec import HeadSpec
from mcucc.ops.common.detection import Anchor, Curve, Form

Scale = tuple[float, int]  # stride in pixels, anchors a cell


@dataclass(frozen=True)
class Grid:
    """Anchors of every cell, or with `own` of all cells one after another, for boxes and points.

    `stride` (y, x) is in pixels.
    """

    stride: tuple[float, float]
    anchors: tuple[Anchor, ...]
    points: tuple[Anchor, ...] = ()
    own: bool = False


def is_list(head: HeadSpec, height: int, width: int, size: tuple[int, int]) -> bool:
    """Whether a tensor (height, width, C) has candidates one after another, and is no map."""
    if height > 1 or width == 1 or head.stride:
        return False
    down, right = size[0] / height, size[1] / width
    return not 0.5 <= down / right <= 2


def scales_of(
    head: HeadSpec, way: Way, count: int, size: tuple[int, int], at: str
) -> tuple[Scale, ...]:
    """The scales whose cells, one after another, are `count` candidates."""
    if head.strides:
        named = tuple((s, len(list(run))) for s, run in groupby(head.strides))
        if _cells(named, size) != count:
            raise ValueError(
                f"{at}.strides: they are {_cells(named, size):,} cells of {size[0]}x{size[1]} "
                f"pixels, the tensor has {count:,}"
            )
        return named
    fitting = [scales for scales in way.strides if _cells(scales, size) == count]
    if way.pairs or len(fitting) != 1:
        why = "it needs the map of each scale" if way.pairs else "its strides are not known"
        raise ValueError(
            f"{at}: {count:,} candidates one after another: {why}; name the maps before they are "
            + ("joined, or give anchors of 4 numbers" if way.pairs else "joined, or give strides")
        )
    return fitting[0]


def _cells(scales: Sequence[Scale], size: tuple[int, int]) -> int:
    return sum(ceil(size[0] / s) * ceil(size[1] / s) * max(count, 1) for s, count in scales)


def given(
    head: HeadSpec, way: Way, constants: Mapping[str, npt.NDArray[Any]], at: str
) -> tuple[tuple[float, ...], ...]:
    """Anchors of a head: pairs in pixels, or (x, y, width, height) of every candidate in shares."""
    if not head.anchors_from:
        return head.anchors
    key = f"{at}.anchors_from"
    if head.anchors_from not in constants:
        known = ", ".join(constants) or "none"
        raise ValueError(
            f"{key}: the network has no constant output {head.anchors_from!r} (it has: {known})"
        )
    values = np.asarray(constants[head.anchors_from], np.float64)
    if values.ndim < 1 or values.shape[-1] != 4 or not np.isfinite(values).all():
        raise ValueError(f"{key}: {list(values.shape)} is no list of 4 numbers an anchor")
    rows = values.reshape(-1, 4)
    if len(rows) > MOST_ANCHORS:
        raise ValueError(f"{key}: {len(rows):,} anchors (at most {MOST_ANCHORS:,})")
    if way.form is Form.CENTER_YX:
        rows = rows[:, [1, 0, 3, 2]]
    elif way.form is Form.EDGES:  # whose files say the edges of anchors too
        near, far = rows[:, :2], rows[:, 2:]
        rows = np.concatenate([(near + far) / 2, far - near], axis=1)
    return tuple(tuple(row) for row in rows.tolist())


def grid_of(
    head: HeadSpec,
    maps: Maps,
    way: Way,
    anchors: Sequence[Sequence[float]],
    scales: Sequence[Scale],
    size: tuple[int, int],
    at: str,
) -> Grid:
    """The anchors of one head; `scales` are those of a list of candidates, none of a map."""
    height, width = size
    if anchors and len(anchors[0]) == 4:
        wanted = maps.height * maps.width * maps.anchors
        if len(anchors) != wanted:
            raise ValueError(f"{at}.anchors: {len(anchors):,} for {wanted:,} candidates")
        rows = [(x * width, y * height, w * width, h * height) for x, y, w, h in anchors]
        own = tuple(_anchor(way, (x, y), (1.0, 1.0), (w, h), size) for x, y, w, h in rows)
        return Grid((0.0, 0.0), own, own=True)
    if way.pairs and len(anchors) != maps.anchors:
        raise ValueError(f"{at}.anchors: {len(anchors)} pairs for {maps.anchors} anchors a cell")
    if scales:
        return _listed(way, scales, size)
    if way.absolute:
        return _around(way, (0.0, 0.0), anchors, maps.anchors, size)
    stride = head.stride or (height / maps.height, width / maps.width)
    return _around(way, (stride[0], stride[-1]), anchors, maps.anchors, size)


def _around(
    way: Way,
    stride: tuple[float, float],
    pairs: Sequence[Sequence[float]],
    count: int,
    size: tuple[int, int],
) -> Grid:
    """The same anchors at each cell."""
    y, x = stride
    sides = [(w, h) for w, h in pairs] or [(x, y)] * count
    point = (way.offset * x, way.offset * y)
    made = tuple(_anchor(way, point, (x, y), side, size) for side in sides)
    return Grid(stride, made, _points(way, [(0.0, 0.0)] * len(made), (x, y)))


def _listed(way: Way, scales: Sequence[Scale], size: tuple[int, int]) -> Grid:
    """Cells of all scales one after another, row by row."""
    made: list[Anchor] = []
    points: list[Anchor] = []
    for s, count in scales:
        rows, columns = ceil(size[0] / s), ceil(size[1] / s)
        corners = [(c * s, r * s) for r in range(rows) for c in range(columns)]
        corners = [corner for corner in corners for _ in range(max(count, 1))]
        shift = way.offset * s
        made += [_anchor(way, (x + shift, y + shift), (s, s), (s, s), size) for x, y in corners]
        points += _points(way, corners, (s, s))
    return Grid((0.0, 0.0), tuple(made), tuple(points), own=True)


def _anchor(
    way: Way,
    point: tuple[float, float],
    stride: tuple[float, float],
    side: tuple[float, float],
    size: tuple[int, int],
) -> Anchor:
    """`stride`, `side` are (x, y) and (width, height); `size` is the picture's (height, width)."""
    units = {Unit.STRIDE: stride, Unit.ANCHOR: side, Unit.PIXEL: (1.0, 1.0)}
    if not way.pixels:
        units[Unit.PIXEL] = (float(size[1]), float(size[0]))
    (a, b), (w, h) = units[way.place], units[way.size]
    if way.form is Form.CELL:
        w, h = side
    x, y, of_w, of_h = way.variances
    if way.size_curve is Curve.EXP:  # there they are factors of t
        of_w = of_h = 1.0
    return Anchor(*point, a * x, b * y, w * of_w, h * of_h)


def _points(
    way: Way, corners: Sequence[tuple[float, float]], stride: tuple[float, float]
) -> tuple[Anchor, ...]:
    """What places extra points, of cells with these corners."""
    if not way.points:
        return ()
    x, y = stride
    gains = (1.0, 1.0) if way.place is Unit.PIXEL else (x * way.points_gain, y * way.points_gain)
    shift = way.points_offset
    return tuple(Anchor(left + shift * x, top + shift * y, *gains) for left, top in corners)
