"""When which bytes of every buffer are live: what offsets are decided from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mcucc.schedule.arena.requests import InPlace as PairsByIndex
from mcucc.schedule.expand.built import BuiltChain
from mcucc.schedule.expand.chains import rows_held
from mcucc.schedule.expand.in_place import in_place_pairs
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.expand.schedule_time import ByStage, StageTime
from mcucc.schedule.expand.stage_liveness import StageLiveness, slots
from mcucc.schedule.plan.buffers import Buffer, BufferId, Part
from mcucc.schedule.plan.live_ranges import InPlace


def by_index(pairs: InPlace, ids: Iterable[BufferId]) -> PairsByIndex:
    """Pairs of equal offsets by position among buffers; none of buffers that are not there."""
    index = {id: i for i, id in enumerate(ids)}
    return frozenset((index[a], index[b]) for a, b in pairs if {a, b} <= index.keys())


@dataclass(frozen=True, eq=False)
class ChainLive:
    """Live bytes of what a chain touches, by number of its stages, and pairs of equal offsets.

    `local` are buffers of one stage, `whole` inputs, outputs and tensors between chains.
    """

    local: Mapping[BufferId, ByStage]
    whole: Mapping[BufferId, ByStage]
    rings: Mapping[BufferId, ByStage]
    in_place: InPlace


def chain_live(
    net: PlannerGraph, chain: BuiltChain, buffers: Mapping[BufferId, Buffer]
) -> ChainLive:
    """Live bytes of all buffers that a chain touches."""
    stages = [
        StageLiveness(net, StageTime(chain, part), buffers) for part in range(len(chain.stages))
    ]
    local: dict[BufferId, ByStage] = {}
    for stage in stages:
        local.update(stage.local())
    whole, rings = _whole_tensors(net, chain, stages), _rings(net, chain, stages)
    found = {**local, **whole, **rings}
    pairs = frozenset(pair for stage in stages for pair in in_place_pairs(stage, found))
    return ChainLive(local, whole, rings, pairs)


def _whole_tensors(
    net: PlannerGraph, chain: BuiltChain, stages: Sequence[StageLiveness]
) -> dict[BufferId, ByStage]:
    """Of inputs, outputs and tensors between chains."""
    found: dict[BufferId, ByStage] = {}
    for number in sorted({net.number[name] for stage in stages for name in stage.stage.storage}):
        tensor = net.tensors[number]
        buffer = stages[0].buffers.get(BufferId(tensor.name))
        if tensor.root == number and buffer is not None:
            found[buffer.id] = _whole(net, number, buffer, stages)
    return found


def _whole(
    net: PlannerGraph, number: int, buffer: Buffer, stages: Sequence[StageLiveness]
) -> ByStage:
    """Of one of them in a chain."""
    tensor = net.tensors[number]
    always = stages[0].time.always
    for stage in stages:
        if stage.built.begin <= tensor.born < stage.built.end:
            if tensor.leaves:
                return stage.leaving(number, buffer)
            if tensor.source is None:
                return stage.written(number, buffer)
            dies = tensor.last < stage.built.end and number in stage.rows
            return stage.rolling(buffer) if dies else always(buffer.size)
    # Where another name of its bytes is read, or nothing is known of how, it counts as a whole.
    aliased = any(
        number not in stage.rows
        or any(net.tensors[t].root == number and t != number for t in stage.rows)
        for stage in stages
        if stage.last_reader(number) or len(stages) == 1
    )
    for stage in stages:
        if stage.last_reader(number) and not aliased:
            return stage.read(number, buffer)
    return always(buffer.size)


def _rings(
    net: PlannerGraph, chain: BuiltChain, stages: Sequence[StageLiveness]
) -> dict[BufferId, ByStage]:
    """Of the rings between the stages of a chain, at the times of each."""
    found: dict[BufferId, ByStage] = {}
    tracks = [built.rows for built in chain.stages]
    for tensor in chain.turns.rings:
        buffer = stages[0].buffers[BufferId(net.tensors[tensor].name, Part.RING)]
        producer = net.tensors[tensor].producer
        maker = next(i for i, b in enumerate(chain.stages) if b.begin <= producer < b.end)
        found[buffer.id] = {}
        for part, stage in enumerate(stages):
            time, grid = stage.time, stage.time.never()
            for step, done in enumerate(chain.turns.steps_of(part)):
                held = rows_held(tracks, maker, tensor, done, part == maker)
                grid[step] = slots(buffer, *held)
            found[buffer.id][time.number] = time.timed(grid)[time.number]
    return found
