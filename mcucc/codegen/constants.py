"""Buffers and tables as constants of the generated C, declared where they are first used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcucc.codegen.expression import (
    Entry,
    Extent,
    First,
    Fixed,
    Index,
    Listed,
    Loop,
    Number,
    Sweep,
    Table,
)
from mcucc.codegen.model_names import Field, Names
from mcucc.schedule.plan.buffers import Buffer, BufferId, BufferKind
from mcucc.schedule.plan.program import Program
from mcucc.schedule.plan.spans import EMPTY, Range, swept

NOWHERE = Number(0)


@dataclass(frozen=True)
class BufferCode:
    """An `mcucc_buffer`; `edge` is the column at its left edge."""

    name: str
    offset: int
    rows: int = 0  # rows to height are 0 where nothing but its start is used
    height: int = 0
    pitch: int = 0
    pixel: int = 0
    edge: Index = NOWHERE

    @property
    def start(self) -> str:
        """C expression of its first byte."""
        return f"arena + {self.name}.offset"

    @property
    def fields(self) -> tuple[Field, ...]:
        """The initialisers of what is not 0."""
        numbers = ("rows", "height", "pitch", "pixel")
        found = [Field(key, str(getattr(self, key))) for key in numbers if getattr(self, key)]
        return (Field("offset", str(self.offset)), *found)


Constant = Table | BufferCode


_AXES = {Loop.ROW_STEP: "Rows", Loop.COLUMN_STEP: "Columns", Loop.STRIP: "Column steps"}
_STEPS = {Loop.ROW_STEP: "row step t", Loop.COLUMN_STEP: "column step u", Loop.STRIP: "a strip"}


class Constants:
    """The buffers and tables of a model; equal tables are one."""

    def __init__(self, program: Program, names: Names) -> None:
        self._program, self._names = program, names
        self._buffers: dict[BufferId, BufferCode] = {}
        self._tables: dict[tuple[int, ...] | tuple[Range, ...], Table] = {}
        self._new: list[Constant] = []

    def taken(self) -> tuple[Constant, ...]:
        """Those asked for since this was called before, in an order to declare them in."""
        found, self._new = tuple(self._new), []
        return found

    def buffer(self, id: BufferId) -> BufferCode:
        """A buffer of the arena."""
        if id not in self._buffers:
            buffer = self._program.buffers[id]
            self._buffers[id] = code = self._code(buffer)
            self._new.append(code)
        return self._buffers[id]

    def declare(self, code: BufferCode) -> BufferCode:
        """A buffer that the arena does not know: a part of a node's scratch."""
        self._new.append(code)
        return code

    def _code(self, buffer: Buffer) -> BufferCode:
        name = self._names.buffer(buffer)
        if buffer.kind is BufferKind.SCRATCH:
            return BufferCode(name, buffer.offset)
        height = self._program.graph.activations[buffer.tensor].height
        return BufferCode(
            name=name,
            offset=buffer.offset,
            rows=buffer.slots,
            height=height,
            pitch=buffer.pitch,
            pixel=buffer.pixel_bytes,
            edge=self._edge(buffer),
        )

    def _edge(self, buffer: Buffer) -> Index:
        edges = set(buffer.origins)
        if len(edges) < 2:
            return Number(edges.pop() if edges else 0)
        name = f"{self._names.tensors[buffer.tensor]}_left"
        what = "The column at the left edge at column step u."
        return Entry(self._table(buffer.origins, name, what), Loop.COLUMN_STEP)

    def _table(self, values: tuple[int, ...] | tuple[Range, ...], name: str, what: str) -> Table:
        if values not in self._tables:
            symbol = self._names.symbol(name, "values", len(self._tables))
            self._tables[values] = table = Table(symbol, values, what)
            self._new.append(table)
        return self._tables[values]

    def extent(self, ranges: Sequence[Range], loop: Loop, size: int, name: str) -> Extent:
        """Ranges by step of a loop inside [0, size): fixed, a formula, or a table of this name."""
        if len(set(ranges)) == 1:
            return Fixed(*ranges[0])
        empties = any(begin >= end for begin, end in ranges)
        span = swept(ranges, size)
        if span is not None:
            return Sweep(loop, span.rate, span.lo, span.hi, size, empties)
        what = f"{_AXES[loop]} [begin, end) of {_STEPS[loop]}."
        return Listed(self._table(tuple(ranges), name, what), loop, empties)

    def first(self, ranges: Sequence[Range], loop: Loop, size: int, name: str) -> Index:
        """Where the ranges begin, `size` where there is nothing in them."""
        firsts = [begin if begin < end else size for begin, end in ranges]
        if len(set(firsts)) == 1:
            return Number(firsts[0])
        span = swept([EMPTY if begin >= end else (begin, end) for begin, end in ranges], size)
        if span is not None:
            return First(Sweep(loop, span.rate, span.lo, span.hi, size, True))
        what = f"The first row made in {_STEPS[loop]}."
        return Entry(self._table(tuple(firsts), name, what), loop)
