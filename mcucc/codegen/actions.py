"""Actions of a stage as C functions: a record for each kind, printed by a template of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from mcucc.codegen.block import GroupsCode
from mcucc.codegen.border import BorderCode
from mcucc.codegen.constants import BufferCode
from mcucc.codegen.expression import (
    NEVER,
    Extent,
    Fixed,
    Index,
    Local,
    Loop,
    Loops,
    Number,
    Sliced,
    behind,
    later,
)
from mcucc.codegen.model_names import Field
from mcucc.codegen.ports import Port, Ports, result_of
from mcucc.ir.window import Window

SLICES = ("int32_t begin", "int32_t end")  # which of them a call makes


@dataclass(frozen=True)
class Function:
    """A C function of the arena, and of the steps and the ports where it needs them."""

    name: str
    comments: tuple[str, ...]

    template: ClassVar[str]
    ports: ClassVar[Ports] = ()

    @property
    def slices(self) -> int:
        """In how many calls it can be made, one after the other."""
        return 1

    @property
    def loops(self) -> Loops:
        """What it depends on."""
        raise NotImplementedError

    @property
    def returns(self) -> str:
        """The C type of its result."""
        return result_of(self.ports)

    @property
    def arguments(self) -> str:
        """What a call hands over."""
        steps = [loop.value for loop in Loop if loop in self.loops]
        return ", ".join(["arena", *steps, *(port.value for port in self.ports)])

    @property
    def parameters(self) -> str:
        """The same as it is declared."""
        steps = [f"int32_t {loop.value}" for loop in Loop if loop in self.loops]
        slices = SLICES if self.slices > 1 else ()
        ports = (port.parameter for port in self.ports)
        return ", ".join(["int8_t *arena", *steps, *slices, *ports])


@dataclass(frozen=True)
class Part:
    """The rows and columns that an action performs at a step.

    The function leaves where columns or rows may be empty and the action does not see to it.
    """

    rows: Extent
    columns: Extent

    @property
    def loops(self) -> Loops:
        """What they depend on."""
        return self.rows.loops | self.columns.loops

    @property
    def begin(self) -> Index:
        """The first column."""
        return _bound(self.columns, "columns.begin")

    @property
    def end(self) -> Index:
        """One past the last column."""
        return _bound(self.columns, "columns.end")

    @property
    def first_row(self) -> Index:
        """The first row."""
        return _bound(self.rows, "rows.begin")

    @property
    def end_row(self) -> Index:
        """One past the last row."""
        return _bound(self.rows, "rows.end")


def _bound(extent: Extent, variable: str) -> Index:
    if isinstance(extent, Fixed | Sliced):
        return extent.first if variable.endswith("begin") else extent.last
    return Local(variable, extent.loops)


@dataclass(frozen=True)
class RowsCode:
    """An `mcucc_rows`: where the rows of an input lie, and which of them a kernel call wants.

    Their pointers point at `column`, and stand from `slot` on in the window.
    """

    buffer: BufferCode
    fresh: BufferCode | None
    fresh_from: Index
    column: Index
    padding: str
    window: Window
    taps: int
    slot: int

    @property
    def loops(self) -> Loops:
        """What its initialiser and its use depend on."""
        fresh = Target(self.fresh, self.column).loops if self.fresh else NEVER
        return Target(self.buffer, self.column).loops | fresh | self.fresh_from.loops

    @property
    def fields(self) -> tuple[Field, ...]:
        """The initialisers of what is not 0."""
        window = self.window
        found = {"buffer": f"&{self.buffer.name}", "data": Target(self.buffer, self.column).start}
        if self.fresh:
            found["fresh"] = f"&{self.fresh.name}"
            found["fresh_data"] = Target(self.fresh, self.column).start
            found["fresh_from"] = str(self.fresh_from)
        found["padding"] = self.padding
        found |= {"stride": str(window.stride), "pad": str(window.pad), "taps": str(self.taps)}
        found["dilation"] = str(window.dilation if self.taps > 1 else 0)
        found["upsample"] = str(window.upsample if window.upsample > 1 else 0)
        found["phase"] = str(window.phase)
        return tuple(Field(k, v) for k, v in found.items() if v not in ("0", "NULL"))

    @property
    def pointers(self) -> str:
        """Where its pointers stand in the window."""
        return f"&window[{self.slot}]" if self.slot else "window"


@dataclass(frozen=True)
class Target:
    """Rows of a buffer from a column on: where an action puts its own."""

    buffer: BufferCode
    column: Index

    @property
    def whole(self) -> bool:
        """Whether the column is that at the left edge."""
        return self.column == self.buffer.edge

    @property
    def loops(self) -> Loops:
        """What its address depends on."""
        return NEVER if self.whole else self.buffer.edge.loops | self.column.loops

    @property
    def start(self) -> str:
        """C expression of the address of row 0."""
        if self.whole:
            return self.buffer.start
        return f"mcucc_column(arena, &{self.buffer.name}, {behind(self.column, self.buffer.edge)})"

    @property
    def row(self) -> str:
        """C expression of the address of the part of `row`, which begins at `column`."""
        if self.whole:
            return f"mcucc_row(arena, &{self.buffer.name}, row)"
        return f"mcucc_pixel(arena, &{self.buffer.name}, row, column)"

    @property
    def inside(self) -> str:
        """C expression of `column`, counted from the left edge."""
        return behind(self.column, self.buffer.edge)


def span_fields(
    begin: Index | str, end: Index | str, input_column: Index | str, scratch: BufferCode | None
) -> tuple[Field, ...]:
    """The initialisers of an `mcucc_span` that are not 0."""
    found = {"begin": str(begin), "end": str(end), "input_column": str(input_column)}
    if scratch:
        found["scratch"] = scratch.start
    return tuple(Field(key, value) for key, value in found.items() if value != "0")


@dataclass(frozen=True)
class Call:
    """A kernel's C function and its parameters."""

    function: str
    params: str
    params_type: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class ReceiveCode(Function):
    """Rows of an input come from the camera: bytes become integers by an offset or by `table`.

    Where `converts` is false they are those already.
    """

    part: Part
    target: Target
    converts: bool
    table: str
    wide: bool  # into int16
    pixels: int
    channels: int
    input_index: int

    template: ClassVar[str] = "model/receive.c.j2"
    ports: ClassVar[Ports] = (Port.CAMERA,)

    @property
    def guarded(self) -> bool:
        """Whether at some column step nothing comes."""
        return self.part.columns.empties

    @property
    def loops(self) -> Loops:
        """Those of the rows, and of columns that may be empty: rows are whole."""
        return self.part.rows.loops | (self.part.columns.loops if self.guarded else NEVER)


@dataclass(frozen=True)
class DeliverCode(Function):
    """Rows of an output are handed out: whole ones, at the last column step."""

    part: Part
    source: BufferCode
    output_index: int

    template: ClassVar[str] = "model/deliver.c.j2"
    ports: ClassVar[Ports] = (Port.SINK,)

    @property
    def guarded(self) -> bool:
        """Whether at some column step nothing goes."""
        return self.part.columns.empties

    @property
    def loops(self) -> Loops:
        """Those of the rows, and of columns that may be empty: rows are whole."""
        return self.part.rows.loops | (self.part.columns.loops if self.guarded else NEVER)


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
        return self.part.rows.count if isinstance(self.part.rows, Sliced) else 1

    def sliced(self) -> RowCode:
        """The same with its rows as parameters, where it makes all rows of a tensor at once."""
        rows = self.part.rows
        if not isinstance(rows, Fixed) or rows.begin != 0 or rows.end < 2:
            return self
        return replace(self, part=replace(self.part, rows=Sliced(rows.end)))

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
    def span(self) -> tuple[Field, ...]:
        """The part of a row that a call reads."""
        return span_fields(self.part.begin, self.part.end, self.part.begin, None)

    @property
    def loops(self) -> Loops:
        """Those of everything in it."""
        return self.part.loops.union(*(x.loops for x in self.inputs))


@dataclass(frozen=True)
class BlockCode(Function):
    """A block makes the sums of all rows of a step, a group of channels at a time."""

    part: Part
    inputs: tuple[RowsCode, ...]
    target: Target
    scratch: BufferCode
    block: GroupsCode

    template: ClassVar[str] = "model/block.c.j2"

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
KernelAction = TensorCode | RowCode | SinkCode
