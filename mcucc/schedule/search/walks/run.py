"""All walks of a network together, from the last node to the first.

A partial stage is a row of arrays. At a node every row is copied for each way to hold the node's
output; what needs too much is dropped, and what another row beats whatever comes. With everything
cached what a walk asks for does not depend on its choices, so that there is one state a walk.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import Granularity
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.stages import Booleans, Ints, Log, Rules, Stages, Walks
from mcucc.schedule.search.walks.choices import Asked, Choices, choices
from mcucc.schedule.search.walks.costs import Pricing
from mcucc.schedule.search.walks.ends import Ends
from mcucc.schedule.search.walks.geometry import Geometry, windows
from mcucc.schedule.search.walks.partial import (
    GRAIN,
    LARGEST,
    Rows,
    States,
    by_bytes,
    chosen,
    merged,
    nothing,
    occupied,
    unbeaten,
)

NEAR = 4  # rows in front that each is held against: see `unbeaten`


def walk(facts: SearchFacts, walks: Walks, rules: Rules, begins: Booleans | None = None) -> Stages:
    """The stages that walks find, Pareto-thinned by (begin, end).

    `begins` are positions at which a stage may begin (None: all).
    """
    order = np.argsort(-walks.end, kind="stable")
    walks = Walks(walks.end[order], walks.rows[order], walks.columns[order], walks.strips[order])
    if begins is None:
        begins = np.ones(len(facts.network.nodes), dtype=np.bool_)
    return _Run(facts, walks, rules, begins).stages()


def _whole(bound: float) -> int:
    """A bound as a whole number that is no less than anything where it is infinite."""
    return int(min(bound, float(1 << 60)))


class _Run:
    """One call of `walk`; walks are sorted by end, the last first."""

    def __init__(self, facts: SearchFacts, walks: Walks, rules: Rules, begins: Booleans) -> None:
        self.facts, self.rules, self.begins = facts, rules, begins
        self.geometry = Geometry(facts, walks)
        self.grid = self.geometry.grid
        self.pricing = Pricing(facts, self.geometry)
        self.ends = Ends(facts, self.geometry, rules)
        count = len(facts.network.nodes)
        self.parents: list[Ints | None] = [None] * count
        self.ways: list[npt.NDArray[np.int8] | None] = [None] * count
        # Positions at which a stage may begin below each position; -1: none.
        possible = np.where(begins[:count], np.arange(count), -1)
        self.below = np.concatenate([[-1], np.maximum.accumulate(possible)])
        beside = np.array(facts.alive) if rules.beside is None else rules.beside
        self.room = np.broadcast_to(_whole(rules.cap) - beside, count + 1)[walks.end]
        self.slack = _whole(rules.slack * GRAIN)
        self.branching = rules.recompute

    def stages(self) -> Stages:
        """Position by position."""
        states, rows = nothing()
        for position in range(len(self.facts.network.nodes) - 1, -1, -1):
            states, rows = self._started(position, states, rows)
            if states.count:
                states, rows = self._step(position, states, rows)
            if states.count and self.begins[position]:
                self.ends.note(position, states, rows)
            states, rows = self._going_on(position, states, rows)
        tensors = [self.facts.network.tensors[node.output] for node in self.facts.network.nodes]
        lasts = [LARGEST if t.leaves else t.last for t in tensors]
        log = Log(self.parents, self.ways, [t.name for t in tensors], lasts)
        return replace(self.ends.stages(), logs=(log,))

    def _started(self, position: int, states: States, rows: Rows) -> tuple[States, Rows]:
        """With the walks that start at a position."""
        first, last = np.searchsorted(-self.grid.end, [-position - 1, -position])
        fresh = np.arange(first, last)[self.grid.possible[first:last]]
        if not fresh.size:
            return states, rows
        return states.behind(fresh), rows.behind(states.count + np.arange(fresh.size))

    def _going_on(self, position: int, states: States, rows: Rows) -> tuple[States, Rows]:
        """Without walks that find no more stages."""
        if position - 1 == self.below[position] and position > self.longest_left(states):
            return states, rows
        end = self.grid.end[states.walk]
        on = np.maximum(end - self.rules.longest, 0) <= self.below[position]
        return (states, rows) if on.all() else occupied(states, rows.take(on[rows.state]))

    def longest_left(self, states: States) -> int:
        """The least position that the longest of the partial stages may reach."""
        return int(self.grid.end[states.walk[0]]) - self.rules.longest if states.count else -1

    def _step(self, position: int, states: States, rows: Rows) -> tuple[States, Rows]:
        """All partial stages with one more node in front."""
        at: npt.NDArray[np.intp] | slice = slice(None)
        walks = states.walk
        if self.branching:
            new = np.ones(walks.size, dtype=np.bool_)
            new[1:] = walks[1:] != walks[:-1]
            walks, at = walks[new], new.cumsum() - 1
        added = self.geometry.add(position, walks)
        if added is None:
            return nothing()
        asked = Asked.of(self.grid, added, at, states.lows.pop(added.node.output, None))
        single = self.grid.single[asked.walks] if self.geometry.cut else None
        ways = choices(self.rules, asked, single)
        table, way = self._grown(asked, ways, rows)
        states, table = self._asked(asked, ways, states, table)
        rows, order = self._fewer(states, Rows(table))
        self.parents[position] = rows.number.copy()
        self.ways[position] = way[order]
        rows.table[5] = np.arange(order.size)
        return occupied(states, rows)

    def _grown(self, asked: Asked, ways: Choices, rows: Rows) -> tuple[Ints, npt.NDArray[np.int8]]:
        """Every row with every way that the rules allow, and that way.

        In place of its state it has what is computed again x states + state.
        """
        count, alone = asked.walks.size, asked.alone
        cost = self.pricing.costs(asked, ways)
        load = ways.tile * alone
        made = np.empty((5, *ways.valid.shape), dtype=np.int64)
        made[0] = (ways.again * count)[:, None] if self.branching else 0
        made[1] = ways.persistent + asked.added.state + ways.tile * ~alone
        made[2], made[4] = load, np.rint(cost * GRAIN)
        made[3] = self._scratch(asked, ways)[ways.again] + load
        way, old = ways.valid[:, rows.state].nonzero()
        table = rows.table.take(old, axis=1)
        each = made.reshape(5, -1).take(way * count + table[0], axis=1)
        largest = np.maximum(table[2], table[3] + each[2])
        table[:2] += each[:2]
        table[2], table[3] = largest, each[3]
        table[4] += each[4]
        room = self.room[asked.walks][rows.state[old]]
        within = table[1] + np.maximum(largest, each[3]) <= room
        within &= table[4] <= self.slack
        if within.all():
            return table, way.astype(np.int8)
        on = within.nonzero()[0]
        return table.take(on, axis=1), way[on].astype(np.int8)

    def _asked(
        self, asked: Asked, ways: Choices, states: States, table: Ints
    ) -> tuple[States, Ints]:
        """States after the choices, and the rows in them."""
        lows, found = ways.lows[0], states
        if self.branching:
            used = np.zeros(len(ways.lows) * states.count, dtype=np.bool_)
            used[table[0]] = True
            entries = used.nonzero()[0]
            lows = np.concatenate(ways.lows, axis=1)[:, entries]
            found = states.take(entries % states.count)
            table[0] = (used.cumsum() - 1)[table[0]]
        wide = self.geometry.wide[:, found.walk]
        for tensor, window in windows(asked.added.node.operands):
            low, old = window.first(lows) * wide, found.lows.get(tensor)
            found.lows[tensor] = low if old is None else np.minimum(old, low)
        if self.branching:
            found, places = merged(found)
            table[0] = places[table[0]]
        return found, table

    def _scratch(self, asked: Asked, ways: Choices) -> Ints:
        """Bytes of scratch of the node's calls, by what is computed again and state."""
        node, tensor, high = asked.added.node, asked.added.tensor, asked.high
        shape = len(ways.lows), asked.walks.size
        if asked.added.state:
            return np.zeros(shape, dtype=np.int64)
        block = node.granularity is Granularity.BLOCK
        least = self.facts.scratch(node, 1, 1)
        if not block and self.facts.scratch(node, tensor.width, 1) == least:
            return np.full(shape, least)
        lows = np.array(ways.lows)
        wide = np.minimum(tensor.width, high[1] - lows[:, 1])
        wide = np.where(asked.full, tensor.width, wide)
        key = wide * (tensor.height + 1) + 1
        if block:
            key += np.minimum(tensor.height, high[0] - lows[:, 0]) - 1
        keys, which = np.unique(key, return_inverse=True)
        sizes = [self.facts.scratch(node, *divmod(int(k), tensor.height + 1)) for k in keys]
        return np.array(sizes, dtype=np.int64)[which].reshape(shape)

    def _fewer(self, states: States, rows: Rows) -> tuple[Rows, npt.NDArray[np.intp]]:
        """The rows that go on, sorted, and which they are."""
        order = by_bytes(rows.state, rows.bytes)
        rows = rows.take(order)
        good = unbeaten(rows, NEAR)
        if not good.all():
            on = good.nonzero()[0]
            order, rows = order[on], rows.take(on)
        few = chosen(states.walk[rows.state], rows, self.rules.kept)
        if few is not None:
            order, rows = order[few], rows.take(few)
        return rows, order
