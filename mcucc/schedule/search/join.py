"""Stages joined to plans: for every number of bytes, the least cost of a path over the cuts.

A plan fits a budget when each of its stages does, so for one budget the cheapest plan is a shortest
path from the first node to the last. Many budgets are solved at once, as arrays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from mcucc.schedule.search.costs import ALIKE
from mcucc.schedule.search.stages import Booleans, Floats, Ints

# Added to the cost of every stage: of plans that cost the same the one of fewer stages is taken.
# Far below the least difference of costs that counts.
PER_STAGE = 1e-3
FRONT = 256  # budgets for which a front has the cheapest plan
BUDGETS = 16  # solved at once


@dataclass(frozen=True, eq=False)
class Edges:
    """Stages as edges between cuts: arrays of equal length, and the row of each in its table."""

    begin: Ints
    end: Ints
    bytes: Ints
    cost: Floats
    row: Ints

    def kept(self, chosen: Booleans | Ints) -> Edges:
        """Some of them."""
        cost, row = self.cost[chosen], self.row[chosen]
        return Edges(self.begin[chosen], self.end[chosen], self.bytes[chosen], cost, row)

    def undominated(self) -> Edges:
        """Those that no other of the same begin and end beats, sorted by end, begin, bytes."""
        order = np.lexsort((self.row, self.cost, self.bytes, self.begin, self.end))
        return self.kept(order).sorted_undominated()

    def sorted_undominated(self) -> Edges:
        """`undominated` of edges that are sorted so."""
        found = self
        if not found.row.size:
            return found
        fresh = (np.diff(found.begin, prepend=-1) != 0) | (np.diff(found.end, prepend=-1) != 0)
        # Falls from group to group by more than costs differ, so that a minimum starts afresh.
        lowered = found.cost - np.cumsum(fresh) * (np.ptp(found.cost) + 2 * ALIKE + 1.0)
        before = np.minimum.accumulate(np.concatenate(([np.inf], lowered[:-1])))
        return found.kept(fresh | (lowered < before - ALIKE))

    def reversed(self, count: int) -> Edges:
        """The same from the last of `count` nodes to the first."""
        begin, end = count - self.end, count - self.begin
        order = np.lexsort((self.row, begin, end))
        return Edges(begin, end, self.bytes, self.cost, self.row).kept(order)


@dataclass(frozen=True, eq=False)
class Paths:
    """Least costs of the nodes before each cut (by cut, budget), and by which edge from where."""

    edges: Edges
    budgets: Ints
    costs: Floats
    came: Ints

    @staticmethod
    def of(edges: Edges, count: int, budgets: Ints) -> Paths:
        """`edges` sorted by end; `count` nodes."""
        costs = np.full((count + 1, budgets.size), np.inf)
        costs[0] = 0.0
        came = np.full(costs.shape, -1)
        ends = np.searchsorted(edges.end, np.arange(count + 2))
        own = np.arange(budgets.size)
        for end in range(1, count + 1):
            low, high = int(ends[end]), int(ends[end + 1])
            if low == high:
                continue
            total = costs[edges.begin[low:high]] + (edges.cost[low:high, None] + PER_STAGE)
            total[edges.bytes[low:high, None] > budgets] = np.inf
            best = total.argmin(axis=0)
            costs[end], came[end] = total[best, own], low + best
        return Paths(edges, budgets, costs, came)

    def plans(self, slack: float) -> Booleans:
        """By budget, whether there is a plan that costs at most `slack`."""
        found: Booleans = np.isfinite(self.costs[-1]) & (self.costs[-1] <= slack + ALIKE)
        return found

    def path(self, budget: int) -> tuple[int, ...]:
        """Rows of the cheapest plan within a budget (by number), the first stage first."""
        found: list[int] = []
        end = self.costs.shape[0] - 1
        while end:
            edge = int(self.came[end, budget])
            found.append(int(self.edges.row[edge]))
            end = int(self.edges.begin[edge])
        return tuple(reversed(found))


@dataclass(frozen=True, eq=False)
class Draft:
    """A plan that is not expanded yet: bytes of its largest stage, its cost, rows of its stages."""

    bytes: int
    cost: float
    rows: tuple[int, ...]


def least(edges: Edges, count: int, slack: float, enough: int = 0) -> Draft | None:
    """The plan of least bytes that costs at most `slack`; None where there is none.

    The edges are `undominated`, as a table gives them. Plans of at most `enough` bytes are equal.
    """
    edges = edges.kept(edges.cost <= slack)
    sizes = np.unique(np.maximum(edges.bytes, enough))
    low, high = 0, sizes.size  # sizes below `low` are too few, all from `high` on are enough
    best: Draft | None = None
    while low < high:
        tried = np.linspace(low, high - 1, min(BUDGETS, high - low)).astype(np.int64)
        paths = Paths.of(edges, count, sizes[tried])
        fits = np.flatnonzero(paths.plans(slack))
        if not fits.size:
            low = int(tried[-1]) + 1
            continue
        first = int(fits[0])
        best = _draft(paths, first, edges)
        high = int(tried[first])
        low = int(tried[first - 1]) + 1 if first else low
    return best


def front(
    edges: Edges, count: int, slack: float, enough: int = 0, budgets: int = FRONT
) -> list[Draft]:
    """The Pareto set of plans for budgets evenly by rank that cost at most `slack`.

    The edges are `undominated`, as a table gives them. Plans of at most `enough` bytes are equal.
    """
    edges = edges.kept(edges.cost <= slack)
    sizes = np.unique(np.maximum(edges.bytes, enough))
    if not sizes.size:
        return []
    sizes = sizes[np.unique(np.linspace(0, sizes.size - 1, budgets).round().astype(np.int64))]
    paths = Paths.of(edges, count, sizes)
    found: list[Draft] = []
    for budget in np.flatnonzero(paths.plans(slack)):
        if not found or paths.costs[count, budget] < found[-1].cost - ALIKE:
            found.append(_draft(paths, int(budget), edges))
    return found


class _Priced(Protocol):
    """A stage or a plan."""

    @property
    def bytes(self) -> int: ...

    @property
    def cost(self) -> float: ...


Priced = TypeVar("Priced", bound=_Priced)


def pareto(found: Iterable[Priced]) -> list[Priced]:
    """Those that nothing of fewer bytes beats in cost, least bytes first."""
    kept: list[Priced] = []
    for each in sorted(found, key=lambda item: (item.bytes, item.cost)):
        if not kept or each.cost < kept[-1].cost - ALIKE:
            kept.append(each)
    return kept


def spread(drafts: list[Draft], most: int) -> list[Draft]:
    """At most `most` of a front's points, both ends kept, evenly by rank."""
    if len(drafts) <= max(most, 1):
        return drafts[:most]
    if most < 2:
        return drafts[:most]
    step = (len(drafts) - 1) / (most - 1)
    return [drafts[round(i * step)] for i in range(most)]


def _draft(paths: Paths, budget: int, edges: Edges) -> Draft:
    rows = paths.path(budget)
    known = dict(zip(edges.row.tolist(), edges.bytes.tolist(), strict=True))
    size = max((known[row] for row in rows), default=0)
    cost = float(paths.costs[-1, budget]) - PER_STAGE * len(rows)
    return Draft(size, cost, rows)
