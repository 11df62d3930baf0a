"""The ways to hold a tensor inside a stage: bytes they take, what they ask of its node."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mcucc.schedule.plan.plan import Form
from mcucc.schedule.plan.spans import Reuse
from mcucc.schedule.search.stages import WAYS, Booleans, Ints, Rules
from mcucc.schedule.search.walks.geometry import FAR, Added

PLAIN = WAYS.index((Form.TILE, Reuse.CACHE, Reuse.CACHE))
# Which positions are computed, by bits: rows again, columns again.
AGAIN = np.array(
    [2 * (rows is Reuse.RECOMPUTE) + (columns is Reuse.RECOMPUTE) for _, rows, columns in WAYS]
)
CACHING = int((AGAIN == 0).sum())  # the first ones compute nothing again


@dataclass(frozen=True, eq=False)
class Choices:
    """For each way of `WAYS` and state: where it is `valid`, bytes it takes.

    `persistent` bytes stay from step to step, a `tile` is there while a step's positions are made
    and read. A step computes from `new` (axis, state) on where what was there is kept, from `own`
    on where it is computed again.
    """

    valid: Booleans
    persistent: Ints
    tile: Ints
    new: Ints
    own: Ints

    @property
    def policies(self) -> int:
        """Of an axis: 1 where all is kept, 2 where it may be computed again."""
        return 1 if len(self.valid) == CACHING else 2

    @property
    def again(self) -> Ints:
        """By way, what is computed again."""
        return AGAIN[: len(self.valid)]

    @cached_property
    def lows(self) -> Ints:
        """From where on a step computes: (axis, what is computed again, state)."""
        if self.policies == 1:
            return self.new[:, None]
        (a, left), (b, right) = self.new, self.own
        return np.array([[a, a, b, b], [left, right, left, right]])


def allowed(rules: Rules) -> Booleans:
    """By way and overlap (bits: of rows, of columns), whether rules allow it."""
    old, side = np.arange(4) & 1 > 0, np.arange(4) & 2 > 0
    overlap = old | side
    there = [overlap, overlap, side]
    if not rules.cache:
        there = [np.zeros_like(overlap)] * CACHING
    if rules.recompute:
        rows_again = old if rules.cache else old & ~side
        there += [side if rules.cache else np.zeros_like(side), rows_again, rows_again & side]
        there.append(side & old if rules.cache else side)
    found = np.array(there)
    for code, (form, *policies) in enumerate(WAYS[: len(there)]):
        if form not in rules.forms and (form is not Form.TILE or AGAIN[code] == 0):
            found[code] = False
        for here, policy, pinned in zip((old, side), policies, rules.pinned or (), strict=False):
            found[code] &= ~here | (policy is pinned)
    found[PLAIN] |= ~overlap
    return found


def choices(allowed: Booleans, asked: Added, own: Ints | None, single: Booleans | None) -> Choices:
    """The ways that are `allowed`.

    `own` are the lowest positions (axis, state) that are asked for, FAR where the output is stored
    whole. `single`: strips of one column step, which cache no columns; None: there are none.
    """
    tensor, rate, high, width = asked.tensor, asked.rate, asked.high, asked.width
    pixel = tensor.pixel_bytes
    new = high - rate
    own = new if own is None else np.where(asked.whole | (own >= FAR), new, own)
    if single is not None:
        single = single & ~asked.whole
        new = np.array([new[0], np.where(single, own[1], new[1])])
    need = high - own
    old, side = np.maximum(need - rate, 0)
    old, side = np.minimum(tensor.height, old), np.minimum(width, side)
    if single is not None:
        side = np.where(single, 0, side)
    wide = np.where(asked.full, width, np.minimum(width, need[1])) * pixel
    fresh = np.minimum(tensor.height, rate[0])
    row, tile = width * pixel, fresh * wide
    persistent = np.zeros((len(allowed), asked.walks.size), dtype=np.int64)
    tiles = np.zeros_like(persistent)
    kept = old * row
    persistent[0] = kept + fresh * row
    persistent[1] = kept + side * fresh * pixel
    persistent[2] = kept + tile
    tiles[PLAIN] = tile
    if len(allowed) > CACHING:
        tall = np.minimum(tensor.height, need[0])
        every = tall * wide
        persistent[3], persistent[4], persistent[5] = kept, side * tall * pixel, every
        tiles[3], tiles[4], tiles[6] = tile, every, every
    if asked.whole.any():
        persistent[:, asked.whole] = 0
        tiles[:, asked.whole] = 0
    overlap = (old > 0) + 2 * (side > 0)
    valid = allowed.take(overlap, axis=1) & asked.fits
    return Choices(valid, persistent, tiles, new, own)
