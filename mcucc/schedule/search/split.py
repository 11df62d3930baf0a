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
from mcucc.schedule.search.costs import ALIKE, CostModel
from mcucc.schedule.search.space import Option, Space, View
from mcucc.schedule.search.stage import StageSearch
from mcucc.schedule.split.rewrite import Block, blocks_of, with_splits

GROUPS = (8, 16, 32)  # channels, about
MULTIPLE = 4  # what depthwise kernels like
LONGEST = 8  # nodes of a stage
EFFORT = 400  # states visited in a walk


def views(network: PlannerGraph, ends: range) -> Iterator[View]:
    """The network in groups of few, more and many channels, for stages that end at `ends`."""
    blocks = _blocks(network, range(ends.start - LONGEST, ends.stop))
    seen: list[Mapping[str, SplitPlan]] = []
    for channels in GROUPS:
        splits = {name: _split(network, block, channels) for name, block in blocks.items()}
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


def _split(network: PlannerGraph, block: Block, channels: int) -> SplitPlan:
    """Groups as even as MULTIPLE allows."""
    expanded = network.graph.activations[block.expand.output].channels
    groups = max(1, round(expanded / channels))
    even = -(-expanded // groups)
    return SplitPlan(block.project.name, min(expanded, -(-even // MULTIPLE) * MULTIPLE))


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
    return View(PlannerGraph(graph, network.image), splits, {0: 0, **cuts})


class SplitSearch:
    """Stages of a view that split at least one block."""

    def __init__(self, plain: StageSearch, view: View, cost: CostModel) -> None:
        self.view = view
        self.inside = StageSearch(view.network, cost)
        self.base = _before(map(plain.least_cost, plain.network.nodes))
        self.own = _before(map(self.inside.least_cost, view.network.nodes))
        self.plain = plain.network

    def stages(self, end: int, tile: tuple[int, int], space: Space) -> list[Option]:
        """The stages that end before node `end` of the plain network."""
        position = self.view.positions.get(end)
        if position is None:
            return []
        found, _, _ = self.inside.stages(position, tile, space, EFFORT)
        return [self._option(o, end) for o in found if self._splits(o.begin, end)]

    def _splits(self, position: int, end: int) -> bool:
        begin = self.view.cuts.get(position)
        if begin is None:
            return False
        return any(node.name in self.view.splits for node in self.plain.nodes[begin:end])

    def _option(self, option: Option, end: int) -> Option:
        """The stage among those of the plain network: cost above the least of its nodes."""
        begin = self.view.cuts[option.begin]
        more = self.own[option.end] - self.own[option.begin] - self.base[end] + self.base[begin]
        cost = max(0.0, option.cost + more)
        return replace(option, begin=begin, end=end, cost=cost, view=self.view)


def promising(options: list[Option], margin: float) -> list[Option]:
    """Without those that another of the same nodes beats by `margin`, least memory first.

    Estimates are too high by up to `margin`.
    """
    groups: dict[tuple[int, int], list[Option]] = {}
    for option in sorted(options, key=lambda o: (o.bytes, o.cost)):
        kept = groups.setdefault((option.begin, option.end), [])
        if not any(
            o.cost <= option.cost + ALIKE and o.bytes * margin <= option.bytes for o in kept
        ):
            kept.append(option)
    found = [option for kept in groups.values() for option in kept]
    return sorted(found, key=lambda o: (o.bytes, o.cost))


def _before(costs: Iterable[float]) -> list[float]:
    """Costs of the nodes before each position."""
    return list(itertools.accumulate(costs, initial=0.0))
