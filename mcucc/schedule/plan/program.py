"""Program: a Plan with every range, buffer and offset fixed - what C is generated from.

Execution of a chain of stages (mostly of one), in this order and no other:

    begin every sink (global pool, detector's head) of its stages
    for stage in chain.order: its next row_step, counted from 0 in each of its strips:
        for column_step in the strip's column steps:
            for action in stage.actions:
                rows, columns = action.rows[row_step], action.columns[column_step]
                if both ranges are not empty: perform the action on them
    finish every sink

A stage has taken all its row steps in one strip before it begins the next one. Column steps are
numbered through all strips.

The checker replays exactly this, the code generator prints it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mcucc.ir.integer import IntegerGraph, IntegerNode
from mcucc.schedule.plan.buffers import Buffer, BufferId, BufferKind
from mcucc.schedule.plan.live_ranges import InPlace, LiveRanges
from mcucc.schedule.plan.plan import Plan, StagePlan
from mcucc.schedule.plan.spans import Range


@dataclass(frozen=True)
class Receive:
    """The camera hands over rows of a network input (whole rows)."""

    tensor: str
    target: BufferId
    rows: tuple[Range, ...]
    columns: tuple[Range, ...]


@dataclass(frozen=True)
class Deliver:
    """Rows of a network output are complete (whole rows) and handed out: they are free then."""

    tensor: str
    source: BufferId
    rows: tuple[Range, ...]
    columns: tuple[Range, ...]


@dataclass(frozen=True)
class Compute:
    """A kernel makes rows x columns of its output in `target`.

    For a sink the ranges are those of its inputs, which it takes into its scratch (sums, records).
    """

    node: str
    target: BufferId
    rows: tuple[Range, ...]
    columns: tuple[Range, ...]


@dataclass(frozen=True)
class Copy:
    """Pixels of a tensor move from one buffer to another (or left within one: memmove).

    The source is addressed as of this column step, the target as of `ahead` steps later.
    """

    tensor: str
    source: BufferId
    target: BufferId
    ahead: int
    rows: tuple[Range, ...]
    columns: tuple[Range, ...]


Action = Receive | Compute | Copy | Deliver


@dataclass(frozen=True)
class Storage:
    """Where readers of a stage find a tensor.

    At a row step, rows from `fresh_rows[row_step][0]` on lie in `fresh` and earlier ones in `kept`;
    with only one of the two buffers, all rows lie there. An empty range of fresh rows means that
    none is fresh.
    """

    fresh: BufferId | None
    kept: BufferId | None
    fresh_rows: tuple[Range, ...] = ()

    @property
    def newest(self) -> BufferId:
        """Where a step puts the rows that it computes."""
        found = self.fresh or self.kept
        assert found is not None  # there is one at least
        return found

    @property
    def oldest(self) -> BufferId:
        """Where rows of earlier steps are; all rows where there is one buffer."""
        found = self.kept or self.fresh
        assert found is not None
        return found

    def buffer_of(self, row: int, row_step: int) -> BufferId:
        """The buffer that holds `row`."""
        if self.fresh is None or self.kept is None:
            return self.newest
        begin, end = self.fresh_rows[row_step]
        return self.fresh if begin < end and row >= begin else self.kept


@dataclass(frozen=True, eq=False)
class Stage:
    """One stage: loop bounds, the body, and where its operands are.

    `strips` are the column steps of each strip, mostly of one. A stage whose only node is ALIAS has
    no actions. `scratch` is the scratch buffer of a node.
    """

    plan: StagePlan
    nodes: tuple[IntegerNode, ...]
    row_steps: int
    strips: tuple[Range, ...]
    actions: tuple[Action, ...]
    storage: Mapping[str, Storage]
    sinks: Mapping[str, BufferId]
    scratch: Mapping[str, BufferId]

    @property
    def title(self) -> str:
        """The stage by its nodes, for people."""
        return _title(self.nodes)

    @property
    def sink_nodes(self) -> tuple[IntegerNode, ...]:
        """Begun before and finished after the loops (`sinks`: name to buffer of its scratch)."""
        return tuple(node for node in self.nodes if node.name in self.sinks)

    @property
    def column_steps(self) -> int:
        """Column steps of all strips."""
        return self.strips[-1][1]

    @property
    def turns(self) -> int:
        """Row steps of all strips."""
        return self.row_steps * len(self.strips)

    @cached_property
    def iterations(self) -> tuple[tuple[int, int], ...]:
        """(row step, column step) in order of execution."""
        turns = (self.turn(number) for number in range(self.turns))
        return tuple((row, column) for row, columns in turns for column in range(*columns))

    def turn(self, number: int) -> tuple[int, Range]:
        """The row step and the column steps of the turn of this number."""
        strip, row_step = divmod(number, self.row_steps)
        return row_step, self.strips[strip]

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of all steps."""
        kernels = {node.name: node.kernel for node in self.nodes}
        return sum(
            kernels[action.node].macs(action.rows, action.columns)
            for action in self.actions
            if isinstance(action, Compute) and action.node not in self.sinks
        )

    def performed(self, number: int) -> Iterator[tuple[int, Action, Range, Range]]:
        """(column step, action, rows, columns) of everything a turn performs."""
        row_step, column_steps = self.turn(number)
        for column_step in range(*column_steps):
            for action in self.actions:
                rows, columns = action.rows[row_step], action.columns[column_step]
                if rows[0] < rows[1] and columns[0] < columns[1]:
                    yield column_step, action, rows, columns


@dataclass(frozen=True)
class Chain:
    """Stages by number that run interleaved, and the stage that takes each row step."""

    stages: tuple[int, ...]
    order: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Step:
    """What the generated C runs as one step: the stages of a chain."""

    stages: tuple[Stage, ...]

    @property
    def nodes(self) -> tuple[IntegerNode, ...]:
        """The nodes of all its stages."""
        return tuple(node for stage in self.stages for node in stage.nodes)

    @property
    def title(self) -> str:
        """The step by its nodes, for people."""
        return _title(self.nodes)


def _title(nodes: Sequence[IntegerNode]) -> str:
    return nodes[0].name if len(nodes) == 1 else f"{nodes[0].name} .. {nodes[-1].name}"


@dataclass(frozen=True, eq=False)
class Program:
    """Stages in order, the chains they run in, and their arena.

    `network` is what is computed, `graph` what the plan makes of it: clones of nodes that are
    computed again, the two nodes of a split block.
    `live_ranges` of all buffers are those that offsets were decided from; buffers of a pair
    `in_place` may share an offset. `stage_bytes` is the most that is live at one time of each
    stage. No offsets of these very buffers need less than `lower_bound` bytes, which is at least
    the most live at one time of all. `macs` are those executed.
    """

    network: IntegerGraph
    graph: IntegerGraph
    plan: Plan
    stages: tuple[Stage, ...]
    chains: tuple[Chain, ...]
    buffers: Mapping[BufferId, Buffer]
    live_ranges: LiveRanges
    in_place: InPlace
    arena_bytes: int
    lower_bound: int
    stage_bytes: tuple[int, ...]
    macs: int

    @property
    def factor(self) -> float:
        """F: MACs executed per MAC of the layer-by-layer network."""
        return self.macs / self.graph.macs if self.graph.macs else 1.0

    def buffer_of(self, tensor: str) -> Buffer:
        """The buffer of a tensor between stages, or of an input or output (whole or its rows)."""
        return self.buffers[BufferId(tensor)]

    def whole(self, tensor: str) -> Buffer | None:
        """The same, or the buffer of an image's rows; None for a tensor inside a stage."""
        return self.buffers.get(BufferId(tensor))

    @property
    def row_output_bytes(self) -> int:
        """Bytes of the outputs that leave by rows, which are never whole in the arena."""
        return sum(self.graph.activations[name].size for name in self.plan.row_outputs)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The chains that do something: what the generated C runs one by one."""
        steps = (Step(tuple(self.stages[n] for n in chain.stages)) for chain in self.chains)
        return tuple(step for step in steps if any(stage.actions for stage in step.stages))

    @property
    def peak_stage(self) -> int:
        """The first stage that needs the most bytes at a time."""
        return max(range(len(self.stages)), key=lambda i: self.stage_bytes[i])

    def live(self, stage: int) -> tuple[Buffer, ...]:
        """Buffers of which a byte is live at some time of a stage, by offset."""
        found = [
            self.buffers[buffer]
            for buffer, by_stage in self.live_ranges.items()
            if stage in by_stage and by_stage[stage].ever
        ]
        return tuple(sorted(found, key=lambda buffer: (buffer.offset, buffer.id.order)))

    def stages_in_use(self) -> Mapping[BufferId, tuple[int, int]]:
        """First and last stage in which a byte of a buffer is live; without those never live."""
        found: dict[BufferId, tuple[int, int]] = {}
        for number in range(len(self.stages)):
            for buffer in self.live(number):
                first, _ = found.get(buffer.id, (number, number))
                found[buffer.id] = first, number
        return found

    def bytes_by_kind(self) -> Mapping[BufferKind, int]:
        """The largest number of bytes of each kind in use in one stage."""
        found: dict[BufferKind, int] = dict.fromkeys(BufferKind, 0)
        for number in range(len(self.stages)):
            live = self.live(number)
            for kind in BufferKind:
                size = sum(buffer.size for buffer in live if buffer.kind is kind)
                found[kind] = max(found[kind], size)
        return found
