"""The independent checker: replays a Program byte by byte in one arena of tags.

Every byte of the arena carries which byte of which tensor it holds. A step fails when an operand is
not where the program says, when bytes outside the arena or outside a buffer are touched, or when a
kernel would overwrite what it still reads; the count of multiply-accumulates must be the plan's.
It knows only the order of execution stated in `program` and the windows of the kernels: none of the
planner's formulas. Bytes of one strip that happen to be right in the next one are not forgotten: a
step may only rely on bytes that are right, wherever they come from. `check_network` proves that
what the stages compute is the network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ir.integer import Activation, IntegerNode
from mcucc.ir.kernel import Granularity
from mcucc.schedule.plan.buffers import Buffer, BufferKind
from mcucc.schedule.plan.check_network import CheckError, network_values
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.program import Chain, Compute, Copy, Deliver, Program, Receive, Stage
from mcucc.schedule.plan.spans import Range

Tags = npt.NDArray[np.int64]
TENSOR_TAG = 1 << 40  # tags of tensor n start at (n + 1) * TENSOR_TAG
NOTHING = -1
WORD = 4  # bytes: the alignment of mcucc_span.scratch and of int32 sums


@dataclass(frozen=True)
class Checked:
    """What the replay counted: bytes of the arena ever touched, executed MACs, kernel rows."""

    touched: int
    macs: int
    kernel_rows: int


def check(program: Program) -> Checked:
    """Replay `program`; raises CheckError that names the step, the tensor and the row."""
    replay = _Replay(program)
    for buffer in program.buffers.values():
        sums = buffer.tensor in replay.sums_of_groups and buffer.kind is not BufferKind.SCRATCH
        if buffer.kind is BufferKind.SCRATCH and buffer.offset % WORD:
            raise CheckError(f"{buffer.id} at {buffer.offset}: scratch holds words")
        if sums and (buffer.offset % WORD or buffer.pitch % WORD):
            raise CheckError(f"{buffer.id} at {buffer.offset}: sums are words")
    for chain in program.chains:
        replay.chain(chain)
    replay.complete()
    for name in program.graph.outputs:
        replay.output(name)
    if replay.macs != program.macs:
        raise CheckError(f"{replay.macs} MACs executed, the plan says {program.macs}")
    return Checked(int(replay.touched.sum()), replay.macs, replay.kernel_rows)


def _bases(program: Program) -> dict[str, int]:
    """The first tag of every tensor: of those that hold the same values, the same."""
    values = network_values(program)
    found = {name: (i + 1) * TENSOR_TAG for i, name in enumerate(program.graph.inputs)}
    for node in (node for stage in program.stages for node in stage.nodes):
        alias = node.kernel.granularity is Granularity.ALIAS
        fresh = found[node.inputs[0]] if alias else (len(found) + 1) * TENSOR_TAG
        found[node.output] = found.get(values[node.output], fresh)
    return found


class _Replay:
    """The arena of tags and the counters."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.graph = program.graph
        self.arena: Tags = np.full(program.arena_bytes, NOTHING, dtype=np.int64)
        self.touched = np.zeros(program.arena_bytes, dtype=np.bool_)
        self.macs = 0
        self.kernel_rows = 0
        self.where = "start"
        self.received: dict[str, int] = dict.fromkeys(self.graph.inputs, 0)
        self.delivered: dict[str, int] = dict.fromkeys(program.plan.row_outputs, 0)
        self.sums: dict[str, npt.NDArray[np.int64]] = {}
        self.base = _bases(program)
        blocks = [n for n in self.graph.nodes if n.kernel.granularity is Granularity.BLOCK]
        self.sums_of_groups = {node.output for node in blocks}
        self.taken: dict[int, int] = {}  # row steps of all strips, by stage
        if program.plan.image is ImagePolicy.RESIDENT:
            for name in self.graph.inputs:
                shape = self.graph.activations[name]
                for row in range(shape.height):
                    self.write(program.buffer_of(name), shape, row, (0, shape.width), 0)

    def fail(self, what: str) -> CheckError:
        """The error of the current step."""
        return CheckError(what, where=f"{self.graph.name}, {self.where}")

    # Bytes ----------------------------------------------------------------------------------

    def span(self, buffer: Buffer, row: int, columns: Range, column_step: int) -> Range:
        """Arena bytes of some columns of a row; they must lie in the buffer and in the arena."""
        left = columns[0] - buffer.origin(column_step)
        length = (columns[1] - columns[0]) * buffer.pixel_bytes
        if left < 0 or left * buffer.pixel_bytes + length > buffer.pitch:
            raise self.fail(f"columns {columns} of {buffer.tensor} leave {buffer.id}")
        begin = buffer.address(row, columns[0], column_step)
        if begin < 0 or begin + length > self.arena.size:
            raise self.fail(f"row {row} of {buffer.tensor} leaves the arena")
        return begin, begin + length

    def tags(self, shape: Activation, row: int, columns: Range) -> Tags:
        """The tags of some columns of a row."""
        first = self.base[shape.name] + (row * shape.width + columns[0]) * shape.pixel_bytes
        return np.arange(first, first + (columns[1] - columns[0]) * shape.pixel_bytes)

    def expect(
        self, buffer: Buffer, shape: Activation, row: int, columns: Range, step: int, reader: str
    ) -> Range:
        """The bytes of an operand, which must be there."""
        begin, end = self.span(buffer, row, columns, step)
        if not np.array_equal(self.arena[begin:end], self.tags(shape, row, columns)):
            raise self.fail(
                f"{reader} reads row {row}, columns {columns} of {shape.name} in {buffer.id}: "
                f"those bytes hold something else"
            )
        return begin, end

    def write(
        self, buffer: Buffer, shape: Activation, row: int, columns: Range, step: int
    ) -> Range:
        """Put the tags of some columns of a row into a buffer."""
        begin, end = self.span(buffer, row, columns, step)
        self.arena[begin:end] = self.tags(shape, row, columns)
        self.touched[begin:end] = True
        return begin, end

    def clobber(self, buffer: Buffer) -> Range:
        """A scratch area loses its contents."""
        begin, end = buffer.offset, buffer.end
        if begin < 0 or end > self.arena.size:
            raise self.fail(f"{buffer.id} leaves the arena")
        self.arena[begin:end] = NOTHING
        self.touched[begin:end] = True
        return begin, end

    # Steps ----------------------------------------------------------------------------------

    def chain(self, chain: Chain) -> None:
        """All steps of a chain, in the order `tiled` states."""
        stages = {number: self.program.stages[number] for number in chain.stages}
        for number, stage in stages.items():
            for node in stage.sink_nodes:
                self.where = f"stage {number}, begin of {node.name}"
                self._begin(node, stage)
        for number in chain.order:
            self._row_step(number, stages[number])
        for number, stage in stages.items():
            for node in stage.sink_nodes:
                self.where = f"stage {number}, end of {node.name}"
                self._finish(node, stage)

    def complete(self) -> None:
        """Every stage must have taken each of its row steps."""
        for number, stage in enumerate(self.program.stages):
            taken = self.taken.get(number, 0)
            if stage.actions and taken != stage.turns:
                raise CheckError(f"stage {number} takes {taken} of {stage.turns} row steps")

    def output(self, name: str) -> None:
        """An output must be whole in the end, or all of its rows handed out."""
        shape = self.graph.activations[name]
        handed = self.delivered.get(name)
        if handed is not None:
            if handed != shape.height:
                raise CheckError(f"{handed} of {shape.height} rows of {name} are handed out")
            return
        for row in range(shape.height):
            buffer = self.program.buffer_of(name)
            self.expect(buffer, shape, row, (0, shape.width), 0, "network output")

    def _row_step(self, number: int, stage: Stage) -> None:
        nodes = {node.name: node for node in stage.nodes}
        turn = self.taken.get(number, 0)
        self.taken[number] = turn + 1
        if turn >= stage.turns:
            raise CheckError(f"stage {number} takes more than {stage.turns} row steps")
        row_step, _ = stage.turn(turn)
        if row_step == 0 and self.program.plan.image is ImagePolicy.MAPPED:
            self._rewind(stage)
        for column_step, action, rows, columns in stage.performed(turn):
            self.where = f"stage {number}, step ({row_step}, {column_step})"
            if isinstance(action, Receive):
                self._receive(action, rows, columns)
            elif isinstance(action, Copy):
                self._copy(action, rows, columns, column_step)
            elif isinstance(action, Deliver):
                self._deliver(action, rows, columns, column_step)
            else:
                at = row_step, column_step
                self._compute(nodes[action.node], stage, action, at, rows, columns)

    def _rewind(self, stage: Stage) -> None:
        """An image that is mapped can be read again from its first row on."""
        for action in stage.actions:
            if isinstance(action, Receive):
                self.received[action.tensor] = 0

    def _receive(self, action: Receive, rows: Range, columns: Range) -> None:
        shape = self.graph.activations[action.tensor]
        if not self.program.plan.image.streams or action.tensor not in self.received:
            raise self.fail(f"{action.tensor} does not arrive by rows")
        if rows[0] != self.received[action.tensor] or columns != (0, shape.width):
            raise self.fail(f"row {rows[0]} of {action.tensor} does not arrive in order")
        self.received[action.tensor] = rows[1]
        for row in range(*rows):
            self.write(self.program.buffers[action.target], shape, row, columns, 0)

    def _deliver(self, action: Deliver, rows: Range, columns: Range, step: int) -> None:
        """Rows leave whole, each once and in order; whatever lies there later is another's."""
        shape = self.graph.activations[action.tensor]
        if action.tensor not in self.delivered:
            raise self.fail(f"{action.tensor} does not leave by rows")
        if rows[0] != self.delivered[action.tensor] or columns != (0, shape.width):
            raise self.fail(
                f"row {rows[0]} of {action.tensor} is not handed out whole and in order"
            )
        self.delivered[action.tensor] = rows[1]
        source = self.program.buffers[action.source]
        for row in range(*rows):
            self.expect(source, shape, row, columns, step, "whoever takes the rows")

    def _copy(self, action: Copy, rows: Range, columns: Range, step: int) -> None:
        shape = self.graph.activations[action.tensor]
        source = self.program.buffers[action.source]
        target = self.program.buffers[action.target]
        for row in range(*rows):
            self.expect(source, shape, row, columns, step, "a copy")
            self.write(target, shape, row, columns, step + action.ahead)

    def _compute(
        self,
        node: IntegerNode,
        stage: Stage,
        action: Compute,
        at: tuple[int, int],
        rows: Range,
        columns: Range,
    ) -> None:
        if node.kernel.granularity is Granularity.TENSOR:
            self._whole(node, stage, action)
            return
        if node.kernel.granularity is Granularity.BLOCK:
            self._block(node, stage, action, at, rows, columns)
            return
        sink = node.name in stage.sinks
        if sink:
            self._sink_rows(node, stage, rows, columns)
        else:
            self.macs += (
                node.kernel.macs_per_pixel * (rows[1] - rows[0]) * (columns[1] - columns[0])
            )
        for row in range(*rows):
            self._row(node, stage, action, at, row, columns)

    def _row(
        self,
        node: IntegerNode,
        stage: Stage,
        action: Compute,
        at: tuple[int, int],
        row: int,
        columns: Range,
    ) -> None:
        self.kernel_rows += 1
        busy: list[Range] = []
        if node.name in stage.scratch:
            busy.append(self.clobber(self.program.buffers[stage.scratch[node.name]]))
        in_place: list[Range] = []
        for index, name in enumerate(node.inputs):
            down, across = node.kernel.windows(index)
            shape = self.graph.activations[name]
            left = max(0, across.first(columns[0]))
            right = min(shape.width, across.first(columns[1] - 1) + across.kernel)
            for tap in down.taps(row):
                if not 0 <= tap < shape.height or left >= right:
                    continue
                buffer = self.program.buffers[stage.storage[name].buffer_of(tap, at[0])]
                read = self.expect(buffer, shape, tap, (left, right), at[1], node.name)
                (in_place if node.kernel.in_place(index) else busy).append(read)
        if node.name in stage.sinks:
            return
        shape = self.graph.activations[node.output]
        buffer = self.program.buffers[action.target]
        out = self.span(buffer, row, columns, at[1])
        clash = [b for b in busy if b[0] < out[1] and out[0] < b[1]]
        clash += [b for b in in_place if b[0] < out[1] and out[0] < b[1] and b != out]
        if clash:
            raise self.fail(f"{node.name} overwrites bytes {clash[0]} while it reads them")
        self.write(buffer, shape, row, columns, at[1])

    def _block(
        self,
        node: IntegerNode,
        stage: Stage,
        action: Compute,
        at: tuple[int, int],
        rows: Range,
        columns: Range,
    ) -> None:
        """All rows together: whatever they read and the scratch are in use until all are done."""
        if flaw := node.kernel.flaw():
            raise self.fail(flaw)
        down, across = node.kernel.windows(0)
        (name,) = node.inputs
        shape = self.graph.activations[name]
        left = max(0, across.first(columns[0]))
        right = min(shape.width, across.first(columns[1] - 1) + across.kernel)
        taps = {tap for row in range(*rows) for tap in down.taps(row) if 0 <= tap < shape.height}
        busy = [self.clobber(self.program.buffers[stage.scratch[node.name]])]
        for tap in sorted(taps if left < right else ()):
            buffer = self.program.buffers[stage.storage[name].buffer_of(tap, at[0])]
            busy.append(self.expect(buffer, shape, tap, (left, right), at[1], node.name))
        expanded = len(taps) * max(0, right - left)
        needed = node.kernel.least_scratch(expanded, columns[1] - columns[0])
        if needed > self.program.buffers[stage.scratch[node.name]].size:
            raise self.fail(f"{node.name} needs {needed} bytes of scratch")
        self.macs += node.kernel.macs_per_input_pixel * expanded
        buffer, shape = self.program.buffers[action.target], self.graph.activations[node.output]
        if rows[1] - rows[0] > buffer.slots:
            raise self.fail(f"{node.name} makes rows {rows} in {buffer.slots} slots")
        for row in range(*rows):
            self.kernel_rows += 1
            out = self.span(buffer, row, columns, at[1])
            if any(b[0] < out[1] and out[0] < b[1] for b in busy):
                raise self.fail(f"{node.name} overwrites bytes {out} while it needs them")
            self.write(buffer, shape, row, columns, at[1])
        self.macs += node.kernel.macs_per_pixel * (rows[1] - rows[0]) * (columns[1] - columns[0])

    def _whole(self, node: IntegerNode, stage: Stage, action: Compute) -> None:
        busy = []
        if node.name in stage.scratch:
            busy.append(self.clobber(self.program.buffers[stage.scratch[node.name]]))
        for name in node.inputs:
            shape = self.graph.activations[name]
            buffer = self.program.buffers[stage.storage[name].buffer_of(0, 0)]
            for row in range(shape.height):
                busy.append(self.expect(buffer, shape, row, (0, shape.width), 0, node.name))
        shape = self.graph.activations[node.output]
        buffer = self.program.buffers[action.target]
        out = (buffer.offset, buffer.offset + shape.size)
        if any(b[0] < out[1] and out[0] < b[1] for b in busy):
            raise self.fail(f"{node.name} overwrites what it still reads")
        for row in range(shape.height):
            self.write(buffer, shape, row, (0, shape.width), 0)
        self.macs += node.kernel.macs_per_pixel * shape.height * shape.width
        self.kernel_rows += 1

    # Sinks ----------------------------------------------------------------------------------

    def _begin(self, node: IntegerNode, stage: Stage) -> None:
        sizes = {(a.height, a.width) for a in map(self.graph.activations.get, node.inputs) if a}
        if len(sizes) != 1:
            raise self.fail(f"{node.name} takes maps of several sizes: {sorted(sizes)}")
        self.sums[node.name] = np.zeros(sizes.pop(), dtype=np.int64)
        begin, end = self.clobber(self.program.buffers[stage.sinks[node.name]])
        self.arena[begin:end] = self._sum_tags(node, end - begin)

    def _sum_tags(self, node: IntegerNode, length: int) -> Tags:
        position = [n.name for n in self.graph.nodes].index(node.name)
        return np.arange(length) - (position + 2) * TENSOR_TAG

    def _sink_rows(self, node: IntegerNode, stage: Stage, rows: Range, columns: Range) -> None:
        buffer = self.program.buffers[stage.sinks[node.name]]
        if not np.array_equal(
            self.arena[buffer.offset : buffer.end], self._sum_tags(node, buffer.size)
        ):
            raise self.fail(f"the sums of {node.name} were overwritten")
        self.sums[node.name][rows[0] : rows[1], columns[0] : columns[1]] += 1

    def _finish(self, node: IntegerNode, stage: Stage) -> None:
        self._sink_rows(node, stage, (0, 0), (0, 0))
        if not (self.sums[node.name] == 1).all():
            raise self.fail(f"{node.name} does not take every pixel once")
        shape = self.graph.activations[node.output]
        storage = stage.storage[node.output]
        buffer = self.program.buffers[storage.oldest]
        sums = self.program.buffers[stage.sinks[node.name]]
        if buffer.offset < sums.end and sums.offset < buffer.offset + shape.size:
            raise self.fail(f"{node.name} overwrites its sums")
        for row in range(shape.height):
            self.write(buffer, shape, row, (0, shape.width), 0)
        self.macs += node.kernel.macs_per_pixel * shape.height * shape.width
