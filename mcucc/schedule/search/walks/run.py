"""All walks of a network together, from the last node to the first.

A partial stage is a row of arrays. At a node every row is copied for each way to hold the node's
output; what needs too much is dropped, and what another row beats whatever comes. With everything
cached what a walk asks for does not depend on its choices, so that there is one state a walk.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import Granularity
from mcucc.schedule.search.costs import ALIKE
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.stages import Booleans, Ints, Log, Rules, Stages, Walks
from mcucc.schedule.search.walks.choices import Choices, choices
from mcucc.schedule.search.walks.costs import Pricing
from mcucc.schedule.search.walks.ends import Ends
from mcucc.schedule.search.walks.geometry import Added, Geometry, needs
from mcucc.schedule.search.walks.partial import (
    Rows,
    States,
    by_bytes,
    chosen,
    merged,
    nothing,
    occupied,
    unbeaten,
)

NEAR = 8  # rows that each is held against where what goes on may be too much


def walk(facts: SearchFacts, walks: Walks, rules: Rules, begins: Booleans | None = None) -> Stages:
    """The stages that walks find, Pareto-thinned by (begin, end).

    `begins` are positions at which a stage may begin (None: all).
    """
    order = np.argsort(-walks.end, kind="stable")
    walks = Walks(walks.end[order], walks.rows[order], walks.columns[order], walks.strips[order])
    if begins is None:
        begins = np.ones(len(facts.network.nodes) + 1, dtype=np.bool_)
    return _Run(facts, walks, rules, begins).stages()


@dataclass(frozen=True, eq=False)
class _Grown:
    """Rows after the choices at a node; of each the number of its parent, and its way."""

    rows: Rows
    parents: Ints
    ways: Ints


class _Run:
    """One call of `walk`; walks are sorted by end, the last first."""

    def __init__(self, facts: SearchFacts, walks: Walks, rules: Rules, begins: Booleans) -> None:
        self.facts, self.rules, self.begins = facts, rules, begins
        self.geometry = Geometry(facts, walks)
        self.pricing = Pricing(facts, self.geometry.grid)
        self.ends = Ends(facts, self.geometry, rules)
        count = len(facts.network.nodes)
        self.parents: list[Ints | None] = [None] * count
        self.ways: list[npt.NDArray[np.int8] | None] = [None] * count
        # Positions at which a stage may begin below each position; -1: none.
        places = np.where(begins[:count], np.arange(count), -1)
        self.below = np.concatenate([[-1], np.maximum.accumulate(places)])
        beside = np.array(facts.alive) if rules.beside is None else rules.beside
        self.room = np.broadcast_to(rules.cap - beside, count + 1)[walks.end]
        self.branching = rules.recompute and rules.price is None

    def stages(self) -> Stages:
        """Position by position."""
        states, rows = nothing()
        found: list[Stages] = []
        for position in range(len(self.facts.network.nodes) - 1, -1, -1):
            states, rows = self._started(position, states, rows)
            if not states.count:
                continue
            states, rows = self._step(position, states, rows)
            if self.begins[position] and states.count:
                found.append(self.ends.stages(position, states, rows))
            states, rows = self._going_on(position, states, rows)
        stages = Stages.together(found)
        return self._logged(stages.take(np.lexsort((stages.begin, stages.end))))

    def _logged(self, stages: Stages) -> Stages:
        network = self.facts.network
        tensors = [network.tensors[node.output] for node in network.nodes]
        names, lasts = [t.name for t in tensors], [t.last for t in tensors]
        return replace(stages, logs=(Log(self.parents, self.ways, names, lasts),))

    def _started(self, position: int, states: States, rows: Rows) -> tuple[States, Rows]:
        """With the walks that start at a position."""
        grid = self.geometry.grid
        first, last = np.searchsorted(-grid.end, [-position - 1, -position])
        fresh = np.arange(first, last)[grid.possible[first:last]]
        if not fresh.size:
            return states, rows
        numbers = states.count + np.arange(fresh.size)
        return states.behind(fresh), rows.behind(numbers)

    def _going_on(self, position: int, states: States, rows: Rows) -> tuple[States, Rows]:
        """Without walks that find no more stages."""
        end = self.geometry.grid.end[states.walk]
        on = np.maximum(end - self.rules.longest, 0) <= self.below[position]
        return (states, rows) if on.all() else occupied(states, rows.take(on[rows.state]))

    def _step(self, position: int, states: States, rows: Rows) -> tuple[States, Rows]:
        """All partial stages with one more node in front."""
        walks, at = np.unique(states.walk, return_inverse=True)
        added = self.geometry.add(position, walks)
        if added is None:
            return nothing()
        own = states.lows.pop(added.node.output, None)
        ways = choices(self.rules, self.geometry.grid, added, at, own)
        grown = self._grown(added, ways, states, rows)
        states, which = self._asked(added, ways, states, grown.rows.state)
        rows, parents, taken = self._fewer(states, replace(grown.rows, state=which), grown)
        self.parents[position], self.ways[position] = parents, taken
        return occupied(states, rows)

    def _grown(self, added: Added, ways: Choices, states: States, rows: Rows) -> _Grown:
        """Every row with every way that the rules allow. A row's state is way x states + state."""
        alone = added.alone[ways.at]
        cost, kept = self.pricing.costs(added, ways), ways.persistent
        if self.rules.price is not None:
            kept, cost = kept + (cost * self.rules.price).astype(np.int64), cost * 0.0
        kept = kept + added.state + np.where(alone, 0, ways.tile)
        load = np.where(alone, ways.tile, 0)
        top = self._scratch(added, ways)[ways.again] + load
        valid = ways.valid & added.fits[ways.at]
        way, old = np.nonzero(valid[:, rows.state])
        state = rows.state[old]
        of = way * states.count + state
        held = rows.held[old] + kept.ravel()[of]
        largest = np.maximum(rows.largest[old], rows.top[old] + load.ravel()[of])
        new = Rows(of, held, largest, top.ravel()[of], rows.cost[old] + cost.ravel()[of], old)
        within = new.bytes <= self.room[states.walk[state]]
        within &= new.cost <= self.rules.slack
        return _Grown(new.take(within), rows.number[old[within]], way[within])

    def _asked(self, added: Added, ways: Choices, states: States, of: Ints) -> tuple[States, Ints]:
        """States after the choices, and by row which one it is in."""
        count = states.count
        state, again = of % max(count, 1), ways.again[of // max(count, 1)]
        if not self.branching:
            again = again * 0
        entry = again * count + state
        used = np.zeros(len(ways.lows) * count, dtype=np.bool_)
        used[entry] = True
        entries = np.flatnonzero(used)
        lows = np.concatenate(ways.lows, axis=1)[:, entries]
        found = states.take(entries % max(count, 1))
        wide = self.geometry.wide[:, found.walk]
        for tensor, window in needs(added.node.operands):
            low = window.first(lows) * wide
            old = found.lows.get(tensor)
            found.lows[tensor] = low if old is None else np.minimum(old, low)
        which = (np.cumsum(used) - 1)[entry]
        if not self.branching:
            return found, which
        found, places = merged(found)
        return found, places[which]

    def _scratch(self, added: Added, ways: Choices) -> Ints:
        """Bytes of scratch of the node's calls, by what is computed again and state."""
        node, tensor = added.node, added.tensor
        shape = len(ways.lows), ways.at.size
        if added.state or not ways.at.size:
            return np.zeros(shape, dtype=np.int64)
        block = node.granularity is Granularity.BLOCK
        least = self.facts.scratch(node, 1, 1)
        if not block and self.facts.scratch(node, tensor.width, 1) == least:
            return np.full(shape, least)
        high, lows = added.high[:, ways.at], np.array(ways.lows)
        full = self.geometry.grid.full[added.walks[ways.at]]
        wide = np.where(full, tensor.width, np.minimum(tensor.width, high[1] - lows[:, 1]))
        tall = np.minimum(tensor.height, high[0] - lows[:, 0]) if block else np.ones_like(wide)
        keys, which = np.unique(wide * (tensor.height + 1) + tall, return_inverse=True)
        sizes = [self.facts.scratch(node, *divmod(int(key), tensor.height + 1)) for key in keys]
        found: Ints = np.array(sizes, dtype=np.int64)[which].reshape(shape)
        return found

    def _fewer(
        self, states: States, rows: Rows, grown: _Grown
    ) -> tuple[Rows, Ints, npt.NDArray[np.int8]]:
        """The rows that go on, numbered; of each its parent and its way."""
        exact = self.rules.price is not None
        order = by_bytes(rows.state, rows.bytes)
        rows = rows.take(order)
        good = unbeaten(rows, 0.0 if exact else ALIKE, NEAR)
        order, rows = order[good], rows.take(good)
        few = None if exact else chosen(states.walk[rows.state], rows, self.rules.kept)
        if few is not None:
            order, rows = order[few], rows.take(few)
        rows = replace(rows, number=np.arange(order.size))
        return rows, grown.parents[order], grown.ways[order].astype(np.int8)
