"""Which bytes of every buffer a program needs when, found by replaying reads and writes.

A byte is needed from its last write before a read to that read. Nothing here knows how live ranges
are computed: only the order of execution (`plan/program`) and the windows of kernels.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mcucc.ir.integer import IntegerNode
from mcucc.ir.kernel import Granularity
from mcucc.schedule.plan.buffers import Buffer, BufferId
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.program import Action, Copy, Deliver, Program, Receive, Stage
from mcucc.schedule.plan.spans import Range

Bytes = npt.NDArray[np.int64]
Hulls = dict[tuple[int, int], tuple[int, int]]  # by (stage, time): [low, high)


@dataclass
class Needed:
    """The replay so far: `events` are (stage, time) in order, `needs` hulls of needed bytes."""

    program: Program
    events: list[tuple[int, int]] = field(default_factory=list)
    written: dict[BufferId, Bytes] = field(default_factory=dict)
    needs: dict[BufferId, Hulls] = field(default_factory=dict)

    def write(self, buffer: Buffer, where: Bytes) -> None:
        """Bytes get their contents at the event of now."""
        fresh = np.full(buffer.size, -1)
        self.written.setdefault(buffer.id, fresh)[where] = len(self.events) - 1

    def read(self, buffer: Buffer, where: Bytes) -> None:
        """Bytes are needed from their last write until now."""
        begins = self.written[buffer.id][where]
        assert (begins >= 0).all(), f"{buffer.id} is read before it is written"
        hulls = self.needs.setdefault(buffer.id, {})
        for begin in np.unique(begins):
            own = where[begins == begin]
            for event in self.events[int(begin) :]:
                low, high = hulls.get(event, (buffer.size, 0))
                hulls[event] = min(low, int(own.min())), max(high, int(own.max()) + 1)


def needed(program: Program) -> dict[BufferId, Hulls]:
    """The hull of needed bytes of every buffer at every time of every stage."""
    replay = Needed(program, [(-1, 0)])
    whole = {name: program.buffer_of(name) for name in _roots(program) if program.whole(name)}
    if program.plan.image is ImagePolicy.RESIDENT:
        for name in program.graph.inputs:
            replay.write(whole[name], np.arange(whole[name].size))
    for chain in program.chains:
        stages = {number: program.stages[number] for number in chain.stages}
        replay.events += [(number, 0) for number in stages]
        turns = dict.fromkeys(stages, 0)
        for number in chain.order:
            _turn(replay, number, turns[number])
            turns[number] += 1
        for number, stage in stages.items():
            replay.events.append((number, 1 + len(stage.iterations) * _body(stage)))
        for stage in stages.values():
            for node in stage.sink_nodes:
                buffer = program.buffers[stage.storage[node.output].newest]
                replay.write(_root(program, buffer), np.arange(buffer.size))
    for name in program.graph.outputs:
        if name in program.plan.row_outputs:
            continue  # handed out on the way
        buffer = _root(program, program.buffer_of(name))
        replay.read(buffer, np.arange(buffer.size))
    for hulls in replay.needs.values():
        hulls.pop((-1, 0), None)
    return replay.needs


def _body(stage: Stage) -> int:
    return max(1, len(stage.actions))


def _turn(replay: Needed, number: int, turn: int) -> None:
    """A row step of a stage: reads of an action come before its writes."""
    stage, program = replay.program.stages[number], replay.program
    row_step, columns = stage.turn(turn)
    nodes = {node.name: node for node in stage.nodes}
    first = sum(end - begin for _, (begin, end) in map(stage.turn, range(turn)))
    for nth, column_step in enumerate(range(*columns)):
        for i, action in enumerate(stage.actions):
            replay.events.append((number, 1 + (first + nth) * _body(stage) + i))
            rows, across = action.rows[row_step], action.columns[column_step]
            if rows[0] >= rows[1] or across[0] >= across[1]:
                continue
            for buffer, where in _reads(program, stage, nodes, action, (row_step, column_step)):
                replay.read(_root(program, buffer), where)
            if isinstance(action, Deliver):
                continue
            if isinstance(action, Receive | Copy) or action.node not in stage.sinks:
                target = program.buffers[action.target]
                step = column_step + (action.ahead if isinstance(action, Copy) else 0)
                for row in range(*rows):
                    replay.write(_root(program, target), _bytes(target, row, across, step))


def _reads(
    program: Program,
    stage: Stage,
    nodes: dict[str, IntegerNode],
    action: Action,
    at: tuple[int, int],
) -> Iterator[tuple[Buffer, Bytes]]:
    """Bytes that an action reads, buffer by buffer and row by row."""
    rows, columns = action.rows[at[0]], action.columns[at[1]]
    if isinstance(action, Receive):
        return
    if isinstance(action, Copy | Deliver):
        for row in range(*rows):
            source = program.buffers[action.source]
            yield source, _bytes(source, row, columns, at[1])
        return
    node = nodes[action.node]
    for index, name in enumerate(node.inputs):
        shape = program.graph.activations[name]
        if node.kernel.granularity is Granularity.TENSOR:
            taps, across = set(range(shape.height)), (0, shape.width)
        else:
            down, wide = node.kernel.windows(index)
            taps = {tap for row in range(*rows) for tap in down.taps(row)}
            right = wide.first(columns[1] - 1) + wide.kernel
            across = max(0, wide.first(columns[0])), min(shape.width, right)
        for tap in sorted(tap for tap in taps if 0 <= tap < shape.height):
            if across[0] < across[1]:
                buffer = program.buffers[stage.storage[name].buffer_of(tap, at[0])]
                yield buffer, _bytes(buffer, tap, across, at[1])


def _bytes(buffer: Buffer, row: int, columns: Range, step: int) -> Bytes:
    begin = buffer.address(row, columns[0], step) - buffer.offset
    return np.arange(begin, begin + (columns[1] - columns[0]) * buffer.pixel_bytes)


def _roots(program: Program) -> dict[str, str]:
    """The tensor whose bytes every tensor is."""
    found = {name: name for name in program.graph.activations}
    for node in program.graph.nodes:
        if node.kernel.granularity is Granularity.ALIAS:
            found[node.output] = found[node.inputs[0]]
    return found


def _root(program: Program, buffer: Buffer) -> Buffer:
    """The buffer that live ranges know: an alias is its root's bytes."""
    if buffer.id in program.live_ranges:
        return buffer
    return program.buffer_of(_roots(program)[buffer.id.of])
