"""The memory's part of report.json: which bytes of the arena hold what, and when.

Steps are the report's `layers`: the stages that do something, in order. A step that loops is
divided into ticks (rows of its loop, several a tick where there are many); a buffer's piece says
which bytes of the arena are live in it from one tick to another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mcucc.schedule.plan.buffers import Buffer, BufferId, BufferKind, labels
from mcucc.schedule.plan.live_ranges import LiveBytes
from mcucc.schedule.plan.moments import fullest
from mcucc.schedule.plan.program import Action, Compute, Copy, Deliver, Program, Receive, Stage

TICKS = 24


@dataclass(frozen=True)
class Piece:
    """Arena bytes [low, high) are live in ticks (or actions) [begin, end)."""

    begin: int
    end: int
    low: int
    high: int


@dataclass(frozen=True)
class StepPieces:
    """A buffer's pieces in one step."""

    step: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class BufferFacts:
    """A buffer of the arena: `first` and `last` are the steps between which it is live."""

    name: str
    tensor: str
    role: BufferKind
    offset: int
    size: int
    first: int
    last: int
    spans: tuple[StepPieces, ...]


@dataclass(frozen=True)
class LiveFacts:
    """Bytes of a buffer that are live at one moment: [offset, offset + bytes) of the arena."""

    buffer: str
    tensor: str
    role: BufferKind
    offset: int
    bytes: int


@dataclass(frozen=True)
class ActionFacts:
    """One action of a loop's body: receive or deliver rows of a tensor, copy it, compute a node."""

    kind: str
    name: str


@dataclass(frozen=True)
class BodyFacts:
    """A buffer's pieces over the actions of a loop's body."""

    buffer: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class MomentFacts:
    """The fullest moment of a step.

    `tick` is where it is in the step, `row_step` and `column_step` the iteration of its loops,
    `action` the index in `actions` (-1: before the loops, their number: after them). `bytes` are
    those of `live`, less `shared`: results written over the operand they are computed from.
    """

    bytes: int
    shared: int
    tick: int
    row_step: int
    column_step: int
    action: int
    actions: tuple[ActionFacts, ...]
    live: tuple[LiveFacts, ...]
    body: tuple[BodyFacts, ...]


@dataclass(frozen=True)
class MemoryFacts:
    """The arena over time. `ticks` and `moments` have an entry a step, `peak` is a step."""

    ticks: tuple[int, ...]
    buffers: tuple[BufferFacts, ...]
    moments: tuple[MomentFacts, ...]
    peak: int


def memory_facts(program: Program) -> MemoryFacts:
    """Every buffer over time, and the fullest moment of every step."""
    numbers = [i for i, stage in enumerate(program.stages) if stage.actions]
    moments = tuple(_moment(program, number) for number in numbers)
    return MemoryFacts(
        ticks=tuple(_ticks(program.stages[number]) for number in numbers),
        buffers=_buffers(program, numbers),
        moments=moments,
        peak=max(range(len(moments)), key=lambda step: moments[step].bytes),
    )


def _ticks(stage: Stage) -> int:
    return min(stage.turns, TICKS)


def _buffers(program: Program, numbers: Sequence[int]) -> tuple[BufferFacts, ...]:
    found = []
    names = labels(program.buffers)
    for id, by_stage in program.live_ranges.items():
        buffer = program.buffers[id]
        spans = []
        for step, number in enumerate(numbers):
            if number in by_stage:
                pieces = _pieces(buffer, program.stages[number], by_stage[number].at_times)
                spans += [StepPieces(step, pieces)] if pieces else []
        if spans:
            first, last = spans[0].step, spans[-1].step
            found.append(
                BufferFacts(
                    name=names[id],
                    tensor=buffer.tensor,
                    role=buffer.kind,
                    offset=buffer.offset,
                    size=buffer.size,
                    first=first,
                    last=last,
                    spans=tuple(spans),
                )
            )
    return tuple(sorted(found, key=lambda buffer: (buffer.first, buffer.offset, buffer.name)))


def _pieces(buffer: Buffer, stage: Stage, extents: LiveBytes) -> tuple[Piece, ...]:
    """Hulls of what is live in each tick."""
    body = len(stage.actions)
    lengths = [body * (end - begin) for begin, end in _columns(stage)]
    turns = np.split(extents[1:-1], np.cumsum(lengths)[:-1])
    bins = np.array_split(np.arange(stage.turns), _ticks(stage))
    parts = [np.concatenate([turns[turn] for turn in each]) for each in bins]
    parts[0] = np.concatenate([extents[:1], parts[0]])
    parts[-1] = np.concatenate([parts[-1], extents[-1:]])
    hulls = [_hull(part) for part in parts]
    return _runs(hulls, buffer.offset)


def _columns(stage: Stage) -> list[tuple[int, int]]:
    """The column steps of each turn."""
    return [stage.turn(number)[1] for number in range(stage.turns)]


def _hull(extents: LiveBytes) -> tuple[int, int]:
    live = extents[extents[:, 1] > extents[:, 0]]
    return (int(live[:, 0].min()), int(live[:, 1].max())) if len(live) else (0, 0)


def _runs(extents: Iterable[tuple[int, int]], offset: int) -> tuple[Piece, ...]:
    """Equal neighbours as one piece; nothing where nothing is live."""
    found: list[Piece] = []
    for begin, (low, high) in enumerate(extents):
        if low >= high:
            continue
        piece = Piece(begin, begin + 1, low + offset, high + offset)
        last = found[-1] if found else None
        if last is not None and (last.end, last.low, last.high) == (begin, piece.low, piece.high):
            piece = replace(found.pop(), end=begin + 1)
        found.append(piece)
    return tuple(found)


def _moment(program: Program, number: int) -> MomentFacts:
    """The first time of a stage at which the most bytes are live."""
    stage, moment = program.stages[number], fullest(program, number)
    names = labels(program.buffers)
    body = len(stage.actions)
    begin = 1 + moment.iteration * body
    return MomentFacts(
        bytes=moment.bytes,
        shared=moment.shared,
        tick=_tick_of(stage, moment.iteration),
        row_step=moment.row_step,
        column_step=moment.column_step,
        action=moment.action,
        actions=tuple(_action(each) for each in stage.actions),
        live=_live(program, moment.live),
        body=tuple(
            BodyFacts(names[buffer], pieces)
            for buffer, extents in moment.ranges.items()
            if (pieces := _body(program.buffers[buffer], extents[begin : begin + body]))
        ),
    )


def _body(buffer: Buffer, extents: LiveBytes) -> tuple[Piece, ...]:
    return _runs([(int(low), int(high)) for low, high in extents], buffer.offset)


def _tick_of(stage: Stage, iteration: int) -> int:
    ends = np.cumsum([end - begin for begin, end in _columns(stage)])
    turn = int(np.searchsorted(ends, iteration, side="right"))
    bins = np.array_split(np.arange(stage.turns), _ticks(stage))
    return next(tick for tick, turns in enumerate(bins) if turn in turns)


def _action(action: Action) -> ActionFacts:
    if isinstance(action, Compute):
        return ActionFacts("compute", action.node)
    moves = {Copy: "copy", Receive: "receive", Deliver: "deliver"}
    return ActionFacts(moves[type(action)], action.tensor)


def _live(program: Program, live: Mapping[BufferId, tuple[int, int]]) -> tuple[LiveFacts, ...]:
    found = []
    names = labels(program.buffers)
    for id, (low, high) in live.items():
        buffer = program.buffers[id]
        offset, size = buffer.offset + low, high - low
        found.append(LiveFacts(names[id], buffer.tensor, buffer.kind, offset, size))
    return tuple(sorted(found, key=lambda each: (each.offset, each.buffer)))
