"""The fullest moment of a stage: when the most bytes are live, and which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.schedule.plan.buffers import BufferId
from mcucc.schedule.plan.live_ranges import InPlace, LiveBytes
from mcucc.schedule.plan.program import Program, Stage


@dataclass(frozen=True, eq=False)
class Moment:
    """The first time of a stage at which the most bytes are live.

    `iteration` of its loops is that of `row_step` and `column_step`; `action` the number in the
    body (-1: before the loops, their number: after them). `bytes` are those of `live`, the live
    [low, high) of every buffer, less `shared`: results written over their operands. `ranges` are
    the live bytes of every buffer at all times of the stage.
    """

    bytes: int
    shared: int
    iteration: int
    row_step: int
    column_step: int
    action: int
    live: Mapping[BufferId, tuple[int, int]]
    ranges: Mapping[BufferId, LiveBytes]


def fullest(program: Program, number: int) -> Moment:
    """The fullest moment of the stage of this number."""
    stage = program.stages[number]
    ranges = {
        buffer: by_stage[number].at_times
        for buffer, by_stage in program.live_ranges.items()
        if number in by_stage
    }
    lengths = {buffer: np.maximum(each[:, 1] - each[:, 0], 0) for buffer, each in ranges.items()}
    shared = _shared(lengths, program.in_place)
    load = sum(lengths.values(), np.zeros_like(shared)) - shared
    time = int(load.argmax())
    iteration, action = _iteration(stage, time)
    row_step, column_step = stage.iterations[iteration]
    return Moment(
        bytes=int(load[time]),
        shared=int(shared[time]),
        iteration=iteration,
        row_step=row_step,
        column_step=column_step,
        action=action,
        live={
            buffer: (int(each[time, 0]), int(each[time, 1]))
            for buffer, each in ranges.items()
            if each[time, 0] < each[time, 1]
        },
        ranges=ranges,
    )


def _shared(
    lengths: Mapping[BufferId, npt.NDArray[np.int64]], in_place: InPlace
) -> npt.NDArray[np.int64]:
    """Bytes at each time that a result shares with an operand (once for each result)."""
    found: dict[BufferId, npt.NDArray[np.int64]] = {}
    for source, target in in_place:
        if source in lengths and target in lengths:
            common = np.minimum(lengths[source], lengths[target])
            found[target] = np.maximum(found[target], common) if target in found else common
    nothing = np.zeros_like(next(iter(lengths.values())))
    return sum(found.values(), nothing)


def _iteration(stage: Stage, time: int) -> tuple[int, int]:
    """(number of the iteration, action) of a time; action -1 is before the loops."""
    body, count = len(stage.actions), len(stage.iterations)
    if time == 0:
        return 0, -1
    return (count - 1, body) if time > count * body else divmod(time - 1, body)
