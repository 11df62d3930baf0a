"""Actions of a stage to their records: which buffers, ranges and parameters their C names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mcucc.base.names import comment
from mcucc.codegen.actions import (
    ActionCode,
    BlockCode,
    CopyCode,
    DeliverCode,
    ReceiveCode,
    RowCode,
    SinkCode,
    TensorCode,
)
from mcucc.codegen.block import groups_code
from mcucc.codegen.border import border_code
from mcucc.codegen.constants import BufferCode, Constants
from mcucc.codegen.expression import Index, Loop, Number
from mcucc.codegen.functions import Call, Part, RowsCode, Target
from mcucc.codegen.model_names import Names
from mcucc.images.camera import CameraInput
from mcucc.ir.integer import Activation, IntegerGraph, IntegerNode
from mcucc.ir.kernel import Granularity
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import INT16
from mcucc.schedule.plan import buffers as plan
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.program import Action, Compute, Copy, Deliver, Program, Receive, Stage


@dataclass(frozen=True, eq=False)
class Writing:
    """What the code of every stage of a model is made from, and the constants that it asks for."""

    program: Program
    names: Names
    constants: Constants
    cameras: Mapping[str, CameraInput]


@dataclass(frozen=True)
class _Purpose:
    """What a copy is for: its function's verb, what its tables are of, and the sentence above."""

    verb: str
    done: str
    sentence: str


_SLIDE = _Purpose(
    "slide_columns", "slid", "Slide what the next column step reads of {} to the left edge"
)
_LOAD = _Purpose("load_columns", "loaded", "Load the columns of {} that the step before kept")
_KEEP_COLUMNS = _Purpose("keep_columns", "kept", "Keep the columns of {} that the next step reads")
_KEEP_ROWS = _Purpose("keep_rows", "cached", "Keep the rows of {} that later row steps read")


class ActionWriter:
    """Makes the records of one stage's actions."""

    def __init__(self, writing: Writing, stage: Stage) -> None:
        self.names, self.constants, self.stage = writing.names, writing.constants, stage
        self.cameras, self.program = writing.cameras, writing.program
        self.graph: IntegerGraph = writing.program.graph
        self.nodes = {node.name: node for node in stage.nodes}

    def code(self, index: int, action: Action) -> ActionCode:
        """The record of the action of this number."""
        if isinstance(action, Receive):
            return self._receive(action)
        if isinstance(action, Copy):
            return self._copy(index, action)
        if isinstance(action, Deliver):
            return self._deliver(action)
        node = self.nodes[action.node]
        if node.kernel.granularity is Granularity.BLOCK:
            return self._block(action, node)
        if node.kernel.granularity is Granularity.TENSOR:
            return self._tensor(action, node)
        if node.kernel.granularity is Granularity.SINK:
            return self._sink(action, node)
        return self._row(action, node)

    # Moves ---------------------------------------------------------------------------------------

    def _receive(self, action: Receive) -> ReceiveCode:
        a, camera = self.graph.activations[action.tensor], self.cameras.get(action.tensor)
        target = self.constants.buffer(action.target)
        return ReceiveCode(
            name=self._moving("receive", action.tensor),
            comments=(f"Receive rows of {comment(action.tensor)} from the camera.",),
            part=self._part(action, a, "received"),
            target=Target(target, target.edge),
            converts=camera is not None,
            keeps=self.program.plan.image is ImagePolicy.ROWS,
            table=self._camera_table(action.tensor),
            wide=a.dtype == INT16,
            pixels=target.pitch // a.pixel_bytes,
            channels=a.channels,
            input_index=self.graph.inputs.index(action.tensor),
        )

    def _camera_table(self, tensor: str) -> str:
        camera = self.cameras.get(tensor)
        return "" if camera is None or camera.is_offset else self.names.camera_table(tensor)

    def _deliver(self, action: Deliver) -> DeliverCode:
        return DeliverCode(
            name=self._moving("deliver", action.tensor),
            comments=(f"Hand out rows of {comment(action.tensor)}, which are complete.",),
            part=self._part(action, self.graph.activations[action.tensor], "handed_out"),
            source=self.constants.buffer(action.source),
            output_index=self.graph.outputs.index(action.tensor),
        )

    def _copy(self, index: int, action: Copy) -> CopyCode:
        purpose = _purpose(action)
        source, target = (self.program.buffers[n].kind for n in (action.source, action.target))
        moved = f": {source.value} -> {target.value}" if source is not target else ""
        return CopyCode(
            name=self._moving(purpose.verb, action.tensor, index),
            comments=(f"{purpose.sentence.format(comment(action.tensor))}{moved}.",),
            part=self._part(action, self.graph.activations[action.tensor], purpose.done),
            source=self.constants.buffer(action.source),
            target=self.constants.buffer(action.target),
            ahead=action.ahead,
        )

    def _moving(self, verb: str, tensor: str, index: int = 0) -> str:
        """The function of this stage that moves a part of a tensor."""
        wanted = f"{verb}_{self.names.tensors[tensor]}"
        return self.names.symbol(wanted, "moving", wanted, index, self.stage.nodes[-1].name)

    # Kernels -------------------------------------------------------------------------------------

    def _tensor(self, action: Compute, node: IntegerNode) -> TensorCode:
        return TensorCode(
            name=self._run(node),
            comments=self._comments(node),
            call=self._call(node),
            inputs=tuple(
                self.constants.buffer(self.stage.storage[tensor].oldest) for tensor in node.inputs
            ),
            output=self.constants.buffer(action.target),
            scratch=self._scratch(node),
        )

    def _sink(self, action: Compute, node: IntegerNode) -> SinkCode:
        x = self.graph.activations[node.inputs[0]]
        part = self._part(action, x, "read")
        inputs = tuple(
            self._rows(node, tensor, Window(), slot, 1, part.begin)
            for slot, tensor in enumerate(node.inputs)
        )
        return SinkCode(
            name=self._run(node),
            comments=self._comments(node),
            call=self._call(node),
            part=part,
            inputs=inputs,
            sums=self.constants.buffer(self.stage.sinks[node.name]),
            output=self.constants.buffer(action.target),
        )

    def _row(self, action: Compute, node: IntegerNode) -> RowCode:
        output, call = self.graph.activations[node.output], node.call()
        part = self._part(action, output, "made")
        found: list[RowsCode] = []
        slot, input_column = 0, part.begin
        for index, tensor in enumerate(node.inputs):
            down, across = node.kernel.windows(index)
            column = self._column(tensor, across, part.begin)
            taps = (down.kernel - 1) // down.dilation + 1
            found.append(self._rows(node, tensor, down, slot, taps, column))
            slot += taps
            if across.stride and across != Window():
                input_column = column
        border = None
        if call.border is not None:
            border = border_code(self.names, node.name, call.border)
        return RowCode(
            name=self._run(node),
            comments=self._comments(node),
            call=self._call(node),
            part=part,
            inputs=tuple(found),
            pointers=slot,
            input_column=input_column,
            target=Target(self.constants.buffer(action.target), part.begin),
            scratch=self._scratch(node),
            border=border,
        )

    def _block(self, action: Compute, node: IntegerNode) -> BlockCode:
        block = node.call().block
        assert block is not None, f"{node.name} is a block without calls"
        x = self.graph.activations[node.inputs[0]]
        part = self._part(action, self.graph.activations[node.output], "made")
        column = self._column(x.name, node.kernel.windows(0)[1], part.begin)
        scratch = self.constants.buffer(self.stage.scratch[node.name])
        return BlockCode(
            name=self._run(node),
            comments=self._comments(node),
            part=part,
            inputs=(self._rows(node, x.name, Window(), 0, 1, column),),
            target=Target(self.constants.buffer(action.target), part.begin),
            scratch=scratch,
            block=groups_code(self.names, self.constants, node, block, x, scratch),
        )

    def _run(self, node: IntegerNode) -> str:
        return self.names.of_node(node.name, "run_{}")

    def _comments(self, node: IntegerNode) -> tuple[str, ...]:
        inputs = ", ".join(_shape(self.graph.activations[x]) for x in node.inputs)
        macs = self.graph.macs_of(node)
        work = f", {macs:,} MACs" if macs else ""
        return (
            f"{comment(node.name)}: {comment(node.describe())}",
            f"{inputs} -> {_shape(self.graph.activations[node.output])}{work}",
        )

    def _call(self, node: IntegerNode) -> Call:
        call = node.call()
        params = self.names.of_node(node.name, "{}_params")
        return Call(call.function, params, call.params, self.names.fields(node.name, call))

    def _scratch(self, node: IntegerNode) -> BufferCode | None:
        scratch = self.stage.scratch.get(node.name)
        return self.constants.buffer(scratch) if scratch else None

    # Operands ------------------------------------------------------------------------------------

    def _part(self, action: Action, a: Activation, what: str) -> Part:
        """The ranges of an action on a tensor; tables of them are named after it."""
        name = f"{self.names.tensors[a.name]}_{what}"
        extent = self.constants.extent
        return Part(
            rows=extent(action.rows, Loop.ROW_STEP, a.height, f"{name}_rows"),
            columns=extent(action.columns, Loop.COLUMN_STEP, a.width, f"{name}_columns"),
        )

    def _column(self, tensor: str, across: Window, begin: Index) -> Index:
        """The input column that pointers point at: kernels that slide see all that is there."""
        if across.stride == 0:
            return Number(0)
        if across == Window():
            return begin
        return self.constants.buffer(self.stage.storage[tensor].newest).edge

    def _rows(
        self,
        node: IntegerNode,
        tensor: str,
        down: Window,
        slot: int,
        taps: int,
        column: Index,
    ) -> RowsCode:
        a, storage = self.graph.activations[tensor], self.stage.storage[tensor]
        padding = node.kernel.padding() if down.stride else None
        fresh: BufferCode | None = None
        fresh_from: Index = Number(0)
        if storage.kept is not None and storage.fresh is not None:
            fresh = self.constants.buffer(storage.fresh)
            name = f"{self.names.tensors[tensor]}_fresh_from"
            fresh_from = self.constants.first(storage.fresh_rows, Loop.ROW_STEP, a.height, name)
        return RowsCode(
            buffer=self.constants.buffer(storage.oldest),
            fresh=fresh,
            fresh_from=fresh_from,
            column=column,
            padding="NULL" if padding is None else self.names.pad_pointer(padding, a),
            window=down,
            taps=taps,
            slot=slot,
        )


def _purpose(action: Copy) -> _Purpose:
    if action.source == action.target:
        return _SLIDE
    if action.source.part is plan.Part.COLUMNS:
        return _LOAD
    return _KEEP_COLUMNS if action.target.part is plan.Part.COLUMNS else _KEEP_ROWS


def _shape(a: Activation) -> str:
    return f"{a.height}x{a.width}x{a.channels}"
