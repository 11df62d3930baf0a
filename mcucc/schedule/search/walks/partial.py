"""Partial stages: what they ask for (states), what they take (rows), and which of them go on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mcucc.schedule.search.costs import ALIKE
from mcucc.schedule.search.stages import Booleans, Floats, Ints
from mcucc.schedule.search.walks.geometry import FAR

LARGEST = 1 << 32  # more than the bytes of any stage that counts
DEAREST = 1 << 40  # and than its cost in units of ALIKE


@dataclass(frozen=True, eq=False)
class States:
    """What the partial stages of a walk ask for: the `lows` (axis, state) of tensors by number.

    FAR where a tensor is not asked for. Sorted by walk.
    """

    walk: Ints
    lows: dict[int, Ints]

    @property
    def count(self) -> int:
        """How many there are."""
        return self.walk.size

    def take(self, states: Ints) -> States:
        """Some of them."""
        return States(self.walk[states], {t: low[:, states] for t, low in self.lows.items()})

    def behind(self, walks: Ints) -> States:
        """With states of new walks behind, that ask for nothing."""
        lows = {
            tensor: np.concatenate([low, np.full((2, walks.size), FAR)], axis=1)
            for tensor, low in self.lows.items()
        }
        return States(np.concatenate([self.walk, walks]), lows)


@dataclass(frozen=True, eq=False)
class Rows:
    """Partial stages: bytes `held` between steps, of the `largest` call, of the tile (`top`) that
    the last call fills, cost above the least. `number` is that of the log.

    Sorted by state, then by bytes.
    """

    state: Ints
    held: Ints
    largest: Ints
    top: Ints
    cost: Floats
    number: Ints

    def take(self, rows: Ints | Booleans) -> Rows:
        """Some of them."""
        return Rows(
            self.state[rows],
            self.held[rows],
            self.largest[rows],
            self.top[rows],
            self.cost[rows],
            self.number[rows],
        )

    @property
    def bytes(self) -> Ints:
        """What each needs so far."""
        return self.held + np.maximum(self.largest, self.top)

    def behind(self, states: Ints) -> Rows:
        """With a row that takes nothing for each new state."""
        zero = np.zeros(states.size, dtype=np.int64)
        parts = (states, zero, zero, zero, np.zeros(states.size), zero - 1)
        mine = (self.state, self.held, self.largest, self.top, self.cost, self.number)
        return Rows(*(np.concatenate(pair) for pair in zip(mine, parts, strict=True)))


def nothing() -> tuple[States, Rows]:
    """No partial stages."""
    no = np.zeros(0, dtype=np.int64)
    return States(no, {}), Rows(no, no, no, no, np.zeros(0), no)


def occupied(states: States, rows: Rows) -> tuple[States, Rows]:
    """Without states that no row is in."""
    used = np.zeros(states.count, dtype=np.bool_)
    used[rows.state] = True
    if used.all():
        return states, rows
    places = np.cumsum(used) - 1
    return states.take(np.flatnonzero(used)), replace(rows, state=places[rows.state])


def merged(states: States) -> tuple[States, Ints]:
    """States that ask for the same made one, sorted by walk; by state, which one it is."""
    key = states.walk.copy()
    room = int(key.max(initial=0)) + 1
    for low in (axis for both in states.lows.values() for axis in both):
        least = int(low.min(initial=0))
        value = np.where(low >= FAR, -1, low - least) + 1
        span = int(value.max(initial=0)) + 1
        if room * span >= 1 << 62:
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
            room = key.size
        key, room = key * span + value, room * span
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    return states.take(first), which.astype(np.int64)


def running_least(groups: Ints, values: Ints) -> Ints:
    """The least value of a group so far, in the order of rows; groups are sorted."""
    shift = (int(groups[-1]) - groups) * (2 * DEAREST) if groups.size else groups
    found: Ints = np.minimum.accumulate(values + shift) - shift
    return found


def in_units(cost: Floats) -> Ints:
    """Costs in units of what counts as a difference."""
    return np.minimum(cost / ALIKE, DEAREST - 1).astype(np.int64)


def by_bytes(groups: Ints, size: Ints) -> npt.NDArray[np.intp]:
    """The order of rows by group, then bytes."""
    return np.argsort(groups * LARGEST + np.minimum(size, LARGEST - 1), kind="stable")


def unbeaten(rows: Rows, tolerance: float, far: int) -> Booleans:
    """Rows, sorted by state and bytes, that no other one of the state beats whatever comes.

    Bytes come to held + the largest of this call's, of those so far and of those to come. A row is
    held against at most `far` ones in front of it; one more that is kept costs time only.
    """
    kept = np.ones(rows.state.size, dtype=np.bool_)
    left = np.arange(kept.size)
    size, high = rows.held + rows.largest, rows.held + rows.top
    for distance in range(1, far + 1):
        left = left[left >= distance]
        left = left[rows.state[left] == rows.state[left - distance]]
        if not left.size:
            break
        other = left - distance
        beaten = (
            (rows.held[other] <= rows.held[left])
            & (size[other] <= size[left])
            & (high[other] <= high[left])
            & (rows.cost[other] <= rows.cost[left] + tolerance)
        )
        kept[left[beaten]] = False
        left = left[~beaten]
    return kept


def chosen(walks: Ints, rows: Rows, most: int) -> npt.NDArray[np.intp] | None:
    """Of too many rows of a walk half of `most` of least memory, and as many evenly over cost.

    None where no walk has too many.
    """
    counts = np.bincount(walks)
    if counts.size == 0 or counts.max() <= most:
        return None
    order = by_bytes(walks, rows.bytes)
    sorted_walks = walks[order]
    rank = np.arange(order.size) - (np.cumsum(counts) - counts)[sorted_walks]
    keep = (rank < most - most // 2) | (counts[sorted_walks] <= most)
    cost = in_units(rows.cost[order])
    before = np.concatenate([[DEAREST], running_least(sorted_walks, cost)[:-1]])
    first = rank == 0
    front = ~keep & (first | (cost < before))
    fronts = np.cumsum(front) - 1
    sizes = np.bincount(sorted_walks[front], minlength=counts.size)
    begin = np.cumsum(sizes) - sizes
    place = fronts - begin[sorted_walks]
    total = np.maximum(sizes[sorted_walks], 1)
    share = np.minimum(total, most // 2)
    even = (place * share) // total != ((place - 1) * share) // total
    keep |= front & even
    return np.sort(order[keep])
