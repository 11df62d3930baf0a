"""The ways to hold a tensor inside a stage: bytes they take, what they ask of its node."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcucc.schedule.plan.plan import Form
from mcucc.schedule.plan.spans import Reuse
from mcucc.schedule.search.stages import WAYS, Booleans, Ints, Rules
from mcucc.schedule.search.walks.geometry import FAR, Added
from mcucc.schedule.search.walks.grid import Grid, Places

PLAIN = WAYS.index((Form.TILE, Reuse.CACHE, Reuse.CACHE))
# Which positions are computed, by bits: rows again, columns again.
AGAIN = np.array(
    [2 * (rows is Reuse.RECOMPUTE) + (columns is Reuse.RECOMPUTE) for _, rows, columns in WAYS]
)
CACHING = int((AGAIN == 0).sum())  # the first ones compute nothing again


@dataclass(frozen=True, eq=False)
class Asked:
    """A node added to walks, with what is asked of it in each of their states.

    `own` are the lowest positions (axis, state) asked for, FAR where the output is stored whole.
    """

    added: Added
    walks: Ints
    rate: Ints
    high: Ints
    start: Ints
    whole: Booleans
    alone: Booleans
    left: Ints
    width: Ints | int
    full: Booleans
    fits: Booleans
    own: Ints | None

    @staticmethod
    def of(grid: Grid, added: Added, at: Places, own: Ints | None) -> Asked:
        """`at` are places of the states' walks in those of `added`."""
        width, walks = added.strip_width, added.walks[at]
        return Asked(
            added,
            walks,
            added.rate[:, at],
            added.high[:, at],
            added.start[:, at],
            added.whole[at],
            added.alone[at],
            added.left[at],
            width if isinstance(width, int) else width[at],
            grid.full[walks],
            added.fits[at],
            own,
        )


@dataclass(frozen=True, eq=False)
class Choices:
    """For each way of `WAYS` and state: where it is `valid`, bytes it takes.

    `persistent` bytes stay from step to step, a `tile` is there while a step's positions are made
    and read. By what is computed again (`AGAIN`): `lows`, (axis, state), from where on a step
    computes.
    """

    valid: Booleans
    persistent: Ints
    tile: Ints
    lows: tuple[Ints, ...]

    @property
    def again(self) -> Ints:
        """By way, what is computed again."""
        return AGAIN[: len(self.valid)]


@dataclass(frozen=True, eq=False)
class Overlap:
    """What a step needs of a tensor, and what of it the step before had; elements are states.

    Of rows, `fresh` ones come with the step and `old` ones were there, `tall` in all; of columns,
    `side` ones were there, `wide` in all. A step computes from `new` on where what was there is
    kept, from `own` on where it is computed again. `more` positions are needed than come.
    """

    fresh: Ints
    old: Ints
    tall: Ints
    side: Ints
    wide: Ints
    new: Ints
    own: Ints
    more: Booleans

    @staticmethod
    def of(asked: Asked, single: Booleans | None) -> Overlap:
        """`single`: strips of one column step, which cache no columns; None: there are none."""
        tensor, rate, high = asked.added.tensor, asked.rate, asked.high
        new = high - rate
        own = new
        if asked.own is not None:
            own = np.where(asked.whole | (asked.own >= FAR), new, asked.own)
        if single is not None:
            new = np.stack([new[0], np.where(single & ~asked.whole, own[1], new[1])])
        need = high - own
        over = np.maximum(need - rate, 0)
        side = np.minimum(asked.width, over[1])
        if single is not None:
            side = np.where(single & ~asked.whole, 0, side)
        return Overlap(
            fresh=np.minimum(tensor.height, rate[0]),
            old=np.minimum(tensor.height, over[0]),
            tall=np.minimum(tensor.height, need[0]),
            side=side,
            wide=np.where(asked.full, asked.width, np.minimum(asked.width, need[1])),
            new=new,
            own=own,
            more=over > 0,
        )


def choices(rules: Rules, asked: Asked, single: Booleans | None) -> Choices:
    """The ways that the rules allow."""
    o, pixel = Overlap.of(asked, single), asked.added.tensor.pixel_bytes
    codes = len(WAYS) if rules.recompute else CACHING
    persistent = np.zeros((codes, asked.walks.size), dtype=np.int64)
    tiles = np.zeros_like(persistent)
    row = asked.width * pixel
    tile = o.fresh * o.wide * pixel
    persistent[:CACHING] = o.old * row
    tiles[PLAIN] = tile
    persistent[0] += o.fresh * row
    persistent[1] += o.side * o.fresh * pixel
    persistent[2] += tile
    lows = [o.new]
    if rules.recompute:
        every = o.tall * o.wide * pixel
        persistent[3], persistent[4], persistent[5] = o.old * row, o.side * o.tall * pixel, every
        tiles[3], tiles[4], tiles[6] = tile, every, every
        lows += [np.stack([o.new[0], o.own[1]]), np.stack([o.own[0], o.new[1]]), o.own]
    if asked.whole.any():
        stored = ~asked.whole
        persistent *= stored
        tiles *= stored
    return Choices(_valid(rules, o, codes) & asked.fits, persistent, tiles, tuple(lows))


def _valid(rules: Rules, o: Overlap, codes: int) -> Booleans:
    """Where each way is there and allowed."""
    old, side = o.old > 0, o.side > 0
    overlap = old | side
    there = [overlap, overlap, side]
    if not rules.cache:
        there = [np.zeros_like(overlap)] * CACHING
    if codes > CACHING:
        rows_again = old if rules.cache else old & ~side
        there += [side if rules.cache else np.zeros_like(side), rows_again, rows_again & side]
        there.append(side & old if rules.cache else side)
    found = np.array(there)
    for code in range(codes):
        form, *policies = WAYS[code]
        if form not in rules.forms and (form is not Form.TILE or AGAIN[code] == 0):
            found[code] = False
        for axis, policy in enumerate(policies):
            if rules.pinned is not None and policy is not rules.pinned[axis]:
                found[code] &= ~o.more[axis]
    found[PLAIN] |= ~overlap
    return found
