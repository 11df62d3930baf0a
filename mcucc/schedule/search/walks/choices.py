"""The ways to hold a tensor inside a stage: bytes they take, what they ask of its node."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcucc.schedule.plan.plan import Form
from mcucc.schedule.plan.spans import Reuse
from mcucc.schedule.search.stages import WAYS, Booleans, Ints, Rules
from mcucc.schedule.search.walks.geometry import FAR, Added
from mcucc.schedule.search.walks.grid import Grid

PLAIN = WAYS.index((Form.TILE, Reuse.CACHE, Reuse.CACHE))
# Which positions are computed, by bits: rows again, columns again.
AGAIN = tuple(
    2 * (rows is Reuse.RECOMPUTE) + (columns is Reuse.RECOMPUTE) for _, rows, columns in WAYS
)


@dataclass(frozen=True, eq=False)
class Choices:
    """For each way (`codes` of `WAYS`) and state: where it is `valid`, bytes it takes.

    `persistent` bytes stay from step to step, a `tile` is there while a step's positions are made
    and read. By what is computed again (`AGAIN`): `lows`, (rows or columns, state), from where on a
    step computes. `at` are places of the states' walks in `Added`.
    """

    codes: tuple[int, ...]
    valid: Booleans
    persistent: Ints
    tile: Ints
    lows: tuple[Ints, ...]
    at: Ints

    @property
    def again(self) -> Ints:
        """By way, what is computed again."""
        return np.array([AGAIN[code] for code in self.codes])


@dataclass(frozen=True, eq=False)
class Overlap:
    """What a step needs of a tensor, and what of it the step before had; elements are states.

    Of rows, `fresh` ones come with the step and `old` ones were there, `tall` in all; of columns,
    `side` ones were there, `wide` in all. A step computes from `new` on where what was there is
    kept, from `own` on where it is computed again. `more` positions are needed than come. A `row`
    of the stage has so many bytes.
    """

    fresh: Ints
    old: Ints
    tall: Ints
    side: Ints
    wide: Ints
    new: Ints
    own: Ints
    more: Booleans
    row: Ints

    @staticmethod
    def of(grid: Grid, added: Added, at: Ints, own: Ints | None) -> Overlap:
        """`own` are the lowest positions asked for, FAR where the tensor is stored whole."""
        tensor, rate, high = added.tensor, added.rate[:, at], added.high[:, at]
        whole, walks = added.whole[at], added.walks[at]
        width = added.strip_width[at]
        new = high - rate
        own = new if own is None else np.where(whole | (own >= FAR), new, own)
        single = grid.single[walks] & ~whole
        new = np.stack([new[0], np.where(single, own[1], new[1])])
        need = high - own
        over = np.maximum(need - rate, 0)
        return Overlap(
            fresh=np.minimum(tensor.height, rate[0]),
            old=np.minimum(tensor.height, over[0]),
            tall=np.minimum(tensor.height, need[0]),
            side=np.where(single, 0, np.minimum(width, over[1])),
            wide=np.where(grid.full[walks], width, np.minimum(width, need[1])),
            new=new,
            own=own,
            more=need > rate,
            row=width * tensor.pixel_bytes,
        )


def choices(rules: Rules, grid: Grid, added: Added, at: Ints, own: Ints | None) -> Choices:
    """The ways that the rules allow."""
    o = Overlap.of(grid, added, at, own)
    pixel, stored = added.tensor.pixel_bytes, ~added.whole[at]
    old_rows, tile = o.old * o.row, o.fresh * o.wide * pixel
    nothing = np.zeros_like(tile)
    found = [
        (old_rows + o.fresh * o.row, nothing),
        (old_rows + o.side * o.fresh * pixel, tile),
        (old_rows + tile, nothing),
    ]
    lows = [o.new]
    if rules.recompute:
        every = o.tall * o.wide * pixel
        found += [(old_rows, tile), (o.side * o.tall * pixel, every)]
        found += [(every, nothing), (nothing, every)]
        rows_new, columns_new = o.new
        rows_own, columns_own = o.own
        lows += [np.stack([rows_new, columns_own]), np.stack([rows_own, columns_new]), o.own]
    codes = tuple(range(len(found)))
    persistent = np.array([kept for kept, _ in found]) * stored
    tiles = np.array([each for _, each in found]) * stored
    return Choices(codes, _valid(rules, o, codes), persistent, tiles, tuple(lows), at)


def _valid(rules: Rules, o: Overlap, codes: tuple[int, ...]) -> Booleans:
    """Where each way is there and allowed."""
    old, side = o.old > 0, o.side > 0
    overlap = old | side
    cached = overlap if rules.cache else np.zeros_like(overlap)
    rows_again = old & (rules.cache | ~side)
    there = [cached, cached, cached & side]
    if len(codes) > len(there):
        there += [cached & side, rows_again, rows_again & side]
        there.append(side & (old | (not rules.cache)))
    found = np.array(there)
    for code in codes:
        form, *policies = WAYS[code]
        if form not in rules.forms and (form is not Form.TILE or AGAIN[code] == 0):
            found[code] = False
        if rules.pinned is not None:
            for axis, (policy, pinned) in enumerate(zip(policies, rules.pinned, strict=True)):
                if policy is not pinned:
                    found[code] &= ~o.more[axis]
    found[PLAIN] |= ~overlap
    return found
