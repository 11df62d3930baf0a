"""Partial stages: what they ask for (states), what they take (rows), and which of them go on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcucc.schedule.search.costs import ALIKE
from mcucc.schedule.search.stages import Booleans, Ints
from mcucc.schedule.search.walks.geometry import FAR
from mcucc.schedule.search.walks.grid import Order

LARGEST = 1 << 32  # more than the bytes of any stage that counts
DEAREST = 1 << 40  # and than its cost in units of ALIKE
# Costs are whole numbers of this part of a unit: their sums are the same in any order.
GRAIN = 1024
TOLERANCE = int(ALIKE * GRAIN)


@dataclass(frozen=True, eq=False)
class States:
    """What the partial stages of a walk ask for: `lows` (tensor, axis, state) of `tensors`.

    FAR where a tensor is not asked for. Sorted by walk.
    """

    walk: Ints
    tensors: tuple[int, ...]
    lows: Ints

    @property
    def count(self) -> int:
        """How many there are."""
        return self.walk.size

    def of(self, tensor: int) -> Ints | None:
        """What is asked of a tensor, (axis, state)."""
        return self.lows[self.tensors.index(tensor)] if tensor in self.tensors else None

    def take(self, states: Order) -> States:
        """Some of them."""
        return States(self.walk[states], self.tensors, self.lows.take(states, axis=2))

    def behind(self, walks: Ints) -> States:
        """With states of new walks behind, that ask for nothing."""
        far = np.full((len(self.tensors), 2, walks.size), FAR)
        lows = np.concatenate([self.lows, far], axis=2)
        return States(np.concatenate([self.walk, walks]), self.tensors, lows)

    def asking(self, made: int, lows: dict[int, Ints], of: Order | slice) -> States:
        """Some of them that ask for `lows` in place of a tensor that is `made`."""
        rest = [i for i, tensor in enumerate(self.tensors) if tensor != made]
        tensors = [self.tensors[i] for i in rest]
        tensors += [tensor for tensor in lows if tensor not in tensors]
        walk = self.walk[of]
        found = np.empty((len(tensors), 2, walk.size), dtype=np.int64)
        for place, (i, tensor) in enumerate(zip(rest, tensors, strict=False)):
            found[place] = self.lows[i][:, of]
            if tensor in lows:
                np.minimum(found[place], lows[tensor], out=found[place])
        for place in range(len(rest), len(tensors)):
            found[place] = lows[tensors[place]]
        return States(walk, tuple(tensors), found)


@dataclass(frozen=True, eq=False)
class Rows:
    """Partial stages, sorted by state, then by bytes; `table` is (what, row).

    Bytes `held` between steps, of the `largest` call, of the tile (`top`) that the last call fills,
    cost above the least in GRAINs. `number` is that of the log.
    """

    table: Ints

    @property
    def state(self) -> Ints:
        """The state of each."""
        found: Ints = self.table[0]
        return found

    @property
    def number(self) -> Ints:
        """The number of each in the log."""
        found: Ints = self.table[5]
        return found

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.table.shape[1])

    @property
    def bytes(self) -> Ints:
        """What each needs so far."""
        found: Ints = self.table[1] + np.maximum(self.table[2], self.table[3])
        return found

    def take(self, rows: Order | Booleans) -> Rows:
        """Some of them."""
        if rows.dtype == np.bool_:
            rows = np.flatnonzero(rows)
        return Rows(self.table.take(rows, axis=1))

    def behind(self, states: Ints) -> Rows:
        """With a row that takes nothing for each new state."""
        more = np.zeros((6, states.size), dtype=np.int64)
        more[0], more[5] = states, -1
        return Rows(np.concatenate([self.table, more], axis=1))


def nothing() -> tuple[States, Rows]:
    """No partial stages."""
    none = np.zeros(0, dtype=np.int64)
    return States(none, (), none.reshape(0, 2, 0)), Rows(np.zeros((6, 0), dtype=np.int64))


def occupied(states: States, rows: Rows) -> tuple[States, Rows]:
    """Without states that no row is in."""
    used = np.zeros(states.count, dtype=np.bool_)
    used[rows.state] = True
    if used.all():
        return states, rows
    places = used.cumsum() - 1
    table = rows.table.copy()
    table[0] = places[table[0]]
    return states.take(used.nonzero()[0]), Rows(table)


def merged(states: States) -> tuple[States, Ints]:
    """States that ask for the same made one, sorted by walk; by state, which one it is."""
    key = states.walk - states.walk[0]
    room = int(key[-1]) + 1
    lows = states.lows.reshape(-1, states.count)
    near = lows < FAR
    least = lows.min(axis=1)
    value = np.where(near, lows - least[:, None] + 1, 0)
    varies = (value.min(axis=1) < (most := value.max(axis=1))).nonzero()[0]
    for i in varies.tolist():
        span = int(most[i]) + 1
        if room * span >= 1 << 62:
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
            room = key.size
        key, room = key * span + value[i], room * span
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    return states.take(first), which.astype(np.int64)


def running_least(groups: Ints, values: Ints) -> Ints:
    """The least value of a group so far, in the order of rows; groups are sorted."""
    shift = (groups[-1] - groups) * (2 * DEAREST) if groups.size else groups
    found: Ints = np.minimum.accumulate(values + shift) - shift
    return found


def in_units(cost: Ints) -> Ints:
    """Costs in units of what counts as a difference."""
    return np.minimum(cost // TOLERANCE, DEAREST - 1)


def by_bytes(groups: Ints, size: Ints) -> Order:
    """The order of rows by group, then bytes."""
    return (groups * LARGEST + np.minimum(size, LARGEST - 1)).argsort(kind="stable")


def unbeaten(rows: Rows, far: int) -> Booleans:
    """Rows, sorted by state and bytes, that no other one of the state beats whatever comes.

    Bytes come to held + the largest of this call's, of those so far and of those to come. A row is
    held against at most `far` ones in front of it; one more that is kept costs time only.
    """
    kept = np.ones(rows.count, dtype=np.bool_)
    state, held, largest, top, cost, _ = rows.table
    # Rows in front have no higher state: they have the same one where theirs is not lower.
    front = np.array([-state, held, held + largest, held + top, cost])
    own = front.copy()
    own[4] += TOLERANCE
    for distance in range(1, min(far + 1, rows.count)):
        if not (state[distance:] == state[:-distance]).any():
            break
        kept[distance:] &= ~(front[:, :-distance] <= own[:, distance:]).all(axis=0)
    return kept


def chosen(walks: Ints, rows: Rows, most: int) -> Order | None:
    """Of too many rows of a walk half of `most` of least memory, and as many evenly over cost.

    None where no walk has too many. Rows are sorted by walk.
    """
    if rows.count <= most or not (walks[most:] == walks[:-most]).any():
        return None
    walks = walks - walks[0]
    order = by_bytes(walks, rows.bytes)
    counts = np.bincount(walks)
    rank = np.arange(order.size) - (counts.cumsum() - counts)[walks]
    keep = (rank < most - most // 2) | (counts[walks] <= most)
    cost = in_units(rows.table[4][order])
    before = np.concatenate([[DEAREST], running_least(walks, cost)[:-1]])
    front = ~keep & ((rank == 0) | (cost < before))
    sizes = np.bincount(walks[front], minlength=counts.size)
    place = front.cumsum() - 1 - (sizes.cumsum() - sizes)[walks]
    total = np.maximum(sizes[walks], 1)
    share = np.minimum(total, most // 2)
    keep |= front & ((place * share) // total != ((place - 1) * share) // total)
    return np.sort(order[keep])
