"""Plan to Program: the ranges of every step, the buffers they live in, live ranges, the arena.

Chain by chain: `stage_ranges` says what every step computes, `chains` how stages take turns,
`stage_buffers` where tensors are held, `built` puts the body together, `liveness` says when its
buffers live; `known` chains are not built again. `live` joins their live ranges; offsets follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mcucc.errors import ModelError
from mcucc.ir.integer import IntegerGraph, IntegerNode
from mcucc.schedule.arena.allocate import allocate
from mcucc.schedule.arena.limits import ArenaLimits
from mcucc.schedule.expand.chains import chains_of
from mcucc.schedule.expand.known import KnownChain, KnownChains
from mcucc.schedule.expand.live import live_ranges
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.plan.buffers import Buffer, BufferId
from mcucc.schedule.plan.plan import Plan, StagePlan
from mcucc.schedule.plan.program import Chain, Program
from mcucc.schedule.split.rewrite import with_splits
from mcucc.schedule.twice.rewrite import with_clones

# int32 sums and word-wise kernels want their buffers aligned.
ALIGNMENT = 4
DEFAULT_LIMITS = ArenaLimits()


def expand(
    graph: IntegerGraph,
    plan: Plan,
    limits: ArenaLimits = DEFAULT_LIMITS,
    known: KnownChains | None = None,
) -> Program:
    """Every step and every byte of a plan; what is `known` of the network's chains is not redone.

    Raises ModelError when the plan does not fit the network: unknown or missing nodes, an order
    that reads what is not computed yet, tiles whose rates do not fit together.
    """
    known = known or KnownChains()
    made, made_plan = with_clones(graph, plan)
    made, made_plan = with_splits(replace(made, nodes=_ordered(made, made_plan)), made_plan)
    net = known.network(made, plan.image, plan.row_outputs)
    chains: list[KnownChain] = []
    begins = [0]
    for numbers in chains_of(made_plan):
        plans = [made_plan.stages[number] for number in numbers]
        chains.append(known.chain(net, plans, begins[-1]))
        begins.append(begins[-1] + chains[-1].length)
    return _allocated(net, graph, plan, chains, begins, limits)


def chain_bytes(
    net: PlannerGraph,
    plans: Sequence[StagePlan],
    begin: int,
    known: KnownChains | None = None,
) -> int:
    """The most bytes live at a time of a chain of nodes from `begin` on, run by itself.

    The search asks for it, as its own figures are estimates; so it does for `chain_arena`.
    """
    chain = (known or KnownChains()).chain(net, plans, begin)
    return net.alive[begin] + chain.added_bytes


def chain_arena(
    net: PlannerGraph,
    plans: Sequence[StagePlan],
    begin: int,
    limits: ArenaLimits,
    known: KnownChains | None = None,
) -> int:
    """The arena of such a chain, with what else is alive during it: more where gaps remain."""
    chain = (known or KnownChains()).chain(net, plans, begin)
    live = live_ranges(net, [chain], [begin, begin + chain.length])
    together = [range(len(plans))]
    return allocate(live.requests, live.in_place_by_index, ALIGNMENT, together, limits).size


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
    chains: Sequence[KnownChain],
    begins: Sequence[int],
    limits: ArenaLimits,
) -> Program:
    """The program, with the offsets of all buffers."""
    buffers: dict[BufferId, Buffer] = {}
    for chain in chains:
        for id, buffer in chain.buffers.items():
            buffers.setdefault(id, buffer)
    live = live_ranges(net, chains, begins)
    numbered = _numbered(chains)
    together = [chain.stages for chain in numbered]
    arena = allocate(live.requests, live.in_place_by_index, ALIGNMENT, together, limits)
    for id, offset in zip(live.ranges, arena.offsets, strict=True):
        buffers[id] = replace(buffers[id], offset=offset)
    for tensor in net.tensors:  # an alias lies where its root does
        own, root = BufferId(tensor.name), BufferId(net.tensors[tensor.root].name)
        if own in buffers and root != own:
            buffers[own] = replace(buffers[own], offset=buffers[root].offset)
    stages = tuple(stage for chain in chains for stage in chain.stages)
    nodes = {node.name: node for stage in stages for node in stage.nodes}
    return Program(
        network=network,
        graph=replace(net.graph, nodes=tuple(nodes[node.name] for node in net.graph.nodes)),
        plan=plan,
        stages=stages,
        chains=tuple(numbered),
        buffers=buffers,
        live_ranges=live.ranges,
        in_place=live.in_place,
        arena_bytes=arena.size,
        lower_bound=arena.lower_bound,
        stage_bytes=tuple(arena.loads.get(number, 0) for number in range(len(stages))),
        macs=sum(stage.macs for stage in stages),
    )


def _numbered(chains: Sequence[KnownChain]) -> list[Chain]:
    """The chains with the numbers that their stages have in the program."""
    found: list[Chain] = []
    for chain in chains:
        first = found[-1].stages[-1] + 1 if found else 0
        numbers = tuple(range(first, first + len(chain.stages)))
        found.append(Chain(numbers, tuple(first + part for part in chain.built.turns.order)))
    return found
