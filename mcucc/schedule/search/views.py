"""The views that a search looks at: makers of views, each for blocks near a place of a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.plan.plan import Plan, SplitPlan, StagePlan
from mcucc.schedule.search.facts import Alike
from mcucc.schedule.search.limits import Effort
from mcucc.schedule.search.view import View
from mcucc.schedule.split.rewrite import Block, blocks_of, with_splits

# The views of a network in which blocks that end at some cuts are rewritten.
ViewMaker = Callable[[range], Sequence[View]]
MULTIPLE = 4  # channels that depthwise kernels like


def splits(network: PlannerGraph, effort: Effort) -> ViewMaker:
    """Blocks split into groups of few, more and many channels."""
    position = {node.name: i for i, node in enumerate(network.nodes)}
    blocks: dict[int, Block] = {}
    for name, block in blocks_of(network.graph).items() if effort.channels else ():
        if len({position[part] - i for i, part in enumerate(block.names)}) == 1:  # nodes in a row
            blocks[position[name] + 1] = block
    known: dict[tuple[int, ...], list[View]] = {}

    def views(near: range) -> Sequence[View]:
        ends: list[int] = []
        for end in sorted(blocks):
            if end in near and (not ends or end - 3 >= ends[-1]):
                ends.append(end)
        if tuple(ends) not in known:
            plans: list[Mapping[str, SplitPlan]] = []
            for channels in effort.channels:
                found = [_split(network, blocks[end], channels) for end in ends]
                by_name = {split.node: split for split in found}
                if found and by_name not in plans:
                    plans.append(by_name)
            alike = Alike()
            known[tuple(ends)] = [_view(network, found, alike) for found in plans]
        return known[tuple(ends)]

    return views


def _split(network: PlannerGraph, block: Block, channels: int) -> SplitPlan:
    """Groups of about so many channels, as even as `MULTIPLE` allows."""
    expanded = network.graph.activations[block.expand.output].channels
    groups = max(1, round(expanded / channels))
    even = -(-expanded // groups)
    return SplitPlan(block.project.name, min(expanded, -(-even // MULTIPLE) * MULTIPLE))


def _view(network: PlannerGraph, splits: Mapping[str, SplitPlan], alike: Alike) -> View:
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

    seen = PlannerGraph(graph, network.image, network.row_outputs)
    return View(seen, {0: 0, **cuts}, frozenset(splits), added, alike)


MAKERS: Sequence[Callable[[PlannerGraph, Effort], ViewMaker]] = (splits,)
