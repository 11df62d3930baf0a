"""When which bytes of every buffer are live: what `placement` decides offsets from.

Times of a stage are (row step, column step, action), with one before the loops and one after; a
stage of several strips takes all its row steps in one before the next. Row caches and rings count
whole rows: with several column steps, from the first of a row step (in a strip) to the last. What a
stage of a chain holds is live at the times of the chain's other stages as well, as it is between
two of its own row steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mcucc.schedule.arena.requests import Extents
from mcucc.schedule.expand.axis import Track
from mcucc.schedule.expand.chains import Interleaved, rows_held
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.expand.strips import Across
from mcucc.schedule.plan.buffers import Buffer, BufferId, BufferKind, Part
from mcucc.schedule.plan.program import Compute, Copy, Receive, Stage

Lives = dict[BufferId, dict[int, Extents]]


@dataclass(frozen=True, eq=False)
class StageFacts:
    """A built stage, its position among the nodes, and its tensors along both axes."""

    stage: Stage
    begin: int
    end: int
    rows: Mapping[int, Track]
    columns: Mapping[int, Across]


@dataclass(frozen=True, eq=False)
class ChainFacts:
    """The stages of a chain, and how they take turns."""

    stages: tuple[StageFacts, ...]
    turns: Interleaved

    @property
    def begin(self) -> int:
        """Position of the first node."""
        return self.stages[0].begin

    @property
    def end(self) -> int:
        """One past the last node's position."""
        return self.stages[-1].end


def all_lives(
    net: PlannerGraph, chains: Sequence[ChainFacts], places: Mapping[BufferId, Buffer]
) -> tuple[Lives, frozenset[tuple[BufferId, BufferId]]]:
    """Live extents of every buffer, and the pairs that may share an offset (results in place)."""
    lives: Lives = {}
    same: set[tuple[BufferId, BufferId]] = set()
    first = 0
    for chain in chains:
        clocks = [_Clock(net, chain, i, first, places) for i in range(len(chain.stages))]
        for clock in clocks:
            for name, by_stage in clock.local().items():
                lives.setdefault(name, {}).update(by_stage)
        for name, by_stage in _whole_tensors(net, chain, clocks, places).items():
            lives.setdefault(name, {}).update(by_stage)
        for name, by_stage in _rings(net, chain, clocks, places).items():
            lives.setdefault(name, {}).update(by_stage)
        for clock in clocks:
            same |= clock.in_place_pairs(lives)
        first += len(chain.stages)
    return lives, frozenset(same)


class _Clock:
    """The times of a stage and the extents of what it holds, by number of the chain's stages."""

    def __init__(
        self,
        net: PlannerGraph,
        chain: ChainFacts,
        part: int,
        first: int,
        places: Mapping[BufferId, Buffer],
    ) -> None:
        self.net, self.chain, self.places = net, chain, places
        self.part, self.first = part, first
        self.facts = facts = chain.stages[part]
        self.stage = facts.stage
        self.actions = self.stage.actions
        self.body = max(1, len(self.actions))
        self.across = self.stage.column_steps
        # Row and column steps in order of execution.
        order = np.array(self.stage.iterations, dtype=np.int64)
        self.order = order[:, 0], order[:, 1]
        self.uses: dict[BufferId, list[int]] = {}
        self.writes: dict[BufferId, int] = {}
        for i, action in enumerate(self.actions):
            for name in sorted(self._touched(action), key=lambda each: each.order):
                self.uses.setdefault(name, []).append(i)
            if not isinstance(action, Copy):
                self.writes.setdefault(action.target, i)

    def _touched(self, action: Receive | Compute | Copy) -> set[BufferId]:
        if isinstance(action, Receive):
            return {action.target}
        if isinstance(action, Copy):
            return {action.source, action.target}
        found = {action.target}
        node = next(n for n in self.stage.nodes if n.name == action.node)
        for tensor in node.inputs:
            storage = self.stage.storage[tensor]
            found |= {name for name in (storage.fresh, storage.kept) if name}
        if action.node in self.stage.scratch:
            found.add(self.stage.scratch[action.node])
        return found

    def never(self) -> Extents:
        """Live at no time: (row steps, column steps, actions, 2)."""
        return np.zeros((self.stage.row_steps, self.across, self.body, 2), dtype=np.int64)

    def timed(
        self, grid: Extents, between: Extents | None = None, ends: tuple[int, int] = (0, 0)
    ) -> dict[int, Extents]:
        """All times in order, with so many bytes live before and after the loops.

        `between` is what is live after 0, 1, .. row steps (nothing): so it is at the times of the
        chain's other stages.
        """
        limits = np.array([[0, ends[0]]]), np.array([[0, ends[1]]])
        own = np.concatenate([limits[0], grid[self.order].reshape(-1, 2), limits[1]])
        found = {self.first + self.part: own}
        for other, facts in enumerate(self.chain.stages):
            if other != self.part and (between is not None or any(ends)):
                held = np.zeros((self.stage.row_steps + 1, 2)) if between is None else between
                rows = [held[done[self.part]] for done in self.chain.turns.steps_of(other)]
                times = facts.stage.column_steps * max(1, len(facts.stage.actions))
                spread = np.repeat(np.array(rows, dtype=np.int64), times, axis=0)
                found[self.first + other] = np.concatenate([limits[0], spread, limits[1]])
        return found

    def always(self, size: int) -> dict[int, Extents]:
        """Wholly live at all times."""
        grid, between = self.never(), np.zeros((self.stage.row_steps + 1, 2), dtype=np.int64)
        grid[..., 1] = between[:, 1] = size
        return self.timed(grid, between, (size, size))

    def local(self) -> Lives:
        """Extents of the places that only this stage touches."""
        found: Lives = {}
        for name in self.uses:
            place = self.places[name]
            if place.kind is BufferKind.TILE:
                found[name] = self._tile(place)
            elif place.kind is BufferKind.COLUMN_CACHE:
                found[name] = self._columns(place)
            elif place.kind in (BufferKind.RING, BufferKind.ROW_CACHE) and not self._shared(place):
                found[name] = self.rolling(place)
            elif place.kind is BufferKind.SCRATCH:
                found[name] = self._steps(place, self.uses[name][0], self.uses[name][0])
        for name in self.stage.sinks.values():
            found[name] = self.always(self.places[name].size)
        return found

    def _shared(self, place: Buffer) -> bool:
        """Whether it is a ring between stages."""
        return place.kind is BufferKind.RING and self._number(place) in self.chain.turns.rings

    def _number(self, place: Buffer) -> int:
        return self.net.number[place.tensor]

    def _busy(self, place: Buffer) -> list[int]:
        """Row steps that compute rows of the place's tensor."""
        ranges = self.facts.rows[self._number(place)].ranges
        return [step for step, (begin, end) in enumerate(ranges) if begin < end]

    def _steps(self, place: Buffer, first: int, last: int) -> dict[int, Extents]:
        return self.timed(self._grid(place, first, last))

    def _grid(self, place: Buffer, first: int, last: int) -> Extents:
        grid = self.never()
        grid[self._busy(place), :, first : last + 1, 1] = place.size
        return grid

    def _tile(self, place: Buffer) -> dict[int, Extents]:
        uses = self.uses[place.id]
        copies = [a for a in self.actions if isinstance(a, Copy)]
        slides = any(a.source == a.target == place.id for a in copies)
        first, last = (0, self.body - 1) if slides else (min(uses), max(uses))
        return self._steps(place, first, last)

    def _columns(self, place: Buffer) -> dict[int, Extents]:
        """Not live between the load into the tile and the save out of it."""
        load, save = min(self.uses[place.id]), max(self.uses[place.id])
        grid = self._grid(place, 0, self.body - 1)
        grid[:, :, load + 1 : save, 1] = 0
        return self.timed(grid)

    def rolling(self, place: Buffer) -> dict[int, Extents]:
        """A ring, a row cache, or an image by rows: the slots of rows made and still read."""
        cache = place.kind is BufferKind.ROW_CACHE
        last = max(self.uses[place.id])
        first = last if cache else self.writes[place.id]
        track = self.facts.rows[self._number(place)]
        grid, between = self.never(), np.zeros((self.stage.row_steps + 1, 2), dtype=np.int64)
        for step in range(self.stage.row_steps):
            before = track.ends[step - 1] if step else 0
            old = _slots(place, track.keep[step], before)
            now = _slots(place, track.lefts[step], track.ends[step])
            new = _slots(place, track.keep[step + 1], track.ends[step])
            grid[step] = _union(old, new) if cache else now
            for begin, end in self.stage.strips:
                grid[step, begin, :first] = old
                grid[step, end - 1, last + 1 :] = new
            between[step + 1] = new
        return self.timed(grid, between)

    def read(self, tensor: int, place: Buffer, *, in_place: bool = False) -> dict[int, Extents]:
        """A whole tensor whose last readers are here: from the lowest pixel still read.

        With `in_place` pixels count as dead while their last reader works on them.
        """
        down, across = self.facts.rows.get(tensor), self.facts.columns.get(tensor)
        if down is None or across is None:
            return self.always(place.size)
        lows = np.full((self.stage.row_steps, self.across), place.size, dtype=np.int64)
        for step, (begin, end) in enumerate(down.needs):
            for column_step, (left, right) in enumerate(across.needs):
                if begin < end and left < right:
                    lows[step, column_step] = begin * place.pitch + left * place.channels
        following = np.append(lows[self.order], place.size)
        following = np.minimum.accumulate(following[::-1])[::-1]
        cut = max(self.uses[place.id]) + (0 if in_place else 1)
        grid = self.never()
        t, u = self.order
        grid[t, u, :, 0] = following[:-1, None]
        grid[t, u, cut:, 0] = following[1:, None]
        grid[..., 1] = place.size
        between = np.full((self.stage.row_steps + 1, 2), place.size, dtype=np.int64)
        between[:-1, 0] = grid[:, 0, 0, 0]
        return self.timed(grid, between, (place.size, 0))

    def written(self, tensor: int, place: Buffer) -> dict[int, Extents]:
        """A whole tensor made here for readers after this stage: up to the last pixel computed."""
        down, across = self.facts.rows.get(tensor), self.facts.columns.get(tensor)
        node = self.net.nodes[self.net.tensors[tensor].producer]
        if node.name in self.stage.sinks:
            return self.timed(self.never(), None, (0, place.size))
        if down is None or across is None or node.output != tensor:
            return self.always(place.size)
        highs = np.zeros((self.stage.row_steps, self.across), dtype=np.int64)
        for step, (begin, end) in enumerate(down.ranges):
            for column_step, (left, right) in enumerate(across.ranges):
                if begin < end and left < right:
                    high = (end - 1) * place.pitch + right * place.channels
                    highs[step, column_step] = high
        written = np.append([0], np.maximum.accumulate(highs[self.order]))
        grid = self.never()
        t, u = self.order
        grid[t, u, :, 1] = written[1:, None]
        grid[t, u, : self.writes[place.id], 1] = written[:-1, None]
        between = np.zeros((self.stage.row_steps + 1, 2), dtype=np.int64)
        between[1:, 1] = grid[:, -1, -1, 1]
        return self.timed(grid, between, (0, place.size))

    def last_reader(self, tensor: int) -> bool:
        """Whether only this stage of its chain reads a tensor from before, and none after it."""
        readers = self.net.readers(tensor)
        here = [p for p in readers if self.facts.begin <= p < self.facts.end]
        beside = [p for p in readers if self.chain.begin <= p < self.chain.end]
        facts = self.net.tensors[tensor]
        return here == beside and facts.last < self.chain.end and facts.producer < self.chain.begin

    def in_place_pairs(self, lives: Lives) -> set[tuple[BufferId, BufferId]]:
        """Buffers that a result and a dying operand may share at equal offsets."""
        found: set[tuple[BufferId, BufferId]] = set()
        for i, action in enumerate(self.actions):
            if not isinstance(action, Compute) or action.node in self.stage.sinks:
                continue
            node = next(n for n in self.stage.nodes if n.name == action.node)
            target = self.places[action.target]
            for k, tensor in enumerate(node.inputs):
                storage = self.stage.storage[tensor]
                only = storage.fresh if storage.kept is None else storage.kept
                if not node.kernel.in_place(k) or (storage.fresh and storage.kept) or not only:
                    continue
                source = self.places[only]
                if source.same_geometry(target) and self._dies(source, target, i, lives):
                    found.add((source.id, target.id))
        return found

    def _dies(self, source: Buffer, target: Buffer, i: int, lives: Lives) -> bool:
        if max(self.uses[source.id]) != i:
            return False
        if source.kind is BufferKind.TILE and target.kind is BufferKind.TILE:
            slides = {a.source for a in self.actions if isinstance(a, Copy)}
            return self.writes.get(target.id) == i and not slides & {source.id, target.id}
        whole = (BufferKind.TENSOR, BufferKind.OUTPUT, BufferKind.IMAGE)
        if source.kind not in whole or target.kind not in whole:
            return False
        tensor = self._number(source)
        number = self.first + self.part
        if source.id in self.writes or not self.last_reader(tensor):
            return False
        if source.id not in lives or number not in lives[source.id]:
            return False
        left = self.read(tensor, source, in_place=True)[number]
        out = lives[target.id][number]
        both = (left[:, 1] > left[:, 0]) & (out[:, 1] > out[:, 0])
        return bool((out[both, 1] <= left[both, 0]).all())


def _whole_tensors(
    net: PlannerGraph,
    chain: ChainFacts,
    clocks: Sequence[_Clock],
    places: Mapping[BufferId, Buffer],
) -> Lives:
    """Extents of inputs, outputs and tensors between chains."""
    found: Lives = {}
    begin, end = chain.begin, chain.end
    for number, tensor in enumerate(net.tensors):
        place = places.get(BufferId(tensor.name))
        if tensor.root != number or place is None:
            continue
        if tensor.born < end and max(tensor.last, tensor.born) >= begin:
            found[place.id] = _whole(number, place, clocks)
    return found


def _whole(number: int, place: Buffer, clocks: Sequence[_Clock]) -> dict[int, Extents]:
    """Extents of one of them in a chain."""
    net, tensor = clocks[0].net, clocks[0].net.tensors[number]
    for clock in clocks:
        if clock.facts.begin <= tensor.born < clock.facts.end:
            if tensor.source is None:
                return clock.written(number, place)
            dies = tensor.last < clock.facts.end and number in clock.facts.rows
            return clock.rolling(place) if dies else clocks[0].always(place.size)
    aliased = any(
        number not in clock.facts.rows
        or any(net.tensors[t].root == number and t != number for t in clock.facts.rows)
        for clock in clocks
        if clock.last_reader(number) or len(clocks) == 1
    )
    for clock in clocks:
        if clock.last_reader(number) and not aliased:
            return clock.read(number, place)
    return clocks[0].always(place.size)


def _rings(
    net: PlannerGraph,
    chain: ChainFacts,
    clocks: Sequence[_Clock],
    places: Mapping[BufferId, Buffer],
) -> Lives:
    """Extents of the rings between the stages of a chain."""
    found: Lives = {}
    tracks = [facts.rows for facts in chain.stages]
    for tensor in chain.turns.rings:
        place = places[BufferId(net.tensors[tensor].name, Part.RING)]
        producer = net.tensors[tensor].producer
        maker = next(i for i, f in enumerate(chain.stages) if f.begin <= producer < f.end)
        found[place.id] = {}
        for part, clock in enumerate(clocks):
            grid = clock.never()
            for step, done in enumerate(chain.turns.steps_of(part)):
                held = rows_held(tracks, maker, tensor, done, part == maker)
                grid[step] = _slots(place, *held)
            own = clock.first + part
            found[place.id][own] = clock.timed(grid)[own]
    return found


def _slots(place: Buffer, begin: int, end: int) -> tuple[int, int]:
    """Byte extent of rows [begin, end) in the slots of a place."""
    if begin >= end:
        return 0, 0
    low, high = begin % place.slots, (end - 1) % place.slots
    if end - begin >= place.slots or low > high:
        return 0, place.size
    return low * place.pitch, (high + 1) * place.pitch


def _union(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    if a[0] >= a[1]:
        return b
    if b[0] >= b[1]:
        return a
    return min(a[0], b[0]), max(a[1], b[1])


def pairs_by_index(
    names: Sequence[BufferId], pairs: frozenset[tuple[BufferId, BufferId]]
) -> frozenset[tuple[int, int]]:
    """The same pairs by position in `names`."""
    index = {name: i for i, name in enumerate(names)}
    return frozenset((index[a], index[b]) for a, b in pairs if a in index and b in index)
