"""Chains that were built: plans of one network have most of theirs in common.

What a chain is made of, and when its buffers live, follows from its plans, its nodes, and how the
tensors that it touches live beyond it. Where those are the same, so is the chain: in another plan,
in a network with other blocks rewritten, at another place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mcucc.ir.integer import IntegerGraph
from mcucc.schedule.arena.allocate import peak_live
from mcucc.schedule.arena.requests import Request
from mcucc.schedule.expand.built import BuiltChain, built_stage
from mcucc.schedule.expand.chains import Member, interleaved
from mcucc.schedule.expand.liveness import ChainLive, by_index, chain_live
from mcucc.schedule.expand.planner_graph import Context, PlannerGraph
from mcucc.schedule.expand.stage_buffers import StageBuffers
from mcucc.schedule.expand.stage_ranges import StageRanges
from mcucc.schedule.plan.buffers import Buffer, BufferId
from mcucc.schedule.plan.live_ranges import InPlace, LiveRange
from mcucc.schedule.plan.plan import ImagePolicy, StagePlan
from mcucc.schedule.plan.program import Stage

# By number of the stages of a chain, counted from 0.
Ranges = Mapping[int, LiveRange]
Buffers = dict[BufferId, Buffer]


@dataclass(frozen=True, eq=False)
class KnownChain:
    """A chain of a network, and the buffers that it touches."""

    net: PlannerGraph
    built: BuiltChain
    buffers: Buffers

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Its stages."""
        return tuple(built.stage for built in self.built.stages)

    @property
    def length(self) -> int:
        """How many nodes it has."""
        return self.built.end - self.built.begin

    @property
    def times(self) -> list[int]:
        """At how many times each of its stages has anything live."""
        return [2 + len(stage.iterations) * max(1, len(stage.actions)) for stage in self.stages]

    @cached_property
    def added_bytes(self) -> int:
        """The most bytes live at a time, less those of the tensors from before that it touches."""
        live, net = self._live, self.net
        found = {**live.local, **live.whole, **live.rings}
        requests = [Request(self.buffers[id].size, by_stage) for id, by_stage in found.items()]
        peak = peak_live(requests, by_index(live.in_place, found))
        before = (net.tensors[net.number[id.of]] for id in live.whole)
        begin = self.built.begin
        return peak - sum(t.size for t in before if t.alive(begin))

    @property
    def _live(self) -> ChainLive:
        return chain_live(self.net, self.built, self.buffers)

    @cached_property
    def _ranges(self) -> tuple[list[dict[BufferId, Ranges]], InPlace]:
        live = self._live
        found: list[dict[BufferId, Ranges]] = [
            {
                id: {number: LiveRange.of(extents) for number, extents in by_stage.items()}
                for id, by_stage in part.items()
            }
            for part in (live.local, live.whole, live.rings)
        ]
        return found, live.in_place

    @property
    def local(self) -> Mapping[BufferId, Ranges]:
        """Live ranges of buffers that one stage touches."""
        return self._ranges[0][0]

    @property
    def whole(self) -> Mapping[BufferId, Ranges]:
        """Of inputs, outputs and tensors between chains."""
        return self._ranges[0][1]

    @property
    def rings(self) -> Mapping[BufferId, Ranges]:
        """Of the rings between its stages."""
        return self._ranges[0][2]

    @property
    def in_place(self) -> InPlace:
        """(operand, result) that may share an offset."""
        return self._ranges[1]


class KnownChains:
    """The chains of plans of one network, and the networks that those plans make of it."""

    def __init__(self) -> None:
        self._chains: dict[tuple[int, tuple[StagePlan, ...]], KnownChain] = {}
        self._contexts: dict[Context, int] = {}
        self._numbers: dict[tuple[PlannerGraph, int, int], int] = {}
        self._networks: dict[object, PlannerGraph] = {}

    def network(
        self, graph: IntegerGraph, image: ImagePolicy, row_outputs: tuple[str, ...]
    ) -> PlannerGraph:
        """The planner's network of these nodes."""
        key = graph.nodes, image, row_outputs
        if key not in self._networks:
            self._networks[key] = PlannerGraph(graph, image, row_outputs)
        return self._networks[key]

    def chain(self, net: PlannerGraph, plans: Sequence[StagePlan], begin: int) -> KnownChain:
        """The chain of nodes from `begin` on.

        Raises ModelError where a plan's tile does not fit its nodes.
        """
        key = self._number(net, begin, begin + sum(len(p.nodes) for p in plans)), tuple(plans)
        if key not in self._chains:
            buffers: Buffers = {}
            self._chains[key] = KnownChain(net, built_chain(net, plans, begin, buffers), buffers)
        return self._chains[key]

    def _number(self, net: PlannerGraph, begin: int, end: int) -> int:
        """That of the context of nodes [begin, end)."""
        place = net, begin, end
        if place not in self._numbers:
            context = net.context(begin, end)
            self._numbers[place] = self._contexts.setdefault(context, len(self._contexts))
        return self._numbers[place]


def built_chain(
    net: PlannerGraph, plans: Sequence[StagePlan], begin: int, buffers: Buffers
) -> BuiltChain:
    """The stages of a chain; `buffers` takes what they touch.

    Raises ModelError where a plan's tile does not fit its nodes.
    """
    stages: list[StageRanges] = []
    for plan in plans:
        stages.append(StageRanges(net, plan, stages[-1].end if stages else begin))
        if len(plans) > 1 and plan.strips > 1:
            raise stages[-1].error("stages that feed each other have no strips")
    parts = [Member(s.begin, s.end, s.rows.steps * s.plan.strips, s.rows.tracks) for s in stages]
    turns = interleaved(net, parts)
    built = []
    for ranges in stages:
        layout = StageBuffers(ranges, buffers, turns.rings, stages[-1].end)
        built.append(built_stage(ranges, layout))
        buffers.update(layout.buffers)
    return BuiltChain(tuple(built), turns)
