"""The plan's part of report.json: stages, the front it was chosen from, layer by layer."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from mcucc.ir.kernel import Granularity
from mcucc.schedule.plan.plan import EdgePlan
from mcucc.schedule.plan.program import Program, Stage

BOUND = (
    "no placement of the buffers of this very plan needs less, by the bytes in use at one time or "
    "by a search of offsets; another plan may"
)


@dataclass(frozen=True)
class SplitFacts:
    """A block, by its last node, that is computed in so many groups of so many channels."""

    node: str
    groups: int
    channels: int


@dataclass(frozen=True)
class StageFacts:
    """A stage that does something: one entry for each of the report's `layers`.

    `tile` is rows and columns of one step, 0 columns being whole rows (of one of its column
    `strips`); `macs` are executed, `macs_once` those of its nodes layer by layer; `bytes` are in
    use at its peak. Nodes of `again` were computed by an earlier stage too.
    """

    name: str
    nodes: tuple[str, ...]
    tile: tuple[int, int]
    strips: int
    edges: tuple[EdgePlan, ...]
    macs: int
    macs_once: int
    bytes: int
    splits: tuple[SplitFacts, ...] = ()
    again: tuple[str, ...] = ()


@dataclass(frozen=True)
class FrontFacts:
    """A plan the search found: arena bytes, executed MACs, their factor, cost in `cost_unit`.

    `slowdown` is its cost over that of the fastest plan known.
    """

    arena: int
    macs: int
    factor: float
    cost: float
    slowdown: float
    chosen: bool


@dataclass(frozen=True)
class ObjectiveFacts:
    """The plan that `--objective` takes of those found: SRAM with what is estimated beside the
    arena, executed MACs over the network's, `slowdown` as above; `chosen`: it is this plan."""

    objective: str
    sram: int
    arena: int
    factor: float
    slowdown: float
    chosen: bool


@dataclass(frozen=True)
class ChoiceFacts:
    """What a plan was chosen from."""

    front: tuple[FrontFacts, ...]
    cost_unit: str
    objectives: tuple[ObjectiveFacts, ...]


@dataclass(frozen=True)
class BeforeFacts:
    """The same network by another schedule, for comparison."""

    schedule: str
    arena: int
    macs: int


@dataclass(frozen=True)
class PlanFacts:
    """The schedule, its peak, and the least peak possible for its steps (`bound` says of what).

    `front` and `objectives` are empty where no search ran.
    """

    schedule: str
    arena: int
    lower_bound: int
    gap: int
    bound: str
    peak_layer: str
    peak_bytes: int
    stages: tuple[StageFacts, ...]
    front: tuple[FrontFacts, ...]
    cost_unit: str
    before: BeforeFacts
    objectives: tuple[ObjectiveFacts, ...] = ()


def plan_facts(program: Program, layers: Program, choice: ChoiceFacts) -> PlanFacts:
    """What a program says of its memory and its stages, and `choice` of its alternatives.

    `layers` is the program layer by layer.
    """
    peak = program.peak_stage
    return PlanFacts(
        schedule=program.plan.schedule,
        arena=program.arena_bytes,
        lower_bound=program.lower_bound,
        gap=program.arena_bytes - program.lower_bound,
        bound=BOUND,
        peak_layer=program.stages[peak].title,
        peak_bytes=program.stage_bytes[peak],
        stages=_stages(program),
        front=choice.front,
        cost_unit=choice.cost_unit,
        before=BeforeFacts(layers.plan.schedule, layers.arena_bytes, layers.macs),
        objectives=choice.objectives,
    )


def _stages(program: Program) -> tuple[StageFacts, ...]:
    outside = _between_stages(program)
    return tuple(
        StageFacts(
            name=stage.title,
            nodes=tuple(node.name for node in stage.nodes),
            tile=stage.plan.tile,
            strips=len(stage.strips),
            edges=_edges(stage, outside),
            macs=stage.macs,
            macs_once=sum(program.graph.macs_of(node) for node in stage.nodes if not node.again),
            bytes=needed,
            splits=_splits(stage),
            again=tuple(node.again for node in stage.nodes if node.again),
        )
        for stage, needed in zip(program.stages, program.stage_bytes, strict=True)
        if stage.actions
    )


def _splits(stage: Stage) -> tuple[SplitFacts, ...]:
    found = []
    for node, end in itertools.pairwise(stage.nodes):
        if node.kernel.granularity is not Granularity.BLOCK:
            continue
        block = node.call().block
        if block is not None:
            found.append(SplitFacts(end.name, len(block.groups), block.channels))
    return tuple(found)


def _edges(stage: Stage, outside: frozenset[str]) -> tuple[EdgePlan, ...]:
    """The tensors made in a stage that nothing after it reads, as the plan holds them."""
    planned = {edge.tensor: edge for edge in stage.plan.edges}
    inside = (node.output for node in stage.nodes if node.output not in outside)
    return tuple(planned.get(name, EdgePlan(name)) for name in inside)


def _between_stages(program: Program) -> frozenset[str]:
    """Tensors that another stage than their own reads, and the network's outputs."""
    made = {node.output: number for number, s in enumerate(program.stages) for node in s.nodes}
    crossing = {
        name
        for number, stage in enumerate(program.stages)
        for node in stage.nodes
        for name in node.inputs
        if made.get(name) != number
    }
    return frozenset(crossing.union(program.graph.outputs))
