"""The stages that a search has found, and what was measured of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from mcucc.base.progress import Progress
from mcucc.errors import ModelError
from mcucc.schedule.expand.expand import chain_arena, chain_bytes
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.plan.plan import StagePlan
from mcucc.schedule.search.candidate import Candidate, Draft, Key
from mcucc.schedule.search.join import join
from mcucc.schedule.search.limits import SearchLimits
from mcucc.schedule.search.view import View

# Bytes of a stage that cannot be built: more than any cap.
UNBUILDABLE = sys.maxsize
# Stages of which one measurement holds: nodes, tiles and policies of the same network.
_Alike = tuple[View | None, int, tuple[StagePlan, ...]]


class StageTable:
    """Stages by the node they end before, with exact bytes where they are known.

    What the walk adds up is an estimate. `measured` builds a stage by itself as `expand` would in
    a plan, and counts the most bytes that are live at a time; `lay_out` also places its buffers.
    `refused` are stages that `expand` does not make: the rules of search and expansion have come
    apart where there are any. They are left out of all further plans.
    """

    def __init__(self, network: PlannerGraph, limits: SearchLimits) -> None:
        self.network, self.limits = network, limits
        self.found: dict[int, list[Candidate]] = {}
        self.exact: dict[Key, int] = {}
        self.in_arena: set[Key] = set()  # stages whose exact bytes are those of an arena
        self.refused: set[Key] = set()
        self._live: dict[_Alike, int] = {}
        self._arenas: dict[_Alike, int] = {}

    def add(self, stage: Candidate) -> None:
        """One more."""
        self.found.setdefault(stage.end, []).append(stage)

    def ending(self, end: int) -> list[Candidate]:
        """Those that end before a node."""
        return self.found.get(end, [])

    def plans(self) -> list[Draft]:
        """The plans they join to: the Pareto set of bytes and cost."""
        known = {
            end: [self._best_known(s) for s in stages if s.key not in self.refused]
            for end, stages in self.found.items()
        }
        return join(known, len(self.network.nodes), self.limits.joins)

    def bytes_of(self, stage: Candidate) -> int:
        """Exact bytes where they are known, else the estimate."""
        return self.exact.get(stage.key, stage.bytes)

    def measured(self, stage: Candidate) -> int:
        """The most bytes live at a time while it runs."""
        return self._built(stage, chain_bytes, self._live)

    def lay_out(self, stages: Iterable[Candidate]) -> None:
        """From here on these need the arenas that hold their buffers, gaps and all."""
        arena = partial(chain_arena, limits=self.limits.stage_arena)
        for stage in stages:
            size = self._built(stage, arena, self._arenas)
            self.exact[stage.key] = max(size, self.bytes_of(stage))
            self.in_arena.add(stage.key)

    def refine(self, peak: int, slack: float, progress: Progress) -> None:
        """Measure the stages whose estimates are near a plan's bytes: they may need less."""
        limits = self.limits.refine
        near = [
            stage
            for stages in self.found.values()
            for stage in stages
            if peak * limits.below < stage.bytes <= peak * limits.margin
            and stage.cost <= slack
            and len(stage.stages) == 1
            and stage.key not in self.exact
        ]
        near.sort(key=lambda stage: stage.bytes)
        for done, stage in enumerate(near[: limits.stages]):
            progress("planning: refine", done, min(len(near), limits.stages))
            self.exact[stage.key] = self.measured(stage)

    def tight(self, limit: float) -> range:
        """Ends of the stages between which no plan keeps within `limit` bytes.

        Plans that do are followed from the first node on and from the last node back, each as far
        as they go; only what lies between is worth more effort.
        """
        count = len(self.network.nodes)
        ahead, behind = [0], [count]
        for end in range(1, count + 1):
            if any(s.bytes <= limit and s.begin in ahead for s in self.ending(end)):
                ahead.append(end)
        for end in range(count, 0, -1):
            if end in behind:
                behind += [s.begin for s in self.ending(end) if s.bytes <= limit]
        last = min(behind) + self.limits.recompute.beyond
        return range(ahead[-1] + 1, min(count, last) + 1)

    def _best_known(self, stage: Candidate) -> Candidate:
        size = self.bytes_of(stage)
        return stage if size == stage.bytes else replace(stage, bytes=size)

    def _built(
        self,
        stage: Candidate,
        measure: Callable[[PlannerGraph, Sequence[StagePlan], int], int],
        known: dict[_Alike, int],
    ) -> int:
        """What `measure` says of a stage that is built; where that is refused it is remembered.

        About every third stage that is measured has been found before, by another walk.
        """
        view = stage.view
        if view is None:
            network, plans, begin = self.network, stage.plans(self.network), stage.begin
        else:  # the network is rewritten already: a plan of its own nodes
            network = view.network
            begin, end = view.positions[stage.begin], view.positions[stage.end]
            names = tuple(node.name for node in network.nodes[begin:end])
            plans = [StagePlan(names, stage.tile, stage.edges(network))]
        alike = view, begin, tuple(plans)
        if alike not in known:
            try:
                known[alike] = measure(network, plans, begin)
            except ModelError:
                known[alike] = UNBUILDABLE
        if known[alike] == UNBUILDABLE:
            self.refused.add(stage.key)
        return known[alike]
