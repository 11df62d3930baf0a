"""One axis of a relaxed stage: what holds of every tensor at a step, whatever its plan recomputes.

Of the tensors of a stage that ends before a node, for all tiles of one axis at once. Rows (columns)
of a tensor that are made by the end of step t lie between `low` and `high`: `high` is what is made
where everything is cached, `low` what the stage's outputs must have read by then. So

    rows held of a cached tensor after step t   >=  high - keep
    rows that a step reads of a tensor          >=  need

where `keep` is the first position that a reader's next row reads: rows a reader has not made by the
`high` of the reader are made later. Both hold of every plan, also where tensors around it are
computed again: that asks for more of what lies before, never for less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from math import prod

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import Granularity
from mcucc.ir.window import Window
from mcucc.schedule.expand.planner_graph import PlannerGraph, PlannerNode
from mcucc.schedule.expand.rates import ROWS, Rates, measured_tensor, measured_tensors
from mcucc.schedule.plan.spans import Range

Booleans = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
WHOLE = 0  # a tile of all positions, of whatever rates
AHEAD = (
    40  # steps before the output's first that are looked at: tensors far ahead of it start there
)


def needed_parts(net: PlannerGraph, axis: int) -> list[Range]:
    """The positions of every tensor that are read, or handed out: every plan computes these."""
    sizes = [t.height if axis == ROWS else t.width for t in net.tensors]
    asked: list[list[Range]] = [[] for _ in sizes]
    for tensor in net.outputs:
        asked[tensor].append((0, sizes[tensor]))
    for node in reversed(net.nodes):
        own = hull_of(asked[node.output])
        for operand in node.operands:
            window = operand.rows if axis == ROWS else operand.columns
            size = sizes[operand.tensor]
            if window is None or node.granularity is Granularity.SINK:
                asked[operand.tensor].append((0, size))
            elif own[0] < own[1]:
                low, high = window.first(own[0]), window.first(own[1] - 1) + window.kernel
                asked[operand.tensor].append((max(0, low), min(size, high)))
    return [hull_of(found) for found in asked]


def read_positions(net: PlannerGraph, axis: int) -> list[int]:
    """How many positions of every tensor are read, or handed out: every plan computes as many.

    Fewer than the needed part where windows leave gaps: strips, and steps that compute again what
    they read, may leave out what lies between them.
    """
    sizes = [t.height if axis == ROWS else t.width for t in net.tensors]
    read = [np.zeros(size, dtype=bool) for size in sizes]
    for tensor in net.outputs:
        read[tensor][:] = True
    for node in reversed(net.nodes):
        for operand in node.operands:
            window = operand.rows if axis == ROWS else operand.columns
            found = read[operand.tensor]
            if window is None or node.granularity is Granularity.SINK:
                found[:] = True
                continue
            for at in np.flatnonzero(read[node.output]):
                low = window.first(int(at))
                found[max(0, low) : max(0, low + window.kernel)] = True
    return [int(np.count_nonzero(found)) for found in read]


def hull_of(parts: Sequence[Range]) -> Range:
    """The least range that holds all of them."""
    full = [part for part in parts if part[0] < part[1]]
    return (min(p[0] for p in full), max(p[1] for p in full)) if full else (0, 0)


@dataclass(eq=False)
class Asked:
    """What readers inside the stage ask of a tensor: arrays (tiles, AHEAD + steps).

    After each step: at least `low` positions made (`high` where the readers are cached), none below
    `keep` needed any more. In a step positions [need_begin, need_end) are read (none where it is
    not certain). `hi` is the upper end of the span at step 0, `turns` are steps in which readers
    work at least; at `borders` between them `shared` positions at least are read by both (all of
    tiles). `last` is the last reader.
    """

    borders: Ints
    shared: Ints
    turns: Ints
    most_turns: Ints
    hi: Ints
    low: Ints
    high: Ints
    keep: Ints
    need_begin: Ints
    need_end: Ints
    last: int

    @property
    def again(self) -> Ints:
        """Positions at least that are read for another time (tiles)."""
        return self.borders * self.shared

    def join(self, other: Asked) -> Asked:
        """Of two readers."""
        full, more = self.need_begin < self.need_end, other.need_begin < other.need_end
        begin = np.minimum(
            np.where(full, self.need_begin, other.need_begin),
            np.where(more, other.need_begin, self.need_begin),
        )
        less = self.again < other.again
        return Asked(
            np.where(less, other.borders, self.borders),
            np.where(less, other.shared, self.shared),
            np.minimum(self.turns, other.turns),
            np.maximum(self.most_turns, other.most_turns),
            np.maximum(self.hi, other.hi),
            np.maximum(self.low, other.low),
            np.maximum(self.high, other.high),
            np.minimum(self.keep, other.keep),
            begin,
            np.maximum(np.where(full, self.need_end, 0), np.where(more, other.need_end, 0)),
            max(self.last, other.last),
        )


@dataclass(eq=False)
class Made:
    """A tensor that the stage makes: its `rate` (tiles), positions made after each step, needs.

    `asked` is None where nothing inside reads it. It takes `turns` steps at least (tiles).
    """

    rate: Ints
    high: Ints
    low: Ints
    asked: Asked | None
    turns: Ints
    most_turns: Ints
    count: int

    @property
    def fresh(self) -> Ints:
        """Positions that come with each step of a cached one."""
        return self.high - before(self.high)

    @property
    def held(self) -> Ints:
        """Positions of a cached one that are held after each step."""
        assert self.asked is not None
        return np.asarray(np.maximum(self.high - self.asked.keep, 0))

    @property
    def needed(self) -> Ints:
        """Positions that each step reads for certain."""
        assert self.asked is not None
        return np.asarray(np.maximum(self.asked.need_end - self.asked.need_begin, 0))

    @property
    def widest(self) -> Ints:
        """Positions of a cached one that are made and still read, in the step of most (tiles)."""
        assert self.asked is not None
        there = self.high - before(self.asked.keep)
        return np.asarray(np.where(self.fresh > 0, there, 0).max(axis=1))


class AxisWalk:
    """The walk backwards from node `end` - 1 along an axis, for tiles of so many positions."""

    def __init__(
        self,
        net: PlannerGraph,
        end: int,
        axis: int,
        tiles: Sequence[int],
        parts: Sequence[Range],
        counts: Sequence[int],
    ) -> None:
        self.net, self.end, self.axis, self.parts, self.counts = net, end, axis, parts, counts
        last = net.nodes[end - 1]
        size = self.size(measured_tensor(last))
        self.whole = np.array([tile == WHOLE for tile in tiles])
        self.tiles = np.array([tile or size for tile in tiles], dtype=np.int64)
        self.steps = -(-size // self.tiles)
        self.valid, self.fits = np.ones((2, len(tiles)), dtype=bool)
        self.times = np.arange(-AHEAD, int(self.steps.max()), dtype=np.int64)
        self.asked: dict[int, Asked] = {}
        windows = [o.columns if axis else o.rows for n in net.nodes[:end] for o in n.operands]
        self.unit = prod(w.upsample * max(1, w.stride) for w in windows if w is not None)
        self.rates = Rates(net, last, axis, self.unit)
        self._known: dict[int, int | None] = {}

    def keep(self, chosen: npt.NDArray[np.intp]) -> None:
        """Go on with some of the tiles only, or with some of them twice."""
        self.whole, self.tiles = self.whole[chosen], self.tiles[chosen]
        self.steps, self.valid = self.steps[chosen], self.valid[chosen]
        self.fits = self.fits[chosen]
        for asked in self.asked.values():
            for field in fields(asked):
                if field.name != "last":
                    setattr(asked, field.name, getattr(asked, field.name)[chosen])

    def size(self, tensor: int) -> int:
        """Positions of a tensor."""
        facts = self.net.tensors[tensor]
        return facts.width if self.axis else facts.height

    def apart(self, position: int) -> npt.NDArray[np.intp]:
        """Tiles of all positions of which the node may make some in another step than the first."""
        node = self.net.nodes[position]
        asked, rate = self.asked.get(node.output), self._rate(node)
        sink = node.granularity is Granularity.SINK
        kept = sink or self.net.tensors[node.output].stored(self.end)
        hi = rate if asked is None else np.maximum(asked.hi, rate) if kept else asked.hi
        less = kept & (hi < self.size(measured_tensor(node) if sink else node.output))
        return np.flatnonzero(self.whole & self.fits & ((hi > rate) | less))

    def add(self, position: int, first: Booleans) -> Made | None:
        """The node's output; None where no stage holds it. Its operands are asked from here on.

        The `first` tiles are of all positions, of which some of it, and of nothing behind it, come
        in another step than the rest.
        """
        node = self.net.nodes[position]
        kept = self.net.tensors[node.output].stored(self.end)
        sink = node.granularity is Granularity.SINK
        asked = self.asked.pop(node.output, None)
        if not (kept or asked is not None):
            return None
        rate = self._rate(node)
        size = self.size(measured_tensors(node)[0] if sink else node.output)
        hi = rate if kept or asked is None else asked.hi
        if asked is not None and kept:
            hi = np.maximum(hi, asked.hi)
        high = np.clip(rate[:, None] * self.times + hi[:, None], 0, size)
        high[self.whole] = np.where(self.times < 0, 0, size)
        low = high
        if not (kept or sink or asked is None):
            low = np.where(first[:, None], high, np.minimum(asked.low, high))
        count = max(1, self.counts[measured_tensors(node)[0] if sink else node.output])
        turns, most = (
            np.where(self.whole, 1, -(-count // rate)),
            np.where(self.whole, 1, -(-size // rate) + 1),
        )
        if asked is not None:
            part = self.parts[node.output]
            fresh = np.diff(np.clip(high, *part) if part[0] < part[1] else high, axis=1) > 0
            turns = np.maximum(turns, fresh.sum(axis=1))
            turns = np.where(first, turns, np.minimum(turns, asked.turns))
            most = np.maximum(most, asked.most_turns)
        made = Made(rate, high, low, asked, turns, most, count)
        for operand in node.operands:
            window = operand.columns if self.axis else operand.rows
            if window is not None:
                found = self._of_sink(operand.tensor, made, position)
                if not sink:
                    found = self._of_reader(operand.tensor, node.output, window, made, hi, position)
                old = self.asked.get(operand.tensor)
                self.asked[operand.tensor] = found if old is None else old.join(found)
        return made

    def most(self, made: Made) -> Ints:
        """Positions at least of the step that makes the most, cached or not."""
        share = -(-made.count // made.most_turns)
        return np.asarray(np.maximum(1, np.minimum(made.fresh.max(axis=1), share)))

    def most_new(self, made: Made) -> Ints:
        """Positions that come in one step at least, in that of the most."""
        new = made.low - before(made.high)
        return np.asarray(np.maximum(1, new.max(axis=1)))

    def _rate(self, node: PlannerNode) -> Ints:
        """Positions a step; tiles that do not fit are valid no more."""
        if node.output not in self._known:
            self._known[node.output] = self.rates.add(node)
        rate = self._known[node.output]
        if rate is None:
            self.valid &= self.whole
            self.fits[:] = False
            return np.ones_like(self.tiles)
        exact = Fraction(rate, self.unit)
        self.fits &= self.tiles % exact.denominator == 0
        self.valid &= self.whole | self.fits
        return np.maximum(1, self.tiles * exact.numerator // exact.denominator)

    def _of_sink(self, tensor: int, made: Made, position: int) -> Asked:
        """A sink takes every position once, at its rate."""
        size = self.size(tensor)
        taken = np.clip(made.rate[:, None] * (self.times + 1), 0, size)
        taken[self.whole] = np.where(self.times < 0, 0, size)
        earlier = before(taken)
        none = np.zeros_like(made.rate)
        return Asked(
            none,
            none,
            made.turns,
            made.most_turns,
            made.rate,
            taken,
            taken,
            taken,
            earlier,
            taken,
            position,
        )

    def _of_reader(
        self, tensor: int, output: int, window: Window, made: Made, hi: Ints, position: int
    ) -> Asked:
        size, end = self.size(tensor), self.parts[output][1]

        def first(at: Ints) -> Ints:
            found = (at * window.stride + window.phase) // window.upsample - window.pad
            return np.asarray(found, dtype=np.int64)

        low = np.where(made.low > 0, np.clip(first(made.low - 1) + window.kernel, 0, size), 0)
        high = np.where(made.high > 0, np.clip(first(made.high - 1) + window.kernel, 0, size), 0)
        done = made.high >= end if window.first(0) + window.kernel > 0 else True
        keep = np.where(done, size, np.clip(first(made.high), 0, size))
        old = before(made.high)
        sure = (made.low > old) & (old < end)
        begin = np.where(sure, np.clip(first(old), 0, size), 0)
        stop = np.where(sure, low, 0)
        # Where one turn ends and the next begins: what both read there, at the least such place.
        at = np.arange(self.parts[output][0] + 1, max(end, self.parts[output][0] + 2))
        both = np.minimum(size, first(at - 1) + window.kernel) - np.maximum(0, first(at))
        if self.counts[output] < end - self.parts[output][0]:
            both = np.zeros_like(both)  # a turn may leave out what nothing reads, and begin later
        return Asked(
            made.turns - 1,
            np.full_like(made.turns, max(0, int(both.min()))),
            made.turns,
            made.most_turns,
            first(hi - 1) + window.kernel,
            low,
            high,
            keep,
            begin,
            stop,
            position,
        )


def before(made: Ints) -> Ints:
    """What was made before each step; nothing is known of the first."""
    found = np.empty_like(made)
    found[:, 1:] = made[:, :-1]
    found[:, 0] = made[:, 0]
    return found
