"""What partial stages need as stages: their inputs, their outputs, what lies beside.

Inside, a stage is what the walk added up. At its boundary whole tensors are read and written, and
an output may take the place of an input that dies: its bytes are written behind the last read.
All places at which stages may begin are noted while walks go by, and looked at together.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.stages import Booleans, Ints, Rules, Stages
from mcucc.schedule.search.walks.geometry import FAR, HIGH, RATE, Geometry
from mcucc.schedule.search.walks.grid import Order
from mcucc.schedule.search.walks.partial import (
    GRAIN,
    LARGEST,
    Rows,
    States,
    by_bytes,
    in_units,
    running_least,
)

AT_A_TIME = 1 << 19  # rows that are looked at together: some 100 MB


@dataclass(frozen=True, eq=False)
class _Ends:
    """Noted states: where they begin, their walks, what these store (`Geometry.totals`).

    Each asks for tensors: of `of` the state, the tensor, lows, highs and rates (axis, asked).
    """

    begin: Ints
    walk: Ints
    totals: Ints
    of: Ints
    tensor: Ints
    low: Ints
    high: Ints
    rate: Ints


@dataclass(frozen=True, eq=False)
class Ends:
    """The partial stages at the places where they may begin."""

    facts: SearchFacts
    geometry: Geometry
    rules: Rules
    rows: list[Ints] = field(default_factory=list)
    states: list[Ints] = field(default_factory=list)
    asked: list[Ints] = field(default_factory=list)
    found: dict[int, list[Stages]] = field(default_factory=dict)
    noted: list[int] = field(default_factory=lambda: [0, 0])  # states, rows

    def note(self, begin: int, states: States, rows: Rows) -> None:
        """Stages may begin at node `begin`."""
        if self.noted[1] > AT_A_TIME:
            self._look()
        first, walks = self.noted[0], states.walk
        table = rows.table.copy()
        table[0] += first
        self.rows.append(table)
        about = np.empty((6, walks.size), dtype=np.int64)
        about[0], about[1], about[2:] = begin, walks, self.geometry.totals[:, walks]
        self.states.append(about)
        for tensor, low in zip(states.tensors, states.lows, strict=True):
            here = (low[0] < FAR).nonzero()[0]
            asked = np.empty((8, here.size), dtype=np.int64)
            field = self.geometry.asked(tensor).take(walks[here], axis=1)
            asked[0], asked[1], asked[2:4] = here + first, tensor, low[:, here]
            asked[4:6], asked[6:8] = field[HIGH], field[RATE]
            self.asked.append(asked)
        self.noted[:] = first + walks.size, self.noted[1] + rows.count

    def stages(self, kind: int) -> Stages:
        """The stages of a kind of walks, thinned and sorted."""
        self._look()
        found = Stages.together(self.found.get(kind, ()))
        return found.take(np.lexsort((found.begin, found.end)))

    def _look(self) -> None:
        """The stages of what is noted so far: those of other places have nothing to do with it."""
        if not self.rows:
            return
        rows = Rows(np.concatenate(self.rows, axis=1))
        about = np.concatenate(self.states, axis=1)
        empty = np.zeros((8, 0), dtype=np.int64)
        asked = np.concatenate([empty, *self.asked], axis=1)
        of, tensor, pairs = asked[0], asked[1], asked[2:].reshape(3, 2, -1)
        ends = _Ends(about[0], about[1], about[2:], of, tensor, *pairs)
        source, need = self._parts(ends)
        beside = np.zeros_like(source)
        if self.rules.chained:
            rows = rows.take((source >= 0)[rows.state])
        else:
            rows, ends, beside = self._fitting(rows, ends)
        kind = self.geometry.kind[ends.walk]
        for each in range(int(kind.max()) + 1):
            own = rows.take((kind == each)[rows.state])
            made = thinned(self._made(own, ends, beside, source, need), self.rules)
            self.found.setdefault(each, []).append(made)
        for noted in (self.rows, self.states, self.asked):
            noted.clear()
        self.noted[:] = 0, 0

    def _fitting(self, rows: Rows, ends: _Ends) -> tuple[Rows, _Ends, Ints]:
        """The rows that fit, and what lies beside by state; no strip takes what comes once."""
        tables, cap = self.geometry.tables, min(self.rules.cap, FAR // 2)
        alive = np.array(self.facts.alive)
        beside = alive[ends.begin] + ends.totals[1]
        share = np.zeros_like(beside)
        np.maximum.at(share, ends.of, tables.size[ends.tensor])
        arrives = tables.comes[ends.tensor] & (tables.born[ends.tensor] >= ends.begin[ends.of])
        strips = self.geometry.grid.strips[ends.walk]
        beside[ends.of[arrives & tables.once[ends.tensor] & (strips[ends.of] > 1)]] += FAR
        rows = rows.take(rows.bytes + (beside - share)[rows.state] <= cap)
        used = np.zeros(beside.size, dtype=np.bool_)
        used[rows.state] = True
        here = used[ends.of].nonzero()[0]
        asked = (part[..., here] for part in (ends.of, ends.tensor, ends.low, ends.high, ends.rate))
        ends, arrives = _Ends(ends.begin, ends.walk, ends.totals, *asked), arrives[here]
        np.add.at(beside, ends.of, np.where(arrives, self._arriving(ends), 0))
        beside -= self._saved(ends, ~arrives)
        return rows.take(rows.bytes + beside[rows.state] <= cap), ends, beside

    def _parts(self, ends: _Ends) -> tuple[Ints, Ints]:
        """As parts of chains: the one input of each (-1: they are none), rows a step reads of it.

        They have one output, lists aside.
        """
        source = np.full(ends.begin.size, -1)
        need = np.zeros_like(source)
        source[ends.of] = ends.tensor
        need[ends.of] = ends.high[0] - ends.low[0]
        inputs = np.bincount(ends.of, minlength=source.size)
        outputs, _, lists, outside = ends.totals
        fits = (inputs == 1) & (outputs > 0) & (outputs - lists <= 1) & (outside == 0)
        return np.where(fits, source, -1), np.where(fits, need, 0)

    def _arriving(self, ends: _Ends) -> Ints:
        """Bytes of images whose rows arrive: as many as a step reads, or for later all."""
        tables = self.geometry.tables
        height, dies = tables.height[ends.tensor], self._dies(ends)
        rows = np.where(dies, np.minimum(height, ends.high[0] - ends.low[0]), height)
        found: Ints = rows * tables.width[ends.tensor] * tables.pixel[ends.tensor]
        return found

    def _dies(self, ends: _Ends) -> Booleans:
        """Where nothing behind the stage reads a tensor that it reads."""
        end = self.geometry.grid.end[ends.walk[ends.of]]
        found: Booleans = self.geometry.tables.last[ends.tensor] < end
        return found

    def _saved(self, ends: _Ends, there: Booleans) -> Ints:
        """The most bytes that an output may share with one input that dies in the stage.

        A stage of strips reads its input to the last row until the last strip, and shares none.
        """
        tables, grid = self.geometry.tables, self.geometry.grid
        saved = np.zeros_like(ends.begin)
        walks = ends.walk[ends.of]
        dies = there & self._dies(ends) & tables.rooted[ends.tensor] & (grid.strips[walks] == 1)
        for slot in self.geometry.outputs:  # tensor, position, rates, highs
            stored = (slot[0] >= 0) & (slot[2] > 0) & ~tables.leaves[slot[0]]
            here = (dies & stored[walks]).nonzero()[0]
            out = slot[:, walks[here]]
            made = out[1] >= ends.begin[ends.of[here]]
            here, out = here[made], out[:, made]
            away = self._distance(ends, here, out)
            size, written = tables.size[ends.tensor[here]], tables.size[out[0]]
            shared = size + written - np.maximum(away + size, written)
            np.maximum.at(saved, ends.of[here], shared)
        return saved

    def _distance(self, ends: _Ends, here: Order, out: Ints) -> Ints:
        """Bytes by which an output must lie below the input it is written over.

        The most bytes written and not yet dead, an estimate: it is looked at in the first step,
        where rows begin to die, and in the last two only. Exact distances come with expansion.
        """
        tables, grid = self.geometry.tables, self.geometry.grid
        walks, tensor = ends.walk[ends.of[here]], ends.tensor[here]
        low, (down, across) = ends.low[:, here], ends.rate[:, here]
        steps, full = grid.steps[:, walks], grid.full[walks]
        pixel, written = tables.pixel[tensor], tables.pixel[out[0]]
        width, height = tables.width[out[0]], tables.height[out[0]]
        begins = np.maximum(0, -low[0] // down)
        t = np.array([begins * 0, begins, begins + 1, steps[0] - 2, steps[0] - 1])
        rows = np.minimum(height, out[2] * t + out[4]) - 1
        dead = np.maximum(0, down * t + low[0]) * (tables.width[tensor] * pixel)
        lines = np.where((t >= 0) & (t < steps[0]), rows * (width * written) - dead, -FAR)
        u = np.array([steps[1] * 0, steps[1] - 1])
        right = np.where(full, width, np.minimum(width, out[3] * u + out[5]))
        left = np.where(full, 0, np.maximum(0, across * u + low[1]))
        in_line = right * written - left * pixel
        found: Ints = np.maximum(0, lines.max(axis=0) + in_line.max(axis=0))
        return found

    def _made(self, rows: Rows, ends: _Ends, beside: Ints, source: Ints, need: Ints) -> Stages:
        """A stage for each row."""
        state, held, largest, top, cost, number = rows.table
        walks, asked = ends.walk[state], self.geometry.walks
        return Stages(
            begin=ends.begin[state],
            end=asked.end[walks],
            rows=asked.rows[walks],
            columns=asked.columns[walks],
            strips=asked.strips[walks],
            bytes=rows.bytes + beside[state],
            cost=cost / GRAIN,
            lasting=held,
            largest=np.maximum(largest, top),
            need=need[state],
            source=source[state],
            numbers=number,
            log=np.zeros_like(state),
        )


def thinned(stages: Stages, rules: Rules) -> Stages:
    """Stages that are worth having beside others of the same nodes, sorted."""
    if not len(stages):
        return stages
    group = stages.end * (int(stages.end.max()) + 1) + stages.begin
    order = by_bytes(group, stages.bytes)
    group, stages = group[order], stages.take(order)
    cost = in_units((stages.cost * GRAIN).astype(np.int64))
    if rules.chained:
        return stages.take(_unbeaten_parts(stages, group, cost))
    least = running_least(np.unique(group, return_inverse=True)[1].astype(np.int64), cost)
    return stages.take(_worth(stages.bytes, group, cost, least, rules.margin))


def _worth(bytes_: Ints, group: Ints, cost: Ints, least: Ints, margin: float) -> Booleans:
    """Those that none of 1/`margin` of their bytes or less beats in cost."""
    worth = np.ones(group.size, dtype=np.bool_)
    worth[1:] = (group[1:] != group[:-1]) | (cost[1:] < least[:-1])
    if margin == 1.0:
        return worth
    size = np.minimum(bytes_, LARGEST - 1)
    smaller = group * LARGEST + (size / margin).astype(np.int64)
    before = np.searchsorted(group * LARGEST + size, smaller, side="right") - 1
    other = np.maximum(before, 0)
    beaten = (before >= 0) & (group[other] == group) & (least[other] <= cost)
    found: Booleans = ~beaten | worth
    return found


def _unbeaten_parts(stages: Stages, group: Ints, cost: Ints, far: int = 24) -> Booleans:
    """Those that no other beats in bytes, cost and what a chain asks in front of them.

    Each is held against at most `far` ones in front of it.
    """
    kept = np.ones(group.size, dtype=np.bool_)
    own = np.array([-group, stages.lasting, stages.largest, stages.need, stages.rows, cost])
    for distance in range(1, min(far + 1, group.size)):
        if not (group[distance:] == group[:-distance]).any():
            break
        kept[distance:] &= ~(own[:, :-distance] <= own[:, distance:]).all(axis=0)
    return kept
