"""What the walks of the search are asked for and what they find: stages as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.schedule.plan.plan import EdgePlan, Form
from mcucc.schedule.plan.spans import Reuse
from mcucc.schedule.search.named import EVERY_FORM, Corner

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Walks:
    """Backward walks, one each: stages end before node `end`, a step makes a tile of the last one.

    `rows` x `columns` is the tile, 0 columns whole rows (of a strip). Arrays of one length.
    """

    end: Ints
    rows: Ints
    columns: Ints
    strips: Ints

    @staticmethod
    def of(walks: Sequence[tuple[int, int, int, int]]) -> Walks:
        """Of (end, rows, columns, strips)."""
        table = np.array(walks, dtype=np.int64).reshape(-1, 4)
        return Walks(*np.ascontiguousarray(table.T))

    def __len__(self) -> int:
        return self.end.size


@dataclass(frozen=True)
class Rules:
    """What walks may choose, and how far they go.

    `forms` of tensors inside a stage, rows or columns kept (`cache`) or computed again
    (`recompute`); `pinned` policies of rows and of columns are the only ones where steps overlap.
    `cap` bytes and `slack` cost above the least of its nodes bound every stage. `beside` bytes lie
    in the arena during it (None: the tensors that are alive after it).

    `longest` nodes of a stage. Of each walk `kept` partial stages go on, those of least memory,
    thinned evenly over cost: more find better stages and take time in proportion.
    A stage is left out where another one of the same nodes needs no more than 1/`margin` of its
    bytes at no more cost: estimates of bytes are too high by some percents, so that what is beaten
    by less may be the better one.

    `chained`: stages are looked for as parts of a chain. What lies at their ends does not count, a
    stage takes `lasting` + `largest` bytes, and one that asks for fewer rows of its input, or makes
    fewer, is not beaten.
    """

    forms: tuple[Form, ...] = EVERY_FORM
    cache: bool = True
    recompute: bool = True
    pinned: tuple[Reuse, Reuse] | None = None
    cap: float = float("inf")
    slack: float = float("inf")
    beside: int | None = None
    longest: int = 48
    kept: int = 128
    margin: float = 1.0
    chained: bool = False

    @staticmethod
    def of(corner: Corner, cap: float, slack: float) -> Rules:
        """Those of a named schedule. What repeats no work has no bound on its cost."""
        return Rules(
            forms=corner.forms,
            cache=corner.cache,
            recompute=corner.recompute,
            pinned=corner.pinned,
            cap=cap,
            slack=slack if corner.recompute else float("inf"),
        )


# The ways to hold a tensor inside a stage, by code.
CACHE, RECOMPUTE = Reuse.CACHE, Reuse.RECOMPUTE
WAYS: tuple[tuple[Form, Reuse, Reuse], ...] = (
    (Form.RING, CACHE, CACHE),
    (Form.TILE, CACHE, CACHE),
    (Form.SLIDE, CACHE, CACHE),
    (Form.TILE, CACHE, RECOMPUTE),
    (Form.TILE, RECOMPUTE, CACHE),
    (Form.SLIDE, RECOMPUTE, CACHE),
    (Form.TILE, RECOMPUTE, RECOMPUTE),
)


@dataclass(frozen=True, eq=False)
class Log:
    """How partial stages came to be: for each node position, the choices for its node's output.

    `parents` are numbers of partial stages at the position behind, `ways` codes of `WAYS`. The
    output of a position is the tensor `names[position]`, last read by node `lasts[position]`.
    """

    parents: Sequence[Ints | None]
    ways: Sequence[npt.NDArray[np.int8] | None]
    names: Sequence[str]
    lasts: Sequence[int]

    def decisions(self, begin: int, end: int, number: int) -> tuple[EdgePlan, ...]:
        """How the tensors inside a stage are held; `number` is its own at position `begin`."""
        found = []
        for position in range(begin, end):
            parents, ways = self.parents[position], self.ways[position]
            assert parents is not None and ways is not None  # the walk came by
            if self.lasts[position] < end:  # else it is stored whole
                found.append(EdgePlan(self.names[position], *WAYS[ways[number]]))
            number = int(parents[number])
        return tuple(found)


@dataclass(frozen=True, eq=False)
class Stages:
    """Stages of nodes [begin, end), a row each: `bytes` estimated, `cost` above the least.

    Sorted by end, begin, bytes, cost. A stage keeps `lasting` bytes between steps, its largest call
    takes `largest`. As part of a chain it reads `need` rows of tensor `source` in a row step;
    source -1 where it is none: it has several inputs or outputs.
    `numbers` are those of partial stages in the log that `log` names.
    """

    begin: Ints
    end: Ints
    rows: Ints
    columns: Ints
    strips: Ints
    bytes: Ints
    cost: Floats
    lasting: Ints
    largest: Ints
    need: Ints
    source: Ints
    numbers: Ints
    log: Ints
    logs: tuple[Log, ...] = ()

    def __len__(self) -> int:
        return self.begin.size

    @cached_property
    def _columns(self) -> tuple[str, ...]:
        return tuple(field.name for field in fields(self) if field.name != "logs")

    def decisions(self, row: int) -> tuple[EdgePlan, ...]:
        """How the tensors inside a stage are held."""
        log = self.logs[int(self.log[row])]
        return log.decisions(int(self.begin[row]), int(self.end[row]), int(self.numbers[row]))

    def take(self, rows: Ints | Booleans) -> Stages:
        """Some of the rows, by number or by mask."""
        taken: dict[str, Any] = {name: getattr(self, name)[rows] for name in self._columns}
        return Stages(**taken, logs=self.logs)

    @staticmethod
    def none() -> Stages:
        """No stages."""
        no, cost = np.zeros(0, dtype=np.int64), np.zeros(0)
        return Stages(no, no, no, no, no, no, cost, no, no, no, no, no, no)

    @staticmethod
    def together(parts: Sequence[Stages]) -> Stages:
        """The rows of all parts, one behind the other."""
        parts = [part for part in parts if len(part)]
        if not parts:
            return Stages.none()
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in parts[0]._columns
        }
        logs: list[Log] = []
        numbers = []
        for part in parts:
            numbers.append(part.log + len(logs))
            logs += part.logs
        joined["log"] = np.concatenate(numbers)
        return Stages(**joined, logs=tuple(logs))
