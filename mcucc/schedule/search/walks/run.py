"""All walks of a network together, from the last node to the first.

A partial stage is a row of arrays. At a node every row is copied for each way to hold the node's
output; what needs too much is dropped, and what another row beats whatever comes. With everything
cached what a walk asks for does not depend on its choices, so that there is one state a walk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import Granularity
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.stages import Booleans, Ints, Log, Rules, Stages, Walks
from mcucc.schedule.search.walks.choices import Choices, allowed, choices
from mcucc.schedule.search.walks.costs import Pricing
from mcucc.schedule.search.walks.ends import Ends
from mcucc.schedule.search.walks.geometry import Added, Geometry, windows
from mcucc.schedule.search.walks.grid import Order
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
    if begins is None:
        begins = np.ones(len(facts.network.nodes), dtype=np.bool_)
    alike = facts.alike
    asked = *(column.tobytes() for column in vars(walks).values()), rules, begins.tobytes()
    if alike.asked != asked or len(alike.facts) == 1:
        alike.asked, alike.found = asked, _walked(alike.facts, walks, rules, begins)
    return alike.found[alike.facts.index(facts)]


def _walked(
    facts: Sequence[SearchFacts], walks: Walks, rules: Rules, begins: Booleans
) -> list[Stages]:
    """The same walks through networks that differ in costs and scratch of nodes only."""
    kind, which = np.divmod(np.arange(len(facts) * len(walks)), len(walks))
    order = np.argsort(-walks.end[which], kind="stable")
    which = which[order]
    columns = walks.end, walks.rows, walks.columns, walks.strips
    found = Walks(*(column[which] for column in columns))
    return _Run(facts, found, kind[order], rules, begins).stages()


def _whole(bound: float) -> int:
    """A bound as a whole number that is no less than anything where it is infinite."""
    return int(min(bound, float(1 << 60)))


class _Run:
    """One call of `walk`; walks are sorted by end, the last first."""

    def __init__(
        self,
        facts: Sequence[SearchFacts],
        walks: Walks,
        kind: Ints,
        rules: Rules,
        begins: Booleans,
    ) -> None:
        self.all_facts, self.facts, self.rules, self.begins = facts, facts[0], rules, begins
        self.geometry = Geometry(self.facts, walks, kind)
        self.grid = self.geometry.grid
        self.pricing = Pricing(facts, self.geometry)
        self.ends = Ends(self.facts, self.geometry, rules)
        self.allowed = allowed(rules)
        count = len(self.facts.network.nodes)
        self.parents: list[Ints | None] = [None] * count
        self.ways: list[npt.NDArray[np.int8] | None] = [None] * count
        # Positions at which a stage may begin below each position; -1: none.
        possible = np.where(begins[:count], np.arange(count), -1)
        self.below = np.concatenate([[-1], np.maximum.accumulate(possible)])
        beside = np.array(self.facts.alive) if rules.beside is None else rules.beside
        self.room = np.broadcast_to(_whole(rules.cap) - beside, count + 1)[walks.end]
        self.slack = _whole(rules.slack * GRAIN)
        self.branching = rules.recompute

    def stages(self) -> list[Stages]:
        """Position by position; by kind."""
        states, rows = nothing()
        starting = self._starting()
        for position in range(max(starting, default=-1), -1, -1):
            if position in starting:
                fresh = starting[position]
                rows = rows.behind(states.count + np.arange(fresh.size))
                states = states.behind(fresh)
            if not states.count:
                continue
            states, rows = self._step(position, states, rows)
            if states.count and self.begins[position]:
                self.ends.note(position, states, rows)
            states, rows = self._going_on(position, states, rows)
        tensors = [self.facts.network.tensors[node.output] for node in self.facts.network.nodes]
        lasts = [LARGEST if t.leaves else t.last for t in tensors]
        log = Log(self.parents, self.ways, [t.name for t in tensors], lasts)
        found = (self.ends.stages(kind) for kind in range(len(self.all_facts)))
        return [replace(stages, logs=(log,)) for stages in found]

    def _starting(self) -> dict[int, Ints]:
        """The walks by the position at which they start."""
        walks = self.grid.possible.nonzero()[0]
        ends, firsts = np.unique(-self.grid.end[walks], return_index=True)
        return dict(zip((-ends - 1).tolist(), np.split(walks, firsts[1:]), strict=False))

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
        walks, at = states.walk, None
        if self.branching:
            new = np.ones(walks.size, dtype=np.bool_)
            new[1:] = walks[1:] != walks[:-1]
            if not new.all():
                walks, at = walks[new], new.cumsum() - 1
        asked = self.geometry.add(position, walks)
        if asked is None:
            return nothing()
        if at is not None:
            asked = asked.take(at)
        single = self.grid.single[asked.walks] if self.geometry.cut else None
        ways = choices(self.allowed, asked, states.of(asked.node.output), single)
        table, way = self._grown(asked, ways, rows)
        states, table = self._asked(asked, ways, states, table)
        rows, order = self._fewer(states, Rows(table))
        self.parents[position] = rows.number.copy()
        self.ways[position] = way[order]
        rows.table[5] = np.arange(order.size)
        return occupied(states, rows)

    def _grown(self, asked: Added, ways: Choices, rows: Rows) -> tuple[Ints, npt.NDArray[np.int8]]:
        """Every row with every way that the rules allow, and that way.

        In place of its state it has what is computed again x states + state.
        """
        count, alone = asked.walks.size, asked.alone
        load = ways.tile * alone
        made = np.empty((5, *ways.valid.shape), dtype=np.int64)
        made[0] = (ways.again * count)[:, None] if self.branching else 0
        made[1] = ways.persistent + (ways.tile - load) + asked.state
        made[2], made[4] = load, np.rint(self.pricing.costs(asked, ways) * GRAIN)
        made[3] = self._scratch(asked, ways)[ways.again] + load
        way, old = ways.valid.take(rows.state, axis=1).nonzero()
        table = rows.table.take(old, axis=1)
        room = self.room[asked.walks].take(table[0])
        each = made.reshape(5, -1).take(way * count + table[0], axis=1)
        largest = np.maximum(table[2], table[3] + each[2])
        table[:2] += each[:2]
        table[2], table[3] = largest, each[3]
        table[4] += each[4]
        within = table[1] + np.maximum(largest, each[3]) <= room
        within &= table[4] <= self.slack
        if within.all():
            return table, way.astype(np.int8)
        on = within.nonzero()[0]
        return table.take(on, axis=1), way[on].astype(np.int8)

    def _asked(
        self, asked: Added, ways: Choices, states: States, table: Ints
    ) -> tuple[States, Ints]:
        """States after the choices, and the rows in them."""
        lows = ways.lows.reshape(2, -1)
        of: Order | slice = slice(None)
        if self.branching:
            used = np.zeros(lows.shape[1], dtype=np.bool_)
            used[table[0]] = True
            entries = used.nonzero()[0]
            lows = lows.take(entries, axis=1)
            of = entries % states.count
            table[0] = (used.cumsum() - 1)[table[0]]
        wide = self.geometry.wide[:, states.walk[of]]
        read: dict[int, Ints] = {}
        for tensor, window in windows(asked.node.operands):
            low = window.first(lows) * wide
            read[tensor] = np.minimum(read[tensor], low) if tensor in read else low
        found = states.asking(asked.node.output, read, of)
        if self.branching and found.count:
            found, places = merged(found)
            table[0] = places[table[0]]
        return found, table

    def _scratch(self, asked: Added, ways: Choices) -> Ints:
        """Bytes of scratch of the node's calls, by what is computed again and state."""
        tensor, high, lows = asked.tensor, asked.high, ways.lows
        nodes = [facts.network.nodes[asked.position] for facts in self.all_facts]
        if asked.state:
            return np.zeros(lows.shape[1:], dtype=np.int64)
        block = asked.node.granularity is Granularity.BLOCK
        if not block:
            nodes = nodes[:1]
            least = self.facts.scratch(asked.node, 1, 1)
            if self.facts.scratch(asked.node, tensor.width, 1) == least:
                return np.full(lows.shape[1:], least)
        wide = np.minimum(tensor.width, high[1] - lows[1])
        key = np.where(asked.full, tensor.width, wide) * len(nodes)
        if len(nodes) > 1:
            key += self.geometry.kind[asked.walks]
        if block:
            key = key * tensor.height + np.minimum(tensor.height, high[0] - lows[0]) - 1
        keys, which = np.unique(key, return_inverse=True)
        sizes = []
        for each in keys.tolist():
            each, rows = divmod(each, tensor.height) if block else (each, 0)
            width, kind = divmod(each, len(nodes))
            sizes.append(self.all_facts[kind].scratch(nodes[kind], width, rows + 1))
        return np.array(sizes, dtype=np.int64)[which].reshape(key.shape)

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
