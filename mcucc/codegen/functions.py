"""What the C functions of a stage are made of: what they take, parts of tensors, rows, targets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from mcucc.codegen.constants import BufferCode
from mcucc.codegen.expression import (
    NEVER,
    Extent,
    Fixed,
    Index,
    Local,
    Loop,
    Loops,
    Sliced,
    behind,
)
from mcucc.codegen.model_names import Field
from mcucc.codegen.ports import Ports, result_of
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

    def handed_over(self, slices: tuple[str, ...]) -> str:
        """What a call hands over; `slices` are C expressions of begin and end, or nothing."""
        steps = [loop.value for loop in Loop if loop in self.loops]
        return ", ".join(["arena", *steps, *slices, *(port.value for port in self.ports)])

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


def sliced(part: Part) -> Part:
    """All rows of a tensor as so many slices; any other part as it is."""
    rows = part.rows
    if not isinstance(rows, Fixed) or rows.begin != 0 or rows.end < 2:
        return part
    return replace(part, rows=Sliced(rows.end))


def rows_in_slices(part: Part) -> int:
    """In how many calls its rows are made."""
    return part.rows.count if isinstance(part.rows, Sliced) else 1


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
