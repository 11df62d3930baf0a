"""Every plan of a small network, by brute force: what search and bound are held against.

Stages do not depend on each other once their cuts are known, so all stages and chains between two
cuts are built one by one, and joined exactly. Nothing here knows how the search adds up bytes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, cast

from mcucc.errors import ModelError
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.kernel import Granularity
from mcucc.schedule.expand.axis import Axis
from mcucc.schedule.expand.expand import chain_bytes
from mcucc.schedule.expand.known import built_chain
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.expand.stage_ranges import StageRanges
from mcucc.schedule.expand.strips import Columns
from mcucc.schedule.plan.buffers import Buffer, BufferId
from mcucc.schedule.plan.plan import EdgePlan, Form, ImagePolicy, Plan, SplitPlan, StagePlan
from mcucc.schedule.plan.program import Program
from mcucc.schedule.plan.spans import Reuse
from mcucc.schedule.search.costs import CostModel, stage_costs
from mcucc.schedule.split.rewrite import blocks_of, with_splits

MANY = 10**9


@dataclass(frozen=True)
class Menu:
    """What is enumerated: tiles of stages (whole heights too), numbers of strips.

    Tiles of the stages of chains, of at most `links` stages; channels of the groups of splits.
    """

    heights: tuple[int, ...] = (1, 2, 3)
    widths: tuple[int, ...] = (0, 1, 2, 4)
    strips: tuple[int, ...] = (1, 2)
    chain_heights: tuple[int, ...] = (1,)
    chain_widths: tuple[int, ...] = (0, 1)
    links: int = 2
    split_channels: tuple[int, ...] = ()


@dataclass(frozen=True)
class Way:
    """One stage or chain of the nodes [begin, end): its bytes in use, its cost."""

    begin: int
    end: int
    plans: tuple[StagePlan, ...]
    bytes: int
    cost: float


@dataclass(frozen=True)
class Best:
    """A plan of the exact front."""

    bytes: int
    cost: float
    plan: Plan


@dataclass(frozen=True)
class Network:
    """A network whose blocks are split or not; `cuts` are positions in the plain network."""

    net: PlannerGraph
    cuts: dict[int, int]
    splits: tuple[SplitPlan, ...]
    plain: tuple[str, ...]


def ways(graph: IntegerGraph, image: ImagePolicy, menu: Menu, model: CostModel) -> list[Way]:
    """All stages and chains between all cuts that are not beaten in bytes and cost."""
    found: dict[tuple[int, int], list[Way]] = {}
    for view in _views(graph, image, menu.split_channels):
        for way in _ways(view, menu, model):
            found.setdefault((way.begin, way.end), []).append(way)
    return [way for group in found.values() for way in undominated(group)]


def front(graph: IntegerGraph, image: ImagePolicy, menu: Menu, model: CostModel) -> list[Best]:
    """The exact front of (bytes in use, cost), least bytes first; the order of nodes is given."""
    at: list[list[Best]] = [[Best(0, 0.0, Plan("enumerated", image, ()))]]
    found = ways(graph, image, menu, model)
    for end in range(1, len(graph.nodes) + 1):
        plans = [
            Best(
                max(best.bytes, way.bytes),
                best.cost + way.cost,
                replace(best.plan, stages=(*best.plan.stages, *way.plans)),
            )
            for way in found
            if way.end == end
            for best in at[way.begin]
        ]
        at.append(undominated(plans))
    return at[-1]


def undominated(found: Sequence[Any]) -> list[Any]:
    """Those that nothing of fewer or equal bytes beats in cost, least bytes first."""
    kept: list[Any] = []
    for each in sorted(found, key=lambda item: (item.bytes, item.cost)):
        if not kept or each.cost < kept[-1].cost - 1e-6:
            kept.append(each)
    return kept


def _views(graph: IntegerGraph, image: ImagePolicy, channels: tuple[int, ...]) -> Iterator[Network]:
    """The network itself, then with every choice of blocks and groups."""
    names = tuple(node.name for node in graph.nodes)
    blocks = blocks_of(graph)
    for chosen in itertools.product((0, *channels), repeat=len(blocks) if channels else 0):
        splits = tuple(
            SplitPlan(name, count) for name, count in zip(blocks, chosen, strict=True) if count
        )
        whole = StagePlan(names, (1, 0), splits=splits)
        try:
            cut, _ = with_splits(graph, Plan("view", image, (whole,)))
        except ModelError:
            continue  # blocks that have a node in common
        sums = {split.node for split in splits}  # no stage ends before the end of a block
        cuts = {
            i + 1: names.index(node.name) + 1
            for i, node in enumerate(cut.nodes)
            if i + 1 == len(cut.nodes) or cut.nodes[i + 1].name not in sums
        }
        yield Network(PlannerGraph(cut, image), {0: 0, **cuts}, splits, names)


def _ways(view: Network, menu: Menu, model: CostModel) -> Iterator[Way]:
    """Stages of every two cuts, and chains of stages over those between."""
    places = sorted(view.cuts)
    for begin, end in itertools.combinations(places, 2):
        for plan in stages(view.net, begin, end, menu.heights, menu.widths, menu.strips):
            yield from _way(view, begin, (plan,), model)
        for count in range(2, menu.links + 1):
            inner = [p for p in places if begin < p < end]
            for middle in itertools.combinations(inner, count - 1):
                bounds = (begin, *middle, end)
                options = [
                    list(stages(view.net, b, e, menu.chain_heights, menu.chain_widths, (1,)))
                    for b, e in itertools.pairwise(bounds)
                ]
                for plans in itertools.product(*options):
                    fed = [*(replace(plan, feeds=True) for plan in plans[:-1]), plans[-1]]
                    yield from _way(view, begin, tuple(fed), model)


def _way(
    view: Network, begin: int, plans: tuple[StagePlan, ...], model: CostModel
) -> Iterator[Way]:
    """A chain built by itself; nothing where `expand` does not make it."""
    net = view.net
    end = begin + sum(len(plan.nodes) for plan in plans)
    if view.splits and not any(split.node in plan.nodes for split in view.splits for plan in plans):
        return  # it is the same in another view
    try:
        size = chain_bytes(net, plans, begin)
        cost = chain_cost(net, plans, begin, model)
    except ModelError:
        return
    own = tuple(_of_plain(view, plan) for plan in plans)
    yield Way(view.cuts[begin], view.cuts[end], own, size, cost)


def _of_plain(view: Network, plan: StagePlan) -> StagePlan:
    """A stage of a view as one of the plain network."""
    position = {node.name: i for i, node in enumerate(view.net.nodes)}
    begin = view.cuts[position[plan.nodes[0]]]
    end = view.cuts[position[plan.nodes[-1]] + 1]
    splits = tuple(split for split in view.splits if split.node in plan.nodes)
    return replace(plan, nodes=view.plain[begin:end], splits=splits)


def chain_cost(
    net: PlannerGraph, plans: Sequence[StagePlan], begin: int, model: CostModel
) -> float:
    """What the model says of a chain by itself."""
    buffers: dict[BufferId, Buffer] = {}
    chain = built_chain(net, plans, begin, buffers)
    stages = [built.stage for built in chain.stages]
    alone = SimpleNamespace(stages=stages, buffers=buffers, graph=net.graph)
    return sum(stage_costs(cast(Program, alone), model))


def stages(
    net: PlannerGraph,
    begin: int,
    end: int,
    heights: Sequence[int],
    widths: Sequence[int],
    strips: Sequence[int],
) -> Iterator[StagePlan]:
    """Every stage of the nodes [begin, end) that differs from the others in what it does."""
    names = tuple(node.name for node in net.nodes[begin:end])
    last = net.nodes[end - 1]
    sink = last.granularity is Granularity.SINK
    measured = net.tensors[last.operands[0].tensor if sink else last.output]
    tall = sorted({height for height in heights if height < measured.height} | {measured.height})
    wide = [width for width in widths if width < measured.width]
    for height, width, count in itertools.product(tall, wide, strips):
        yield from _policies(net, begin, StagePlan(names, (height, width), strips=count))


def _policies(net: PlannerGraph, begin: int, bare: StagePlan) -> Iterator[StagePlan]:
    """A tile with every policy and form of every edge inside."""
    end = begin + len(bare.nodes)
    inside = [
        node.output
        for node in net.nodes[begin:end]
        if net.tensors[node.output].last < end and node.granularity is not Granularity.SINK
    ]
    downs: dict[str, tuple[tuple[Reuse, ...], Axis]] = {}
    acrosses: dict[str, tuple[tuple[Reuse, ...], Columns]] = {}
    for reuse in itertools.product(Reuse, repeat=len(inside)):
        held = [
            EdgePlan(net.tensors[t].name, rows=r, columns=r)
            for t, r in zip(inside, reuse, strict=True)
        ]
        try:
            ranges = StageRanges(net, replace(bare, edges=tuple(held)), begin)
        except ModelError:
            return
        downs.setdefault(repr(ranges.rows), (reuse, ranges.rows))
        acrosses.setdefault(repr(ranges.columns), (reuse, ranges.columns))
    for (rows, down), (columns, across) in itertools.product(downs.values(), acrosses.values()):
        forms = [_forms(down, across, tensor) for tensor in inside]
        for chosen in itertools.product(*forms):
            edges = tuple(
                EdgePlan(net.tensors[t].name, f, r, c)
                for t, f, r, c in zip(inside, chosen, rows, columns, strict=True)
            )
            yield replace(bare, edges=edges)


def _forms(down: Axis, across: Columns, tensor: int) -> list[Form]:
    """The forms that differ."""
    if tensor not in down.tracks:
        return [Form.TILE]
    forms = [Form.TILE]
    if down.tracks[tensor].cached or across.tracks[tensor].cached:
        forms.append(Form.RING)
    if across.tracks[tensor].left_over:
        forms.append(Form.SLIDE)
    return forms
