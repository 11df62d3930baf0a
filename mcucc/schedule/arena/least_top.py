"""The least top of a few buffers, placed one after the other: proved where no state is cut off.

A solution is an order: each buffer lies as low as those before it allow. The states of all orders
advance together, a buffer a round, as rows of arrays. A state is dropped when another with the same
buffers placed beats it in every respect, when what is left cannot stay below the ceiling, and, of
more than a certain width, when it has lifted what is left the most.

Orders are restricted to ascending offsets. With d(a, b) the least distance of b above a, a solution
in which a lies below b keeps x_b - x_a >= d(a, b); as d may be negative, it is x + c that ascends,
for potentials c with d(a, b) + c_b - c_a > 0. Where distances around a cycle sum to nothing there
are none, and nothing is proved. Buffers that may have equal offsets are also tried as one item.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

NO_CONFLICT = -(1 << 40)
FAR = 1 << 40
MOST_BUFFERS = 62  # they are the bits of a number

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Items:
    """What is placed: single buffers, then groups of them that lie at one offset.

    `above[i, j]` is the least distance of item j above item i (NO_CONFLICT: none), `bits` the
    buffers of each item. At some moments, `lengths` of each buffer are live and begin at `lows` in
    it: (moments, buffers). `gaps` are open intervals of offsets that other buffers forbid an item,
    ascending: (items, intervals, 2). `complete`: no group is left out.
    """

    sizes: Numbers
    above: Numbers
    bits: Numbers
    lengths: Numbers
    lows: Numbers
    gaps: Numbers
    complete: bool = True

    @property
    def buffers(self) -> int:
        """How many there are."""
        return int(self.lengths.shape[1])

    @property
    def mirrored(self) -> Items:
        """The same from the ceiling down; for items without gaps."""
        sizes, above = self.sizes, self.above.T
        distances = above + sizes[:, None] - sizes[None, :]
        lows = np.where(self.lengths > 0, sizes[: self.buffers] - self.lows - self.lengths, 0)
        above = np.where(above > NO_CONFLICT, distances, NO_CONFLICT)
        return Items(sizes, above, self.bits, self.lengths, lows, self.gaps, self.complete)


@dataclass(frozen=True)
class Least:
    """The least top found and offsets by buffer; without any the top is above the ceiling.

    `proved`: there is no lower top.
    """

    top: int
    offsets: tuple[int, ...] | None
    proved: bool


def least_top(items: Items, ceiling: int, width: int, good: int = 0) -> Least:
    """The least top of at most `ceiling`, with so many states a round; stops at one of `good`."""
    return _Rounds(items, ceiling, width, good).run()


def potentials(above: Numbers) -> Numbers | None:
    """c with above[a, b] + c_b - c_a > 0 for all conflicts; None where there is none."""
    found = np.zeros(len(above), dtype=np.int64)
    steps = np.where(above > NO_CONFLICT, above, FAR) - 1
    for _ in range(len(above) + 1):
        after = np.minimum(found, (found[None, :] + steps).min(axis=1, initial=FAR))
        if (after == found).all():
            return found
        found = after
    return None


@dataclass(frozen=True, eq=False)
class _States:
    """Rows: buffers placed, lowest offsets of items, top, x + c of the last, and where from."""

    placed: Numbers
    low: Numbers
    top: Numbers
    last: Numbers
    parent: Numbers
    item: Numbers
    at: Numbers

    def rows(self, chosen: Numbers) -> _States:
        return _States(
            self.placed[chosen],
            self.low[chosen],
            self.top[chosen],
            self.last[chosen],
            self.parent[chosen],
            self.item[chosen],
            self.at[chosen],
        )


class _Rounds:
    def __init__(self, items: Items, ceiling: int, width: int, good: int) -> None:
        self.items, self.ceiling, self.width, self.good = items, ceiling, width, good
        shift = potentials(items.above)
        self.proved = shift is not None and items.complete
        self.shift = np.zeros(len(items.sizes), dtype=np.int64) if shift is None else shift
        self.history: list[_States] = []
        self.lengths = items.lengths.T.astype(np.float64)
        live = [np.flatnonzero(lengths) for lengths in items.lengths]
        self.moments = [(own, lows[own]) for own, lows in zip(live, items.lows, strict=True)]

    def run(self) -> Least:
        zero = np.zeros(1, dtype=np.int64)
        low = self._lifted(np.zeros((1, len(self.items.sizes)), dtype=np.int64))
        states = _States(zero, low, zero, zero + NO_CONFLICT, zero, zero, zero)
        everything = (1 << self.items.buffers) - 1
        found: Least | None = None
        while len(states.placed):
            states = self._next(states)
            states, need, waiting = self._kept(states)
            done = np.flatnonzero(states.placed == everything)
            if len(done):
                row = int(done[np.argmin(states.top[done])])
                found = Least(int(states.top[row]), self._offsets(states, row), False)
                self.ceiling = found.top - 1
                if found.top <= self.good:
                    break
            rows = np.flatnonzero((states.placed != everything) & (need <= self.ceiling))
            if len(rows) > self.width:
                self.proved = False
                count = self.items.buffers
                lifted = states.low[:, :count] * waiting * self.items.sizes[:count]
                rows = rows[np.lexsort((lifted.sum(axis=1)[rows], need[rows]))[: self.width]]
            states = states.rows(rows)
            self.history.append(states)
        if found is None:
            return Least(self.ceiling + 1, None, self.proved)
        return Least(found.top, found.offsets, self.proved)

    def _next(self, states: _States) -> _States:
        """Every state with every item placed that may come next."""
        items = self.items
        free = (states.placed[:, None] & items.bits) == 0
        fits = states.low + items.sizes <= self.ceiling
        parent, item = np.nonzero(free & fits & (states.low + self.shift >= states.last[:, None]))
        at = states.low[parent, item]
        return _States(
            placed=states.placed[parent] | items.bits[item],
            low=self._lifted(np.maximum(states.low[parent], at[:, None] + items.above[item])),
            top=np.maximum(states.top[parent], at + items.sizes[item]),
            last=at + self.shift[item],
            parent=parent,
            item=item,
            at=at,
        )

    def _kept(self, states: _States) -> tuple[_States, Numbers, Flags]:
        """States below the ceiling that no other beats, what they need, what they have to place."""
        items, count = self.items, self.items.buffers
        waiting = (states.placed[:, None] & items.bits[:count]) == 0
        # Nothing comes to lie below the last.
        least = np.maximum(states.low[:, :count], states.last[:, None] - self.shift[:count])
        need = np.maximum(states.top, ((least + items.sizes[:count]) * waiting).max(axis=1))
        order = np.lexsort((states.low.sum(axis=1), states.last, need, states.placed))
        order = self._unbeaten(order[need[order] <= self.ceiling], states, waiting)
        need, waiting, least = need[order], waiting[order], least[order]
        # At a moment, what is live of the rest lies above the lowest of it.
        rest = waiting @ self.lengths
        lowest = np.where(waiting, least, FAR)
        for moment, (live, lows) in enumerate(self.moments):
            base = (lowest[:, live] + lows).min(axis=1, initial=FAR)
            above = base + rest[:, moment].astype(np.int64)
            need = np.maximum(need, np.where(base < FAR, above, 0))
        fits = np.flatnonzero(need <= self.ceiling)
        return states.rows(order[fits]), need[fits], waiting[fits]

    def _unbeaten(self, order: Numbers, states: _States, waiting: Flags) -> Numbers:
        """Without states that one of the first with the same buffers placed beats."""
        kept = []
        count = self.items.buffers
        for _ in range(3):
            if not len(order):
                break
            placed = states.placed[order]
            first = np.append(True, placed[1:] != placed[:-1])
            leader = order[first][np.cumsum(first) - 1]
            lower = states.low[leader] <= states.low[order]
            lower[:, :count] |= ~waiting[order]
            beaten = lower.all(axis=1) & (states.top[leader] <= states.top[order])
            beaten &= states.last[leader] <= states.last[order]
            kept.append(order[first])
            order = order[~beaten & ~first]
        return np.concatenate([*kept, order])

    def _lifted(self, low: Numbers) -> Numbers:
        """Offsets out of the gaps."""
        for begin, end in self.items.gaps.transpose(1, 2, 0):
            low = np.where((low > begin) & (low < end), end, low)
        return low

    def _offsets(self, states: _States, row: int) -> tuple[int, ...]:
        offsets = [0] * self.items.buffers
        for each in (states, *reversed(self.history)):
            bits = int(self.items.bits[each.item[row]])
            for buffer in range(self.items.buffers):
                if bits >> buffer & 1:
                    offsets[buffer] = int(each.at[row])
            row = int(each.parent[row])
        return tuple(offsets)
