"""The stages that a search has found, as arrays, and what was measured of them."""

from __future__ import annotations

import bisect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from mcucc.errors import ModelError
from mcucc.schedule.arena.limits import ArenaLimits
from mcucc.schedule.expand.expand import chain_arena, chain_bytes
from mcucc.schedule.expand.known import KnownChains
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.plan.plan import StagePlan
from mcucc.schedule.search.join import Edges
from mcucc.schedule.search.stages import Booleans, Floats, Ints, Stages
from mcucc.schedule.search.view import Seen, View

BYTE_BITS = 36  # of a sort key that has a stage's end and begin above them
MOST_BYTES = (1 << BYTE_BITS) - 1
UNBUILDABLE = sys.maxsize // 4  # bytes of a stage that `expand` refuses: more than any cap
# Stages of which one measurement holds: nodes, tiles and policies of the same network.
_Alike = tuple[View | None, int, tuple[StagePlan, ...]]
_Measure = Callable[[PlannerGraph, Sequence[StagePlan], int], int]


@dataclass(frozen=True, eq=False)
class Proposals:
    """Stages and chains of stages, a row each; they begin and end at cuts of a network seen.

    `members` are rows of `stages`, the first of a chain first, padded with -1: (rows, most stages).
    `bytes` are estimated, `cost` is above the least of the nodes in that network.
    """

    seen: Seen
    stages: Stages
    members: Ints
    begin: Ints
    end: Ints
    bytes: Ints
    cost: Floats

    @staticmethod
    def of(seen: Seen, stages: Stages) -> Proposals:
        """Stages by themselves."""
        members = np.arange(len(stages))[:, None]
        return Proposals(seen, stages, members, stages.begin, stages.end, stages.bytes, stages.cost)

    def kept(self, rows: Ints | Booleans) -> Proposals:
        """Some of them."""
        return replace(
            self,
            members=self.members[rows],
            begin=self.begin[rows],
            end=self.end[rows],
            bytes=self.bytes[rows],
            cost=self.cost[rows],
        )

    def plans(self, row: int) -> tuple[StagePlan, ...]:
        """The stages of a row in a plan of the network seen."""
        stages, found = self.stages, []
        members = [int(i) for i in self.members[row] if i >= 0]
        for i in members:
            begin, end = int(stages.begin[i]), int(stages.end[i])
            names = tuple(node.name for node in self.seen.facts.network.nodes[begin:end])
            tile = int(stages.rows[i]), int(stages.columns[i])
            strips, feeds = int(stages.strips[i]), i != members[-1]
            found.append(StagePlan(names, tile, stages.decisions(i), feeds, strips=strips))
        return tuple(found)


class StageTable:
    """Rows of stages by the plain network's cuts, with the bytes that are known of each.

    What a walk adds up is the most that each buffer ever takes, which do not all come at one time:
    until a stage is measured, its estimate over `margin` is taken for the least that it can need.
    `measure` builds a stage by itself as `expand` would in a plan, and counts the most bytes that
    are `live` at a time; `lay_out` also places its buffers, whose gaps are part of `bytes`.
    Those that `expand` does not make are `refused`: the rules of search and expansion have come
    apart where there are any.
    """

    def __init__(
        self, network: PlannerGraph, margin: float, chains: KnownChains | None = None
    ) -> None:
        self.network, self.count, self.margin = network, len(network.nodes), margin
        self.chains = chains or KnownChains()
        none = np.zeros(0, dtype=np.int64)
        self.begin, self.end, self.estimate, self.bytes, self.live = none, none, none, none, none
        self.cost: Floats = np.zeros(0)
        self.known: Booleans = np.zeros(0, dtype=np.bool_)
        self.refused: set[int] = set()
        self.laid_out: set[int] = set()
        self._blocks: list[Proposals] = []
        self._firsts: list[int] = []
        self._sizes: dict[tuple[str, _Alike], int] = {}
        self._sorted: tuple[Ints, Ints] | None = None

    def add(self, found: Proposals) -> None:
        """Take in what was found, as far as it begins and ends at cuts of the plain network."""
        self._sorted = None
        seen = found.seen
        found = found.kept(seen.own(found.begin, found.end))
        self._firsts.append(self.begin.size)
        self._blocks.append(found)
        least = np.ceil(found.bytes / self.margin).astype(np.int64)
        more = seen.more[found.end] - seen.more[found.begin]
        self.begin = np.concatenate((self.begin, seen.cuts[found.begin]))
        self.end = np.concatenate((self.end, seen.cuts[found.end]))
        self.estimate = np.concatenate((self.estimate, found.bytes))
        self.bytes = np.concatenate((self.bytes, least))
        self.live = np.concatenate((self.live, least))
        self.cost = np.concatenate((self.cost, np.maximum(0.0, found.cost + more)))
        self.known = np.concatenate((self.known, np.zeros(len(found.bytes), dtype=np.bool_)))

    def likely(self) -> Ints:
        """Bytes of every row, measured or estimated."""
        return np.where(self.known, self.bytes, self.estimate)

    def edges(self, bytes: Ints, slack: float, most: float = float("inf")) -> Edges:
        """The stages of at most `most` bytes and so much cost, none that another beats."""
        group, rows = self._order
        fits = (self.cost[rows] <= slack) & (bytes[rows] <= most)
        group, rows = group[fits], rows[fits]
        # Rows are in order of their ends and costs for good: one stable sort puts bytes between.
        order = np.argsort(
            (group << BYTE_BITS) + np.minimum(bytes[rows], MOST_BYTES), kind="stable"
        )
        rows = rows[order]
        ends = self.begin[rows], self.end[rows]
        return Edges(*ends, bytes[rows], self.cost[rows], rows).sorted_undominated()

    @property
    def _order(self) -> tuple[Ints, Ints]:
        """All rows by end, begin, cost: the number of their end and begin, and themselves."""
        if self._sorted is None:
            group = self.end * (self.count + 1) + self.begin
            rows = np.lexsort((self.cost, group))
            self._sorted = group[rows], rows
        return self._sorted

    def plans(self, row: int) -> list[StagePlan]:
        """A row as stages of a plan of the plain network."""
        block, own = self._place(row)
        return [
            block.seen.plain(plan, int(block.stages.begin[i]), int(block.stages.end[i]))
            for plan, i in zip(block.plans(own), block.members[own], strict=False)
        ]

    # Exact bytes ------------------------------------------------------------------------------

    def settle(self, row: int) -> None:
        """From here on its estimate stands."""
        self.live[row] = self.bytes[row] = self.likely()[row]
        self.known[row] = True

    def measure(self, row: int) -> None:
        """From here on its bytes are the most that are live at a time while it runs."""
        if not self.known[row]:
            self.known[row] = True
            live = self._built(row, "live", partial(chain_bytes, known=self.chains))
            self.live[row] = self.bytes[row] = live

    def lay_out(self, row: int, limits: ArenaLimits) -> None:
        """From here on its bytes are those of an arena that holds its buffers, gaps and all."""
        self.measure(row)
        if row not in self.laid_out:
            self.laid_out.add(row)
            measure = partial(chain_arena, limits=limits, known=self.chains)
            arena = self._built(row, "arena", measure)
            self.bytes[row] = max(int(self.bytes[row]), arena)

    def _built(self, row: int, what: str, measure: _Measure) -> int:
        """What is said of a row that is built; many have been found before, by another walk."""
        block, own = self._place(row)
        plans = block.plans(own)
        begin = int(block.begin[own])
        alike = what, (block.seen.view, begin, plans)
        size = self._sizes.get(alike)
        if size is None:
            try:
                size = measure(block.seen.facts.network, plans, begin)
            except ModelError:
                size = UNBUILDABLE
            self._sizes[alike] = size
        if size == UNBUILDABLE:
            self.refused.add(row)
        return size

    def _place(self, row: int) -> tuple[Proposals, int]:
        """What a row was proposed by, and as which row of that."""
        number = bisect.bisect_right(self._firsts, row) - 1
        return self._blocks[number], row - self._firsts[number]
