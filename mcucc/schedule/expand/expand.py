"""Plan to Program: the ranges of every step, the buffers they live in, live ranges, the arena.

Chain by chain: `stage_ranges` says what every step computes, `chains` how stages take turns,
`stage_buffers` where tensors are held, `built` puts the body together. Live ranges follow from all
of that, and offsets from live ranges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mcucc.errors import ModelError
from mcucc.ir.integer import IntegerGraph, IntegerNode
from mcucc.schedule.arena.allocate import allocate, peak_live
from mcucc.schedule.arena.limits import ArenaLimits
from mcucc.schedule.arena.requests import Request
from mcucc.schedule.expand.built import BuiltChain, built_stage
from mcucc.schedule.expand.chains import Member, chains_of, interleaved
from mcucc.schedule.expand.liveness import Live, live_ranges
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.expand.stage_buffers import StageBuffers
from mcucc.schedule.expand.stage_ranges import StageRanges
from mcucc.schedule.plan.buffers import Buffer, BufferId, BufferKind
from mcucc.schedule.plan.live_ranges import LiveRange
from mcucc.schedule.plan.plan import Plan, StagePlan
from mcucc.schedule.plan.program import Chain, Program
from mcucc.schedule.split.rewrite import with_splits
from mcucc.schedule.twice.rewrite import with_clones

# int32 sums and word-wise kernels want their buffers aligned.
ALIGNMENT = 4
DEFAULT_LIMITS = ArenaLimits()
Buffers = dict[BufferId, Buffer]


def expand(graph: IntegerGraph, plan: Plan, limits: ArenaLimits = DEFAULT_LIMITS) -> Program:
    """Every step and every byte of a plan.

    Raises ModelError when the plan does not fit the network: unknown or missing nodes, an order
    that reads what is not computed yet, tiles whose rates do not fit together.
    """
    made, made_plan = with_clones(graph, plan)
    made, made_plan = with_splits(replace(made, nodes=_ordered(made, made_plan)), made_plan)
    net = PlannerGraph(made, plan.image, plan.row_outputs)
    buffers: Buffers = {}
    chains: list[BuiltChain] = []
    begin = 0
    for numbers in chains_of(made_plan):
        plans = [made_plan.stages[number] for number in numbers]
        chains.append(built_chain(net, plans, begin, buffers))
        begin = chains[-1].end
    return _allocated(net, graph, plan, chains, buffers, limits)


def chain_bytes(net: PlannerGraph, plans: Sequence[StagePlan], begin: int) -> int:
    """The most bytes live at a time of a chain of nodes from `begin` on, run by itself.

    The search asks for it, as its own figures are estimates; so it does for `chain_arena`.
    """
    requests, live = _alone(net, plans, begin)
    return peak_live(requests, live.in_place_by_index)


def chain_arena(
    net: PlannerGraph, plans: Sequence[StagePlan], begin: int, limits: ArenaLimits
) -> int:
    """The arena of such a chain, with what else is alive during it: more where gaps remain."""
    requests, live = _alone(net, plans, begin)
    together = [range(len(plans))]
    return allocate(requests, live.in_place_by_index, ALIGNMENT, together, limits).size


def _alone(net: PlannerGraph, plans: Sequence[StagePlan], begin: int) -> tuple[list[Request], Live]:
    """A chain by itself: whatever is born before it lies in the arena whole."""
    buffers: Buffers = {}
    for number, tensor in enumerate(net.tensors):
        if tensor.born < begin <= tensor.last:
            kind = BufferKind.IMAGE if number in net.inputs else BufferKind.TENSOR
            id, shape = BufferId(tensor.name), (tensor.height, tensor.row_bytes, tensor.pixel_bytes)
            buffers[id] = Buffer(id, tensor.name, kind, *shape)
    live = live_ranges(net, [built_chain(net, plans, begin, buffers)], buffers)
    return live.requests(buffers), live


def built_chain(
    net: PlannerGraph, plans: Sequence[StagePlan], begin: int, buffers: Buffers
) -> BuiltChain:
    """The stages of a chain; `buffers` takes what they add."""
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


def _ordered(graph: IntegerGraph, plan: Plan) -> tuple[IntegerNode, ...]:
    by_name = {node.name: node for node in graph.nodes}
    names = [name for stage in plan.stages for name in stage.nodes]
    where = f"plan for {graph.name}"
    if sorted(names) != sorted(by_name):
        odd = sorted(set(names) ^ set(by_name)) or sorted(names)
        raise ModelError(
            f"the stages do not hold every node once (see {odd[0]})",
            where=where,
            hint="a plan belongs to one network; make a new one with `mcucc plan`",
        )
    known = set(graph.inputs)
    for name in names:
        missing = [x for x in by_name[name].inputs if x not in known]
        if missing:
            raise ModelError(f"{name} runs before {missing[0]} is computed", where=where)
        known.add(by_name[name].output)
    return tuple(by_name[name] for name in names)


def _allocated(
    net: PlannerGraph,
    network: IntegerGraph,
    plan: Plan,
    chains: Sequence[BuiltChain],
    buffers: Buffers,
    limits: ArenaLimits,
) -> Program:
    """The program, with the offsets of all buffers."""
    live = live_ranges(net, chains, buffers)
    numbered = _numbered(chains)
    together = [chain.stages for chain in numbered]
    arena = allocate(live.requests(buffers), live.in_place_by_index, ALIGNMENT, together, limits)
    for id, offset in zip(live.extents, arena.offsets, strict=True):
        buffers[id] = replace(buffers[id], offset=offset)
    for tensor in net.tensors:  # an alias lies where its root does
        own, root = BufferId(tensor.name), BufferId(net.tensors[tensor.root].name)
        if own in buffers and root != own:
            buffers[own] = replace(buffers[own], offset=buffers[root].offset)
    stages = tuple(built.stage for chain in chains for built in chain.stages)
    nodes = {node.name: node for stage in stages for node in stage.nodes}
    return Program(
        network=network,
        graph=replace(net.graph, nodes=tuple(nodes[node.name] for node in net.graph.nodes)),
        plan=plan,
        stages=stages,
        chains=tuple(numbered),
        buffers=buffers,
        live_ranges={
            id: {stage: LiveRange.of(extents) for stage, extents in by_stage.items()}
            for id, by_stage in live.extents.items()
        },
        in_place=live.in_place,
        arena_bytes=arena.size,
        lower_bound=arena.lower_bound,
        stage_bytes=tuple(arena.loads.get(number, 0) for number in range(len(stages))),
        macs=sum(stage.macs for stage in stages),
    )


def _numbered(chains: Sequence[BuiltChain]) -> list[Chain]:
    """The chains with the numbers that their stages have in the program."""
    found: list[Chain] = []
    for chain in chains:
        first = found[-1].stages[-1] + 1 if found else 0
        numbers = tuple(range(first, first + len(chain.stages)))
        found.append(Chain(numbers, tuple(first + part for part in chain.turns.order)))
    return found
