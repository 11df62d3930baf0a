"""Results that may be written over an operand: equal offsets, whatever is live in both.

The kernel must allow it, the operand must lie like the result, and it must die there: a tile with
the action, a whole tensor pixel by pixel, the result never ahead of what is still read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mcucc.schedule.expand.schedule_time import ByStage
from mcucc.schedule.expand.stage_liveness import StageLiveness
from mcucc.schedule.plan.buffers import Buffer, BufferId, BufferKind
from mcucc.schedule.plan.program import Compute, Copy

WHOLE = (BufferKind.TENSOR, BufferKind.OUTPUT, BufferKind.IMAGE)
Extents = Mapping[BufferId, ByStage]


def in_place_pairs(stage: StageLiveness, live: Extents) -> Iterator[tuple[BufferId, BufferId]]:
    """(operand, result) of all actions of a stage that may share an offset."""
    for i, action in enumerate(stage.stage.actions):
        if not isinstance(action, Compute) or action.node in stage.stage.sinks:
            continue
        node = stage.time.nodes[action.node]
        target = stage.buffers[action.target]
        for k, tensor in enumerate(node.inputs):
            storage = stage.stage.storage[tensor]
            if not node.kernel.in_place(k) or (storage.fresh and storage.kept):
                continue
            source = stage.buffers[storage.newest]
            if source.same_geometry(target) and _dies(stage, source, target, i, live):
                yield source.id, target.id


def _dies(stage: StageLiveness, source: Buffer, target: Buffer, action: int, live: Extents) -> bool:
    """Whether nothing of the operand is needed where its bytes become the result's."""
    time = stage.time
    if max(time.uses[source.id]) != action:
        return False
    if source.kind is BufferKind.TILE and target.kind is BufferKind.TILE:
        # Tiles that slide, or are copied from, are read once more after the action.
        copied = {a.source for a in time.stage.actions if isinstance(a, Copy)}
        return time.writes.get(target.id) == action and not copied & {source.id, target.id}
    if source.kind not in WHOLE or target.kind not in WHOLE:
        return False
    tensor = stage.number(source)
    if source.id in time.writes or not stage.last_reader(tensor):
        return False
    if time.number not in live.get(source.id, {}):
        return False
    left = stage.read(tensor, source, in_place=True)[time.number]
    out = live[target.id][time.number]
    both = (left[:, 1] > left[:, 0]) & (out[:, 1] > out[:, 0])
    return bool((out[both, 1] <= left[both, 0]).all())
