"""Stages of a Program as C: ranges, row pointers and places as the templates print them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mcucc.base.names import comment
from mcucc.codegen.block import BlockCode, block_code
from mcucc.codegen.border import BorderCode, border_code
from mcucc.codegen.model_names import Field, Names
from mcucc.images.camera import CameraInput
from mcucc.ir.integer import Activation, IntegerGraph, IntegerNode
from mcucc.ir.kernel import Granularity, KernelCall
from mcucc.ir.window import Window
from mcucc.schedule.plan.buffers import Buffer
from mcucc.schedule.plan.program import Action, Chain, Compute, Copy, Program, Receive, Stage, Step
from mcucc.schedule.plan.spans import EMPTY, Range, swept
from mcucc.schedule.split.block import SplitBlockKernel


@dataclass(frozen=True)
class Rows:
    """An `mcucc_rows`: where the rows of one input lie, and which of them a kernel call wants."""

    data: str  # C expressions of addresses
    pitch: int
    slots: int
    fresh: str
    fresh_pitch: int
    fresh_slots: int
    fresh_from: str
    height: int
    padding: str
    first: str
    taps: int
    dilation: int
    slot: int


@dataclass(frozen=True)
class Target:
    """Where the result goes: base address of slot 0 at the first column, pitch and slots."""

    base: str
    pitch: int
    slots: int
    height: int


@dataclass(frozen=True)
class ActionCode:
    """One action of a stage's body: a function of the generated C."""

    kind: str  # row, block, tensor, sink, copy, receive
    name: str
    comments: tuple[str, ...]
    takes_row_step: bool
    takes_column_step: bool
    takes_camera: bool
    rows: str
    columns: str
    function: str = ""
    params: str = ""
    params_type: str = ""
    fields: tuple[Field, ...] = ()
    inputs: tuple[Rows, ...] = ()
    pointers: int = 0
    input_column: str = ""
    scratch: str = "NULL"
    target: Target | None = None
    channels: int = 0
    camera_table: str = ""
    input_index: int = 0
    source: Target | None = None
    block: BlockCode | None = None
    border: BorderCode | None = None


@dataclass(frozen=True)
class StageCode:
    """One stage: its loops and actions. `name` is the function the network calls.

    A chain of interleaved stages has the actions of all its `members`, each a function of one row
    step, and the `order` of their row steps. A stage of several `strips` takes all row steps for
    the columns of a strip, `strip_steps` of them, before it goes on to the next.
    """

    name: str
    comments: tuple[str, ...]
    row_steps: int
    column_steps: int
    takes_camera: bool
    sinks: tuple[ActionCode, ...]
    actions: tuple[ActionCode, ...]
    members: tuple[StageCode, ...] = ()
    order: tuple[int, ...] = ()
    strips: int = 1
    strip_steps: str = ""

    @property
    def takes_row_step(self) -> bool:
        """Whether the row step matters to any action."""
        return any(action.takes_row_step for action in self.actions)

    @property
    def looped(self) -> bool:
        """Whether the body runs more than once."""
        return self.row_steps > 1 or self.column_steps > 1


def stage_codes(
    program: Program, names: Names, cameras: Mapping[str, CameraInput]
) -> tuple[StageCode, ...]:
    """Every chain of stages that has something to do."""
    found: list[StageCode] = []
    for chain in program.chains:
        codes = {
            number: _StageWriter(program, program.stages[number], names, cameras).code(number)
            for number in chain.stages
            if program.stages[number].actions
        }
        if len(codes) == 1:
            found += codes.values()
        elif codes:
            found.append(_chain_code(chain, codes))
    return tuple(found)


def _chain_code(chain: Chain, codes: Mapping[int, StageCode]) -> StageCode:
    first, last = chain.stages[0], chain.stages[-1]
    lines = [f"Stages {first} to {last}, interleaved: each feeds the next one rows as it asks."]
    members = tuple(
        replace(code, name=f"rows_of_{code.name}", comments=("A row step of:", *code.comments))
        for code in codes.values()
    )
    return StageCode(
        name=codes[last].name,
        comments=tuple(lines),
        row_steps=len(chain.order),
        column_steps=1,
        takes_camera=any(code.takes_camera for code in members),
        sinks=tuple(sink for code in members for sink in code.sinks),
        actions=tuple(action for code in members for action in code.actions),
        members=members,
        order=tuple(number - first for number in chain.order),
    )


def step_name(step: Step) -> str:
    """A step of the generated C by its nodes, for people."""
    if len(step.stages) == 1:
        return stage_name(step.stages[0])
    return f"{step.nodes[0].name} .. {step.nodes[-1].name}"


def stage_name(stage: Stage) -> str:
    """A stage by its nodes, for people."""
    nodes = [node.name for node in stage.nodes]
    return nodes[0] if len(nodes) == 1 else f"{nodes[0]} .. {nodes[-1]}"


class _StageWriter:
    """Builds the StageCode of one stage."""

    def __init__(
        self,
        program: Program,
        stage: Stage,
        names: Names,
        cameras: Mapping[str, CameraInput],
    ) -> None:
        self.program, self.stage, self.names, self.cameras = program, stage, names, cameras
        self.graph: IntegerGraph = program.graph
        self.nodes = {node.name: node for node in stage.nodes}

    def code(self, number: int) -> StageCode:
        """The stage."""
        stage = self.stage
        actions = tuple(self._action(i, action) for i, action in enumerate(stage.actions))
        single = len(stage.nodes) == 1
        title = comment(stage_name(stage))
        lines = [f"Stage {number}: {title}"]
        if not single:
            rows, columns = stage.plan.tile
            tile = f"{rows} x {columns}" if columns else f"{rows} whole rows"
            lines.append(
                f"{len(stage.nodes)} nodes, tile {tile} of the last output, "
                f"{stage.row_steps} x {stage.column_steps} steps"
            )
        strips = len(stage.strips)
        if strips > 1:
            lines.append(f"in {strips} vertical strips: borders of strips are computed in both")
        return StageCode(
            name=self.names.of_node(stage.nodes[-1].name, f"stage_{number}_{{}}"),
            comments=tuple(lines),
            row_steps=stage.row_steps,
            column_steps=stage.column_steps,
            takes_camera=any(action.takes_camera for action in actions),
            sinks=tuple(action for action in actions if action.kind == "sink"),
            actions=actions,
            strips=strips,
            strip_steps=self._strip_steps(),
        )

    def _strip_steps(self) -> str:
        """A C expression for the column steps of `strip`; none where a strip is one of them."""
        stage = self.stage
        if len(stage.strips) in (1, stage.column_steps):
            return ""
        return self.names.range(stage.strips, "strip", stage.column_steps)

    def _action(self, index: int, action: Action) -> ActionCode:
        if isinstance(action, Receive):
            return self._receive(action)
        if isinstance(action, Copy):
            return self._copy(index, action)
        node = self.nodes[action.node]
        if node.kernel.granularity is Granularity.TENSOR:
            return self._tensor(action, node)
        code = self._compute(action, node)
        if isinstance(node.kernel, SplitBlockKernel):
            name, x = node.name, self.graph.activations[node.inputs[0]]
            block = block_code(self.names, name, node.kernel, (x.height, x.width))
            return replace(code, kind="block", params="", fields=(), block=block)
        return code

    def _ranges(self, action: Action, shape: Activation) -> tuple[str, str]:
        return (
            self.names.range(action.rows, "t", shape.height),
            self.names.range(action.columns, "u", shape.width),
        )

    def _receive(self, action: Receive) -> ActionCode:
        a = self.graph.activations[action.tensor]
        place = self.program.buffers[action.target]
        camera = self.cameras.get(action.tensor)
        table = ""
        if camera is None or not camera.is_offset:
            table = self.names.camera_table(action.tensor) if camera is not None else "NULL"
        rows, columns = self._ranges(action, a)
        return ActionCode(
            kind="receive",
            name=self._moving("receive", action.tensor),
            comments=(f"rows of {comment(action.tensor)} come from the camera",),
            takes_row_step=_depends(rows, "t"),
            takes_column_step=_depends(columns, "u"),
            takes_camera=True,
            rows=rows,
            columns=columns,
            target=self._target(place, a, "0"),
            channels=a.channels,
            camera_table=table,
            input_index=self.graph.inputs.index(action.tensor),
        )

    def _moving(self, what: str, tensor: str) -> str:
        """The function of this stage that moves rows of a tensor."""
        wanted = f"{what}_{self.names.tensors[tensor]}"
        return self.names.symbol(wanted, "moving", what, tensor, self.stage.nodes[-1].name)

    def _copy(self, index: int, action: Copy) -> ActionCode:
        a = self.graph.activations[action.tensor]
        source, target = (self.program.buffers[n] for n in (action.source, action.target))
        rows, columns = self._ranges(action, a)
        ahead = f"u + {action.ahead}" if action.ahead else "u"
        left = self._target(source, a, self._column(source, "columns.begin", "u"))
        right = self._target(target, a, self._column(target, "columns.begin", ahead))
        return ActionCode(
            kind="copy",
            name=self._moving(f"keep_{index}", action.tensor),
            comments=(
                f"{comment(action.tensor)}: what later steps read moves to {target.kind.value}",
            ),
            takes_row_step=_depends(rows, "t"),
            takes_column_step=_depends(f"{columns} {left.base} {right.base}", "u"),
            takes_camera=False,
            rows=rows,
            columns=columns,
            channels=a.channels,
            source=left,
            target=right,
        )

    def _tensor(self, action: Compute, node: IntegerNode) -> ActionCode:
        call = node.call()
        output = self.graph.activations[node.output]
        inputs = tuple(self._whole_rows(tensor, slot) for slot, tensor in enumerate(node.inputs))
        return ActionCode(
            kind="tensor",
            rows="",
            columns="",
            takes_row_step=False,
            takes_column_step=False,
            takes_camera=False,
            inputs=inputs,
            target=self._target(self.program.buffers[action.target], output, "0"),
            **self._call(node, call),  # type: ignore[arg-type]
        )

    def _whole_rows(self, tensor: str, slot: int) -> Rows:
        a = self.graph.activations[tensor]
        storage = self.stage.storage[tensor]
        name = self.names.place(storage.oldest)
        return Rows(
            f"arena + {name}", a.row_bytes, a.height, "NULL", 0, 1, "0",
            a.height, "NULL", "0", 1, 1, slot,
        )  # fmt: skip

    def _call(self, node: IntegerNode, call: KernelCall) -> dict[str, object]:
        scratch = self.stage.scratch.get(node.name) or self.stage.sinks.get(node.name)
        inputs = ", ".join(_shape(self.graph.activations[x]) for x in node.inputs)
        output = self.graph.activations[node.output]
        macs = self.graph.macs_of(node)
        work = f", {macs:,} MACs" if macs else ""
        return {
            "name": self.names.of_node(node.name, "run_{}"),
            "comments": (
                f"{comment(node.name)}: {comment(node.describe())}",
                f"{inputs} -> {_shape(output)}{work}",
            ),
            "function": call.function,
            "params": self.names.of_node(node.name, "{}_params"),
            "params_type": call.params,
            "fields": self.names.fields(node.name, call),
            "scratch": f"arena + {self.names.place(scratch)}" if scratch else "NULL",
        }

    def _compute(self, action: Compute, node: IntegerNode) -> ActionCode:
        sink = node.kernel.granularity is Granularity.SINK
        output = self.graph.activations[node.output]
        measured = self.graph.activations[node.inputs[0]] if sink else output
        rows, columns = self._ranges(action, measured)
        inputs, pointers, base = self._operands(node)
        target = self.program.buffers[action.target]
        column = "0" if sink else self._column(target, "columns.begin", "u")
        call = node.call()
        border = None
        if call.border is not None:
            border = border_code(self.names, node.name, call.border, output.channels)
        uses = " ".join([rows, base, *(f"{x.data} {x.fresh} {x.fresh_from}" for x in inputs)])
        across = " ".join([columns, base, column, *(f"{x.data} {x.fresh}" for x in inputs)])
        return ActionCode(
            kind="sink" if sink else "row",
            takes_row_step=_depends(uses, "t"),
            takes_column_step=_depends(across, "u"),
            takes_camera=False,
            rows=rows,
            columns=columns,
            inputs=inputs,
            pointers=pointers,
            input_column=base,
            target=self._target(target, output, column),
            border=border,
            **self._call(node, call),  # type: ignore[arg-type]
        )

    def _operands(self, node: IntegerNode) -> tuple[tuple[Rows, ...], int, str]:
        """Row pointers of all inputs, their number, and the column of windowed ones."""
        found = []
        slot, shared = 0, "columns.begin"
        for index, tensor in enumerate(node.inputs):
            down, across = node.kernel.windows(index)
            sink = node.kernel.granularity is Granularity.SINK
            taps = 1 if sink else (down.kernel - 1) // down.dilation + 1
            first = "row" if sink else first_row(down)
            base = "columns.begin"
            if not sink and across.stride == 0:
                base = "0"
            elif not sink and across != Window():
                base = shared = self._base(tensor)
            found.append(self._rows(node, tensor, base, first, taps, down, slot))
            slot += taps
        return tuple(found), slot, shared

    def _base(self, tensor: str) -> str:
        """The leftmost column that a tensor's rows hold at this step."""
        storage = self.stage.storage[tensor]
        return self._origin(self.program.buffers[storage.newest], "u")

    def _rows(
        self,
        node: IntegerNode,
        tensor: str,
        base: str,
        first: str,
        taps: int,
        down: Window,
        slot: int,
    ) -> Rows:
        a = self.graph.activations[tensor]
        storage = self.stage.storage[tensor]
        padding = node.kernel.padding() if down.stride else None
        kept = self.program.buffers[storage.oldest]
        both = storage.kept is not None and storage.fresh is not None
        fresh = self.program.buffers[storage.newest] if both else None
        fresh_from = "0"
        if both:
            ranges = [(r if r[0] < r[1] else (a.height, a.height)) for r in storage.fresh_rows]
            fresh_from = self._begin(ranges, a.height)
        return Rows(
            data=self._address(kept, base),
            pitch=kept.pitch,
            slots=kept.slots,
            fresh=self._address(fresh, base) if fresh else "NULL",
            fresh_pitch=fresh.pitch if fresh else 0,
            fresh_slots=fresh.slots if fresh else 1,
            fresh_from=fresh_from,
            height=a.height,
            padding="NULL" if padding is None else self.names.pad_row(padding, a.row_bytes),
            first=first,
            taps=taps,
            dilation=down.dilation,
            slot=slot,
        )

    def _begin(self, ranges: Sequence[Range], size: int) -> str:
        """A C expression for the first position of ranges[t]."""
        if len({begin for begin, _ in ranges}) == 1:
            return str(ranges[0][0])
        span = swept([r if r[0] < size else EMPTY for r in ranges], size)
        if span is not None:
            return f"mcucc_sweep(t, {span.rate}, {span.lo}, {span.hi}, {size}).begin"
        known = {value: key for key, value in self.names.ranges.items()}
        key = known.get(tuple(ranges), f"ranges_{len(self.names.ranges)}")
        self.names.ranges[key] = tuple(ranges)
        return f"{key}[t][0]"

    def _origin(self, place: Buffer, step: str) -> str:
        if not place.origins or not any(place.origins):
            return "0"
        if len(set(place.origins)) == 1:
            return str(place.origins[0])
        ranges = tuple((origin, origin) for origin in place.origins)
        known = {value: key for key, value in self.names.ranges.items()}
        key = known.get(ranges, f"ranges_{len(self.names.ranges)}")
        self.names.ranges[key] = ranges
        return f"{key}[{step}][0]"

    def _column(self, place: Buffer, column: str, step: str) -> str:
        """Columns from the left edge of a place to `column`."""
        origin = self._origin(place, step)
        return column if origin == "0" else f"({column} - {origin})"

    def _address(self, place: Buffer, column: str) -> str:
        """Slot 0 of a place at a column."""
        at = f"arena + {self.names.place(place.id)}"
        origin = self._origin(place, "u")
        if column == origin:
            return at
        offset = column if origin == "0" else f"({column} - {origin})"
        return f"{at} + {offset} * {place.channels}"

    def _target(self, place: Buffer, a: Activation, column: str) -> Target:
        at = f"arena + {self.names.place(place.id)}"
        base = at if column == "0" else f"{at} + {column} * {a.channels}"
        return Target(base, place.pitch, place.slots, a.height)


def first_row(window: Window) -> str:
    """C expression of the first input row of output row `row`."""
    text = "row" if window.stride == 1 else f"row * {window.stride}" if window.stride else "0"
    if window.phase:
        text = f"({text} + {window.phase})"
    if window.upsample > 1:
        text = f"{text} / {window.upsample}"
    if not window.pad:
        return text
    return f"{text} {'-' if window.pad > 0 else '+'} {abs(window.pad)}"


def _depends(text: str, variable: str) -> bool:
    return f"({variable}," in text or f"[{variable}]" in text or f"[{variable} +" in text


def _shape(a: Activation) -> str:
    return f"{a.height}x{a.width}x{a.channels}"
