"""Actions of a stage as C functions: a record for each kind, printed by a template of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from mcucc.codegen.block import GroupsCode
from mcucc.codegen.border import BorderCode
from mcucc.codegen.constants import BufferCode
from mcucc.codegen.expression import NEVER, Index, Loops, Number, behind, later
from mcucc.codegen.functions import (
    Call,
    Function,
    Part,
    RowsCode,
    Target,
    rows_in_slices,
    sliced,
    span_fields,
)
from mcucc.codegen.model_names import Field
from mcucc.codegen.ports import Port, Ports


@dataclass(frozen=True)
class _PortRows(Function):
    """Whole rows that come in or go out at some column steps."""

    part: Part

    @property
    def guarded(self) -> bool:
        """Whether at some column step nothing comes or goes."""
        return self.part.columns.empties

    @property
    def loops(self) -> Loops:
        """Those of the rows, and of columns that may be empty: rows are whole."""
        return self.part.rows.loops | (self.part.columns.loops if self.guarded else NEVER)


@dataclass(frozen=True)
class ReceiveCode(_PortRows):
    """Rows of an input come from the camera: bytes become integers by an offset or by `table`.

    Where `converts` is false they are those already. `keeps`: a slice that a late row ended is made
    again, and skips the rows that it has.
    """

    target: Target
    converts: bool
    keeps: bool
    table: str
    wide: bool  # into int16
    pixels: int
    channels: int
    input_index: int

    template: ClassVar[str] = "model/receive.c.j2"
    ports: ClassVar[Ports] = (Port.CAMERA,)


@dataclass(frozen=True)
class DeliverCode(_PortRows):
    """Rows of an output are handed out: whole ones, at the last column step."""

    source: BufferCode
    output_index: int

    template: ClassVar[str] = "model/deliver.c.j2"
    ports: ClassVar[Ports] = (Port.SINK,)


@dataclass(frozen=True)
class CopyCode(Function):
    """Pixels move between two buffers; the target's are those of `ahead` column steps later."""

    part: Part
    source: BufferCode
    target: BufferCode
    ahead: int

    template: ClassVar[str] = "model/copy.c.j2"

    @property
    def loops(self) -> Loops:
        """Those of the ranges and the buffers."""
        return self.part.loops | self.source.edge.loops | self.target.edge.loops

    @property
    def source_column(self) -> str:
        """Where the columns begin in the source."""
        return behind(self.part.begin, self.source.edge)

    @property
    def target_column(self) -> str:
        """Where they begin in the target."""
        return behind(self.part.begin, later(self.target.edge, self.ahead))


@dataclass(frozen=True)
class TensorCode(Function):
    """A kernel makes a whole tensor of whole tensors."""

    call: Call
    inputs: tuple[BufferCode, ...]
    output: BufferCode
    scratch: BufferCode | None

    template: ClassVar[str] = "model/tensor.c.j2"

    @property
    def loops(self) -> Loops:
        """None."""
        return NEVER


@dataclass(frozen=True)
class RowCode(Function):
    """A kernel makes rows of its output from those of its windows, `pointers` of them."""

    call: Call
    part: Part
    inputs: tuple[RowsCode, ...]
    pointers: int
    input_column: Index
    target: Target
    scratch: BufferCode | None
    border: BorderCode | None

    template: ClassVar[str] = "model/row.c.j2"

    @property
    def slices(self) -> int:
        """One a row, where they are `sliced`."""
        return rows_in_slices(self.part)

    def sliced(self) -> RowCode:
        """The same with its rows as parameters, where it makes all rows of a tensor at once."""
        return replace(self, part=sliced(self.part))

    @property
    def span(self) -> tuple[Field, ...]:
        """The part of a row that a call makes."""
        return span_fields(self.part.begin, self.part.end, self.input_column, self.scratch)

    @property
    def loops(self) -> Loops:
        """Those of everything in it."""
        found = self.part.loops | self.target.loops | self.input_column.loops
        return found.union(*(x.loops for x in self.inputs))


@dataclass(frozen=True)
class SinkCode(Function):
    """A reduction adds rows of its input to its sums, of which it makes its pixel in the end."""

    call: Call
    part: Part
    inputs: tuple[RowsCode, ...]
    sums: BufferCode
    output: BufferCode

    template: ClassVar[str] = "model/sink.c.j2"

    @property
    def slices(self) -> int:
        """One a row, where they are `sliced`."""
        return rows_in_slices(self.part)

    def sliced(self) -> SinkCode:
        """The same with its rows as parameters, where it reads all rows of a tensor at once."""
        return replace(self, part=sliced(self.part))

    @property
    def span(self) -> tuple[Field, ...]:
        """The part of a row that a call reads."""
        return span_fields(self.part.begin, self.part.end, self.part.begin, None)

    @property
    def loops(self) -> Loops:
        """Those of everything in it."""
        return self.part.loops.union(*(x.loops for x in self.inputs))


@dataclass(frozen=True)
class BlockCode(Function):
    """A block makes the sums of all rows of a step, a group of channels at a time: a slice each."""

    part: Part
    inputs: tuple[RowsCode, ...]
    target: Target
    scratch: BufferCode
    block: GroupsCode

    template: ClassVar[str] = "model/block.c.j2"

    @property
    def slices(self) -> int:
        """One a group."""
        return sum(run.groups for run in self.block.runs)

    @property
    def expanded(self) -> RowsCode:
        """What the depthwise convolution reads: as the block does, at the distance of its taps."""
        block, nowhere = self.block, Number(0)
        window = replace(block.rows, dilation=block.dilation)
        return RowsCode(
            block.expanded, None, nowhere, nowhere, block.padding, window, block.taps, 0
        )

    @property
    def input_span(self) -> tuple[Field, ...]:
        """The part of a row that the expansion makes."""
        return span_fields("wide.begin", "wide.end", self.inputs[0].column, self.scratch)

    @property
    def filter_span(self) -> tuple[Field, ...]:
        """The part of a row that the depthwise convolution makes."""
        return span_fields(self.part.begin, self.part.end, "wide.begin", self.scratch)

    @property
    def sums_span(self) -> tuple[Field, ...]:
        """The part of a row that the projection adds to."""
        return span_fields(self.part.begin, self.part.end, self.part.begin, self.scratch)

    @property
    def loops(self) -> Loops:
        """Those of everything in it."""
        return (self.part.loops | self.target.loops).union(*(x.loops for x in self.inputs))


ActionCode = ReceiveCode | DeliverCode | CopyCode | TensorCode | RowCode | SinkCode | BlockCode
