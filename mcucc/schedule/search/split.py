"""Stages with channel splits: the search inside a stage, on networks whose blocks are split.

A view is the network with every expand - depthwise - project block in groups of about so many
channels. Its stages are found by the walk that finds all others, and become stages of the network.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.plan.plan import Plan, SplitPlan, StagePlan
from mcucc.schedule.search.candidate import Candidate
from mcucc.schedule.search.costs import ALIKE
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.limits import SplitLimits, Tile
from mcucc.schedule.search.space import Space
from mcucc.schedule.search.stage import stages_ending
from mcucc.schedule.search.view import View
from mcucc.schedule.split.rewrite import Block, blocks_of, with_splits


def views(network: PlannerGraph, ends: range, limits: SplitLimits) -> Iterator[View]:
    """The network in groups of few, more and many channels, for stages that end at `ends`."""
    blocks = _blocks(network, range(ends.start - limits.walk.longest, ends.stop))
    seen: list[Mapping[str, SplitPlan]] = []
    for channels in limits.channels:
        splits = {
            name: _split(network, block, channels, limits.multiple)
            for name, block in blocks.items()
        }
        if splits and splits not in seen:
            seen.append(splits)
            yield _view(network, splits)


def _blocks(network: PlannerGraph, near: range) -> dict[str, Block]:
    """Blocks of nodes in a row that end in `near` and have no node in common."""
    position = {node.name: i for i, node in enumerate(network.nodes)}
    found: dict[str, Block] = {}
    free = 0
    for name, block in sorted(blocks_of(network.graph).items(), key=lambda b: position[b[0]]):
        first, *others = (position[part] for part in block.names)
        row = others == [first + 1, first + 2] and first + 3 in near
        if row and first >= free:
            found[name], free = block, first + 3
    return found


def _split(network: PlannerGraph, block: Block, channels: int, multiple: int) -> SplitPlan:
    """Groups of about so many channels, as even as `multiple` allows."""
    expanded = network.graph.activations[block.expand.output].channels
    groups = max(1, round(expanded / channels))
    even = -(-expanded // groups)
    return SplitPlan(block.project.name, min(expanded, -(-even // multiple) * multiple))


def _view(network: PlannerGraph, splits: Mapping[str, SplitPlan]) -> View:
    names = tuple(node.name for node in network.nodes)
    stage = StagePlan(names, (1, 0), splits=tuple(splits.values()))
    graph, _ = with_splits(network.graph, Plan("", network.image, (stage,)))
    plain = {name: i for i, name in enumerate(names)}
    cuts = {
        i + 1: plain[node.name] + 1
        for i, node in enumerate(graph.nodes)
        if i + 1 == len(graph.nodes) or graph.nodes[i + 1].name not in splits
    }

    def added(stage: StagePlan) -> StagePlan:
        found = tuple(splits[name] for name in stage.nodes if name in splits)
        return replace(stage, splits=found)

    return View(
        PlannerGraph(graph, network.image, network.row_outputs),
        {0: 0, **cuts},
        frozenset(splits),
        added,
    )


class SplitSearch:
    """Stages of a view that split at least one block."""

    def __init__(self, plain: SearchFacts, view: View) -> None:
        self.plain, self.view = plain.network, view
        self.facts = SearchFacts(view.network, plain.cost)
        self.base = _before(map(plain.least_cost, plain.network.nodes))
        self.own = _before(map(self.facts.least_cost, view.network.nodes))

    def stages(self, end: int, tile: Tile, space: Space, effort: int) -> list[Candidate]:
        """The stages that end before node `end` of the plain network."""
        position = self.view.positions.get(end)
        if position is None:
            return []
        found = stages_ending(self.facts, position, tile, space, effort).stages
        return [self._of_plain(stage, end) for stage in found if self._splits(stage.begin, end)]

    def _splits(self, position: int, end: int) -> bool:
        """Whether a stage that begins here begins between blocks, and has one of them."""
        begin = self.view.cuts.get(position)
        if begin is None:
            return False
        return any(node.name in self.view.marks for node in self.plain.nodes[begin:end])

    def _of_plain(self, stage: Candidate, end: int) -> Candidate:
        """The stage among those of the plain network: cost above the least of its nodes."""
        begin = self.view.cuts[stage.begin]
        more = self.own[stage.end] - self.own[stage.begin] - self.base[end] + self.base[begin]
        cost = max(0.0, stage.cost + more)
        return replace(stage, begin=begin, end=end, cost=cost, view=self.view)


def promising(stages: list[Candidate], margin: float) -> list[Candidate]:
    """Without those that another of the same nodes beats by `margin`, least memory first.

    Estimates are too high by up to `margin`, so what is beaten by less may be the better one.
    """
    groups: dict[tuple[int, int], list[Candidate]] = {}
    for stage in sorted(stages, key=lambda s: (s.bytes, s.cost)):
        kept = groups.setdefault((stage.begin, stage.end), [])
        if not any(s.cost <= stage.cost + ALIKE and s.bytes * margin <= stage.bytes for s in kept):
            kept.append(stage)
    found = [stage for kept in groups.values() for stage in kept]
    return sorted(found, key=lambda s: (s.bytes, s.cost))


def _before(costs: Iterable[float]) -> list[float]:
    """Costs of the nodes before each position."""
    return list(itertools.accumulate(costs, initial=0.0))
