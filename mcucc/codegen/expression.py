"""Numbers and ranges of the generated C that change from step to step, and what they depend on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from mcucc.codegen.layout import Cells
from mcucc.schedule.plan.spans import Range


def fits_int16(value: int) -> bool:
    """Whether a table of int16_t can hold it."""
    return -(1 << 15) <= value < 1 << 15


class Loop(Enum):
    """The variables of a stage's loops."""

    ROW_STEP = "t"
    COLUMN_STEP = "u"
    STRIP = "strip"


Loops = frozenset[Loop]
NEVER: Loops = frozenset()


@dataclass(frozen=True)
class Table:
    """A constant array: a number, or the two ends of a range, for each step.

    `what` is the sentence above it.
    """

    name: str
    values: tuple[int, ...] | tuple[Range, ...]
    what: str

    @property
    def of_ranges(self) -> bool:
        """Whether it holds ranges."""
        return isinstance(self.values[0], tuple)

    @property
    def wide(self) -> bool:
        """Whether a value needs 32 bits, as of tensors with more than 32,767 rows or columns."""
        values = [x for v in self.values for x in (v if isinstance(v, tuple) else (v,))]
        return not all(fits_int16(x) for x in values)

    @property
    def cells(self) -> Cells:
        """Its values in C."""
        texts = [f"{{{v[0]}, {v[1]}}}" if isinstance(v, tuple) else str(v) for v in self.values]
        return Cells(tuple(texts))


@dataclass(frozen=True)
class Number:
    """An index that is the same at every step."""

    value: int

    @property
    def loops(self) -> Loops:
        """None."""
        return NEVER

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True)
class Entry:
    """An index that a table lists for every step, as it is `ahead` steps later."""

    table: Table
    loop: Loop
    ahead: int = 0

    @property
    def loops(self) -> Loops:
        """The one that the table is of."""
        return frozenset({self.loop})

    def __str__(self) -> str:
        ahead = f" + {self.ahead}" if self.ahead else ""
        return f"{self.table.name}[{self.loop.value}{ahead}]"


@dataclass(frozen=True)
class Local:
    """A variable of the function that it stands in."""

    name: str
    loops: Loops

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Fixed:
    """A range that is the same at every step."""

    begin: int
    end: int

    @property
    def loops(self) -> Loops:
        """None."""
        return NEVER

    @property
    def empties(self) -> bool:
        """Whether there is nothing in it."""
        return self.begin >= self.end

    @property
    def first(self) -> Number:
        """Where it begins."""
        return Number(self.begin)

    @property
    def last(self) -> Number:
        """One past its end."""
        return Number(self.end)

    def __str__(self) -> str:
        return f"{{{self.begin}, {self.end}}}"


@dataclass(frozen=True)
class Sliced:
    """The same range in slices: [begin, end) of it are parameters of the function."""

    count: int  # from 0 on
    empties = False

    @property
    def loops(self) -> Loops:
        """None."""
        return NEVER

    @property
    def first(self) -> Local:
        """Where it begins."""
        return Local("begin", NEVER)

    @property
    def last(self) -> Local:
        """One past its end."""
        return Local("end", NEVER)

    def __str__(self) -> str:
        return "{begin, end}"


@dataclass(frozen=True)
class Sweep:
    """The range [rate * step + lo, rate * step + hi), cut to [0, size).

    `empties`: at some step nothing is left of it.
    """

    loop: Loop
    rate: int
    lo: int
    hi: int
    size: int
    empties: bool

    @property
    def loops(self) -> Loops:
        """The one that it moves on with."""
        return frozenset({self.loop})

    @property
    def first(self) -> First:
        """Where it begins."""
        return First(self)

    def __str__(self) -> str:
        return f"mcucc_sweep({self.loop.value}, {self.rate}, {self.lo}, {self.hi}, {self.size})"


@dataclass(frozen=True)
class First:
    """The index at which a sweep begins."""

    sweep: Sweep

    @property
    def loops(self) -> Loops:
        """Those of the sweep."""
        return self.sweep.loops

    def __str__(self) -> str:
        return f"{self.sweep}.begin"


@dataclass(frozen=True)
class Listed:
    """A range that a table lists for every step, where no formula gives it."""

    table: Table
    loop: Loop
    empties: bool

    @property
    def loops(self) -> Loops:
        """The one that the table is of."""
        return frozenset({self.loop})

    def __str__(self) -> str:
        function = "mcucc_listed_wide" if self.table.wide else "mcucc_listed"
        return f"{function}({self.table.name}[{self.loop.value}])"


Index = Number | Entry | First | Local
Extent = Fixed | Sliced | Sweep | Listed


def later(index: Index, steps: int) -> Index:
    """An index as it is so many steps later."""
    return replace(index, ahead=steps) if isinstance(index, Entry) else index


def behind(index: Index, edge: Index) -> str:
    """C expression of where `index` lies behind an edge."""
    if isinstance(index, Number) and isinstance(edge, Number):
        return str(index.value - edge.value)
    return str(index) if edge == Number(0) else f"{index} - {edge}"
