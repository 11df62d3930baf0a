"""What a stage is looked at by: ways to hold a tensor, moments, the row steps that are sampled."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ir.window import Window
from mcucc.schedule.search.bound_axis import Made, before

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Way:
    """A way to hold a tensor, in bytes: at the moments of nodes in front, at those behind its last
    reader, while its tile is there, as a result in place; scratch of its node; an image by rows
    that it is made of, before and after its node. What it costs. (rows, columns, steps)"""

    before: Floats
    after: Floats
    live: Floats
    in_place: Floats
    scratch: Floats
    image: Floats
    image_after: Floats
    cost: Floats
    again: bool = False  # its rows are computed again


@dataclass(frozen=True, eq=False)
class Again:
    """Rows of a tensor that are computed again: at each of `turns` borders of steps `each` (tiles).

    After a step the next one begins at row `to` instead of `start`: (tiles, steps).
    """

    turns: Ints
    each: Ints
    start: Ints
    to: Ints

    @staticmethod
    def of(made: Made) -> Again:
        """Of a tensor that is not cached."""
        assert made.asked is not None
        return Again(made.asked.borders, made.asked.shared, made.high, made.asked.keep)

    @property
    def times(self) -> Ints:
        """Rows at least that are computed again."""
        return self.turns * self.each

    @property
    def rows(self) -> Ints:
        """Rows kept longer at a step, before and after it."""
        longer = self.start - np.minimum(self.to, self.start)
        return np.asarray(np.minimum(longer, before(longer)))

    def through(self, window: Window, size: int, end: int) -> Again:
        """What that asks of an operand of `size` rows; of the tensor itself rows up to `end` are
        needed. Near the upper edge fewer are read."""
        clipped = max(0, -(-(window.pad - window.phase) // window.stride))
        each = np.maximum(0, window.stride * self.each + min(0, window.kernel - window.stride))

        def first(at: Ints) -> Ints:
            found = np.clip(window.first(0) + window.stride * at, 0, size)
            return np.asarray(np.where(at >= end, size, found))

        turns = np.maximum(0, self.turns - clipped)
        return Again(turns, each, first(self.start), first(self.to))


@dataclass(eq=False)
class Moments:
    """Bytes at the actions of nodes `first` .. `last`, the largest of them: (prices, rows,
    columns, steps)."""

    first: int
    last: int
    bytes: Floats


def merged(moments: Sequence[Moments], bounds: Collection[int]) -> list[Moments]:
    """Moments that nothing in front tells apart, no last reader in `bounds`, are one: the most."""
    kept: list[Moments] = []
    for moment in sorted(moments, key=lambda m: -m.first):
        behind = kept[-1] if kept else None
        if behind is not None and not any(moment.last <= b < behind.first for b in bounds):
            both = np.maximum(behind.bytes, moment.bytes)
            kept[-1] = Moments(moment.first, behind.last, both)
        else:
            kept.append(moment)
    return kept


def reach(count: Ints, window: Window, size: int, outputs: int) -> Ints:
    """Positions at least that so many outputs in a row read, of a tensor of `size`."""
    after = max(0, window.first(outputs - 1) + window.kernel - size)
    found = (count - 1) * window.stride // window.upsample - (window.upsample > 1)
    found = found + window.kernel - max(0, window.pad, after)
    return np.asarray(np.clip(found, 1, size))


def samples(steps: Ints) -> Ints:
    """Row steps that are looked at, of tiles with so many: the first, the middle, the last ones."""
    found = [np.full_like(steps, t) for t in (-16, -12, -8, -6, -4, -3, -2, -1, 0, 1, 2, 4)]
    found += [steps // 3, steps // 2, steps - 3, steps - 1]
    return np.minimum(np.stack(found, axis=1), steps[:, None] - 1)
