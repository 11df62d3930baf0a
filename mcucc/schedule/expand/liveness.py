"""When which bytes of every buffer are live: what offsets are decided from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mcucc.schedule.arena.requests import InPlace as PairsByIndex
from mcucc.schedule.arena.requests import Request
from mcucc.schedule.expand.built import BuiltChain
from mcucc.schedule.expand.chains import rows_held
from mcucc.schedule.expand.in_place import in_place_pairs
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.expand.schedule_time import ByStage, StageTime
from mcucc.schedule.expand.stage_liveness import StageLiveness, slots
from mcucc.schedule.plan.buffers import Buffer, BufferId, Part
from mcucc.schedule.plan.live_ranges import InPlace


@dataclass(frozen=True, eq=False)
class Live:
    """Live bytes of every buffer at all times, and the pairs that may share an offset."""

    extents: Mapping[BufferId, ByStage]
    in_place: InPlace

    def requests(self, buffers: Mapping[BufferId, Buffer]) -> list[Request]:
        """What the arena is asked for, in the order of `extents`."""
        return [Request(buffers[id].size, by_stage) for id, by_stage in self.extents.items()]

    @property
    def in_place_by_index(self) -> PairsByIndex:
        """The pairs by position among the requests."""
        index = {id: i for i, id in enumerate(self.extents)}
        return frozenset((index[a], index[b]) for a, b in self.in_place if {a, b} <= index.keys())


def live_ranges(
    net: PlannerGraph, chains: Sequence[BuiltChain], buffers: Mapping[BufferId, Buffer]
) -> Live:
    """Live ranges of all buffers over all chains."""
    found: dict[BufferId, ByStage] = {}
    in_place: set[tuple[BufferId, BufferId]] = set()
    first = 0
    for chain in chains:
        stages = [
            StageLiveness(net, StageTime(chain, part, first), buffers)
            for part in range(len(chain.stages))
        ]
        parts = [stage.local() for stage in stages]
        parts += [_whole_tensors(net, chain, stages), _rings(net, chain, stages)]
        for part in parts:
            for id, by_stage in part.items():
                found.setdefault(id, {}).update(by_stage)
        for stage in stages:
            in_place |= set(in_place_pairs(stage, found))
        first += len(chain.stages)
    return Live(found, frozenset(in_place))


def _whole_tensors(
    net: PlannerGraph, chain: BuiltChain, stages: Sequence[StageLiveness]
) -> dict[BufferId, ByStage]:
    """Of inputs, outputs and tensors between chains."""
    found: dict[BufferId, ByStage] = {}
    for number, tensor in enumerate(net.tensors):
        lives = tensor.born < chain.end and max(tensor.last, tensor.born) >= chain.begin
        if tensor.root != number or not lives:
            continue
        buffer = stages[0].buffers.get(BufferId(tensor.name))
        if buffer is not None:
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
