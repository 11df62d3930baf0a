"""What partial stages need as stages that begin at a node: their inputs, outputs, what lies beside.

Inside, a stage is what the walk added up. At its boundary whole tensors are read and written, and
an output may take the place of an input that dies: its bytes are written behind the last read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.stages import Booleans, Ints, Rules, Stages
from mcucc.schedule.search.walks.geometry import FAR, Geometry
from mcucc.schedule.search.walks.partial import Rows, States, by_bytes, in_units, running_least

LARGEST = 1 << 32


@dataclass(frozen=True, eq=False)
class Ends:
    """Where walks may end; `numbers` of log entries are those of rows."""

    facts: SearchFacts
    geometry: Geometry
    rules: Rules

    def stages(self, begin: int, states: States, rows: Rows) -> Stages:
        """The stages that begin at node `begin`, thinned."""
        source, need = self._parts(states)
        if self.rules.chained:
            rows = rows.take((source >= 0)[rows.state])
            return self._made(begin, states, rows, rows.held * 0, source, need)
        states, rows, kept = self._may_fit(begin, states, rows)
        walks = states.walk
        beside = self.facts.alive[begin] + self.geometry.stored[walks]
        beside = beside + self._arriving(begin, states) - self._saved(begin, states)
        rows = rows.take(rows.bytes + beside[rows.state] <= self.rules.cap)
        return self._made(begin, states, rows, beside[rows.state], source[kept], need[kept])

    def _may_fit(self, begin: int, states: States, rows: Rows) -> tuple[States, Rows, Ints]:
        """Without states that nothing makes fit; no strip takes what comes once."""
        tables, walks = self.geometry.tables, states.walk
        share, fits = np.zeros(walks.size, dtype=np.int64), np.ones(walks.size, dtype=np.bool_)
        for tensor, low in states.lows.items():
            asked = low[0] < FAR
            share = np.where(asked, np.maximum(share, tables.size[tensor]), share)
            if self._arrives(tensor, begin) and tables.once[tensor]:
                fits &= ~asked | (self.geometry.grid.strips[walks] == 1)
        base = self.facts.alive[begin] + self.geometry.stored[walks] - share
        rows = rows.take((rows.bytes + base[rows.state] <= self.rules.cap) & fits[rows.state])
        used = np.zeros(walks.size, dtype=np.bool_)
        used[rows.state] = True
        kept = np.flatnonzero(used)
        places = np.cumsum(used) - 1
        return states.take(kept), replace(rows, state=places[rows.state]), kept

    def _arrives(self, tensor: int, begin: int) -> bool:
        return self.facts.network.tensors[tensor].arrives(begin)

    def _parts(self, states: States) -> tuple[Ints, Ints]:
        """As parts of chains: the one input of each (-1: they are none), rows a step reads of it.

        They have one output, lists aside.
        """
        geometry, walks = self.geometry, states.walk
        inputs = np.zeros(walks.size, dtype=np.int64)
        source, need = inputs - 1, inputs.copy()
        for tensor, low in states.lows.items():
            asked = low[0] < FAR
            inputs += asked
            source = np.where(asked, tensor, source)
            need = np.where(asked, geometry.highs(tensor, walks)[0] - low[0], need)
        outputs = geometry.slots[walks]
        fits = (inputs == 1) & (outputs > 0) & (outputs - geometry.lists[walks] <= 1)
        fits &= ~geometry.outside[walks]
        return np.where(fits, source, -1), np.where(fits, need, 0)

    def _arriving(self, begin: int, states: States) -> Ints:
        """Bytes of images whose rows arrive: as many as a step reads, or for later all."""
        tables, walks = self.geometry.tables, states.walk
        found = np.zeros(walks.size, dtype=np.int64)
        for tensor, low in states.lows.items():
            if self._arrives(tensor, begin):
                height = tables.height[tensor]
                rows = self.geometry.highs(tensor, walks)[0] - low[0]
                dies = tables.last[tensor] < self.geometry.grid.end[walks]
                rows = np.where(dies, np.minimum(height, rows), height)
                rows = np.where(low[0] < FAR, rows, 0)
                found += rows * tables.width[tensor] * tables.pixel[tensor]
        return found

    def _saved(self, begin: int, states: States) -> Ints:
        """The most bytes that an output may share with one input that dies in the stage.

        A stage of strips reads its input to the last row until the last strip, and shares none.
        """
        geometry, walks = self.geometry, states.walk
        tables, grid = geometry.tables, geometry.grid
        saved = np.zeros(walks.size, dtype=np.int64)
        for tensor, low in states.lows.items():
            if not tables.rooted[tensor] or self._arrives(tensor, begin):
                continue
            dies = (low[0] < FAR) & (tables.last[tensor] < grid.end[walks])
            dies &= grid.strips[walks] == 1
            for outputs, rates, highs in geometry.outputs:
                out = outputs[walks]
                here = np.flatnonzero(dies & (out >= 0) & (rates[0][walks] > 0))
                if not here.size:
                    continue
                on, out = walks[here], out[here]
                away = self._distance(tensor, low[:, here], on, out, rates[:, on], highs[:, on])
                size, written = tables.size[tensor], tables.size[out]
                both = np.maximum(away + size, written)
                saved[here] = np.maximum(saved[here], size + written - both)
        return saved

    def _distance(
        self, tensor: int, low: Ints, walks: Ints, out: Ints, rate: Ints, high: Ints
    ) -> Ints:
        """Bytes by which an output must lie below the input it is written over.

        The most bytes written and not yet dead, an estimate: it is looked at in the first step,
        where rows begin to die, and in the last two only. Exact distances come with expansion.
        """
        tables, grid = self.geometry.tables, self.geometry.grid
        steps, full = grid.steps[:, walks], grid.full[walks]
        down, across = self.geometry.known_rate(tensor, walks)
        pixel, written = tables.pixel[tensor], tables.pixel[out]
        width, height = tables.width[out], tables.height[out]
        begins = np.maximum(0, -low[0] // down)
        t = np.array([begins * 0, begins, begins + 1, steps[0] - 2, steps[0] - 1])
        rows = np.minimum(height, rate[0] * t + high[0]) - 1
        dead = np.maximum(0, down * t + low[0]) * (tables.width[tensor] * pixel)
        lines = rows * (width * written) - dead
        lines = np.where((t >= 0) & (t < steps[0]), lines, -FAR)
        u = np.array([steps[1] * 0, steps[1] - 1])
        right = np.where(full, width, np.minimum(width, rate[1] * u + high[1]))
        left = np.where(full, 0, np.maximum(0, across * u + low[1]))
        in_line = right * written - left * pixel
        found: Ints = np.maximum(0, lines.max(axis=0) + in_line.max(axis=0))
        return found

    def _made(
        self, begin: int, states: States, rows: Rows, beside: Ints, source: Ints, need: Ints
    ) -> Stages:
        """The stages of rows, each walk's end by itself, thinned."""
        grid, walks = self.geometry.grid, states.walk[rows.state]
        at = self.geometry.walks
        none = np.zeros(rows.state.size, dtype=np.int64)
        found = Stages(
            begin=none + begin,
            end=grid.end[walks],
            rows=at.rows[walks],
            columns=at.columns[walks],
            strips=at.strips[walks],
            bytes=rows.bytes + beside,
            cost=rows.cost,
            lasting=rows.held,
            largest=np.maximum(rows.largest, rows.top),
            need=need[rows.state],
            source=source[rows.state],
            numbers=rows.number,
            log=none,
        )
        return thinned(found, self.rules)


def thinned(stages: Stages, rules: Rules) -> Stages:
    """Stages of one begin and end that are worth having, sorted; `stages` have one begin."""
    order = by_bytes(stages.end, stages.bytes)
    stages = stages.take(order)
    if rules.chained:
        return stages.take(_unbeaten_parts(stages))
    cost = in_units(stages.cost)
    least = running_least(stages.end, cost)
    return stages.take(_worth(stages, cost, least, rules.margin))


def _worth(stages: Stages, cost: Ints, least: Ints, margin: float) -> Booleans:
    """Those that none of 1/`margin` of their bytes or less beats in cost."""
    same = np.concatenate([[False], stages.end[1:] == stages.end[:-1]])
    cheaper = np.where(same, np.concatenate([least[:1], least[:-1]]), cost + 1) > cost
    if margin == 1.0:
        return cheaper
    size = np.minimum(stages.bytes, LARGEST - 1)
    keys = stages.end * LARGEST + size
    smaller = stages.end * LARGEST + (size / margin).astype(np.int64)
    before = np.searchsorted(keys, smaller, side="right") - 1
    other = np.maximum(before, 0)
    beaten = (before >= 0) & (stages.end[other] == stages.end) & (least[other] <= cost)
    found: Booleans = ~beaten | cheaper
    return found


def _unbeaten_parts(stages: Stages, far: int = 24) -> Booleans:
    """Those that no other beats in bytes, cost and what a chain asks in front of them."""
    kept = np.ones(len(stages), dtype=np.bool_)
    for distance in range(1, min(far + 1, len(stages))):
        a, b = slice(None, -distance), slice(distance, None)
        beaten = (stages.end[a] == stages.end[b]) & (stages.lasting[a] <= stages.lasting[b])
        beaten &= stages.largest[a] <= stages.largest[b]
        beaten &= (stages.need[a] <= stages.need[b]) & (stages.rows[a] <= stages.rows[b])
        kept[b] &= ~(beaten & (in_units(stages.cost[a]) <= in_units(stages.cost[b])))
    return kept
