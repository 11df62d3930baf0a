"""Offsets under a ceiling by constraint propagation: found, proved impossible, or given up.

Of two buffers that are live together one lies below the other by at least a known distance, or
both at the same offset where a result replaces its operand. What is decided so far implies least
distances between all buffers (the longest paths of a graph of differences; Dechter, Meiri, Pearl,
"Temporal constraint networks", 1991, as job shops are scheduled): a pair of which one order is
impossible gets the other, and a pair of which both are is a contradiction. Then the pair with the
least freedom is decided one way, and the other way when that fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.schedule.arena.problem import Neighbours

NO_PATH = -(1 << 40)

Matrix = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
# Buffers by position: the first lies below the second, or at the same offset.
Decision = tuple[int, int, bool]


@dataclass(frozen=True)
class Outcome:
    """Offsets by buffer, or None; whether that is proved impossible; distances added."""

    offsets: dict[int, int] | None
    impossible: bool
    steps: int


def offsets_under(
    ceiling: int,
    sizes: Sequence[int],
    neighbours: Neighbours,
    members: Sequence[int],
    steps: int,
) -> Outcome:
    """Offsets of `members` in [0, ceiling) that keep their distances, within `steps`."""
    return _Propagation(ceiling, sizes, neighbours, members, steps).solve()


class _Propagation:
    """Distances between members by position; the position after the last is the arena's floor."""

    def __init__(
        self,
        ceiling: int,
        sizes: Sequence[int],
        neighbours: Neighbours,
        members: Sequence[int],
        steps: int,
    ) -> None:
        self.members, self.left, self.steps = members, steps, steps
        self.floor = len(members)
        position = {buffer: i for i, buffer in enumerate(members)}
        shape = self.floor + 1, self.floor + 1
        self.asked = np.full(shape, NO_PATH, dtype=np.int64)  # [i, j]: of j above i
        self.equal = np.zeros(shape, dtype=np.bool_)
        for i, buffer in enumerate(members):
            for other, below, above, equal in neighbours[buffer]:
                if other in position and below + above > 0:
                    j = position[other]
                    self.asked[i, j], self.asked[j, i] = below, above
                    self.equal[i, j] = self.equal[j, i] = equal
        self.pairs: Flags = self.asked > NO_PATH
        self.start = np.full(shape, NO_PATH, dtype=np.int64)
        self.start[self.floor] = 0
        self.start[:-1, self.floor] = [sizes[buffer] - ceiling for buffer in members]
        np.fill_diagonal(self.start, 0)
        through_floor = self.start[:, self.floor, None] + self.start[self.floor][None, :]
        np.maximum(self.start, through_floor, out=self.start)

    def solve(self) -> Outcome:
        """Depth first over the orders of pairs."""
        least: Matrix | None = self.start.copy()
        if (np.diag(self.start) > 0).any():
            return Outcome(None, True, 0)
        waiting: list[tuple[Matrix, list[Decision]]] = []
        while self.left > 0:
            open_pairs = self._propagated(least) if least is not None else None
            if least is None or open_pairs is None:
                if self.left > 0 and not waiting:
                    return Outcome(None, True, self.steps - self.left)
                if waiting:
                    least = self._next(waiting)
                continue
            if not open_pairs.any():
                offsets = {b: int(least[self.floor, i]) for i, b in enumerate(self.members)}
                return Outcome(offsets, False, self.steps - self.left)
            waiting.append((least, self._decisions(least, open_pairs)))
            least = self._next(waiting)
        return Outcome(None, False, self.steps)

    def _next(self, waiting: list[tuple[Matrix, list[Decision]]]) -> Matrix | None:
        """The next decision of the last open pair; None where it contradicts."""
        before, decisions = waiting.pop()
        if not decisions:
            return None
        (i, j, equal), *others = decisions
        least = before
        if others:
            waiting.append((before, others))
            least = before.copy()
        kept = self._add(least, i, j, 0 if equal else int(self.asked[i, j]))
        if kept and equal:
            kept = self._add(least, j, i, 0)
        return least if kept else None

    def _add(self, least: Matrix, i: int, j: int, distance: int) -> bool:
        """j lies at least `distance` above i; False when that contradicts."""
        self.left -= 1
        np.maximum(least, (least[:, i] + distance)[:, None] + least[j][None, :], out=least)
        return bool(least[i, i] <= 0)

    def _propagated(self, least: Matrix) -> Flags | None:
        """Decide pairs that have one order left; the pairs still open, None on contradiction."""
        while self.left > 0:
            kept = least >= self.asked
            same = self.equal & (least == 0) & (least.T == 0)
            pairs = self.pairs & ~kept & ~kept.T & ~same
            may_be_same = self.equal & (least <= 0) & (least.T <= 0)
            forced = np.argwhere(pairs & (least.T + self.asked > 0) & ~may_be_same)
            if not len(forced):
                return np.asarray(pairs)
            for i, j in forced:  # i cannot lie below j
                if least[j, i] >= self.asked[j, i]:
                    continue
                distance = int(self.asked[j, i])
                if least[i, j] + distance > 0 or not self._add(least, j, i, distance):
                    return None
        return None

    def _decisions(self, least: Matrix, pairs: Flags) -> list[Decision]:
        """What may become of the open pair with the least freedom, the most likely first."""
        slack = -(least.T + self.asked)
        freedom = np.where(pairs, np.maximum(slack, slack.T), 1 << 50)
        i, j = (int(x) for x in divmod(int(np.argmin(freedom)), self.floor + 1))
        orders: list[Decision] = [(i, j, False), (j, i, False)]
        orders = sorted(
            (o for o in orders if slack[o[0], o[1]] >= 0), key=lambda o: -slack[o[0], o[1]]
        )
        if self.equal[i, j] and least[i, j] <= 0 and least[j, i] <= 0:
            orders.insert(0, (i, j, True))
        return orders
