"""When which bytes of every buffer are live: what `placement` decides offsets from.

Times of a stage are (row step, action) with one more before the loops and one after. Stages with
several column steps repeat their body within a row step, so there whatever outlives one column step
counts for the whole row step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mcucc.schedule.axis import Track
from mcucc.schedule.network import Network
from mcucc.schedule.placement import Extents
from mcucc.schedule.plan import ImagePolicy
from mcucc.schedule.tiled import Compute, Copy, Kind, Place, Receive, TiledStage

Lives = dict[str, dict[int, Extents]]


@dataclass(frozen=True, eq=False)
class StageFacts:
    """A built stage, its position among the nodes, and its tensors along the rows."""

    stage: TiledStage
    begin: int
    end: int
    rows: Mapping[int, Track]


def all_lives(
    net: Network, image: ImagePolicy, stages: Sequence[StageFacts], places: Mapping[str, Place]
) -> tuple[Lives, frozenset[tuple[str, str]]]:
    """Live extents of every buffer, and the pairs that may share an offset (results in place)."""
    lives: Lives = {}
    same: set[tuple[str, str]] = set()
    for number, facts in enumerate(stages):
        clock = _Clock(net, facts, places)
        for name, extents in clock.local().items():
            lives.setdefault(name, {})[number] = extents
        for name, extents in _whole_tensors(net, image, facts, clock, places).items():
            lives.setdefault(name, {})[number] = extents
        same |= clock.in_place_pairs(lives, number)
    return lives, frozenset(same)


class _Clock:
    """The times of a stage and the extents of what lives only inside it."""

    def __init__(self, net: Network, facts: StageFacts, places: Mapping[str, Place]) -> None:
        self.net, self.facts, self.places = net, facts, places
        self.stage = facts.stage
        self.actions = self.stage.actions
        self.body = max(1, len(self.actions))
        self.tiled = self.stage.column_steps > 1
        self.times = self.stage.row_steps * self.body + 2
        self.uses: dict[str, list[int]] = {}
        self.writes: dict[str, int] = {}
        for i, action in enumerate(self.actions):
            for name in self._touched(action):
                self.uses.setdefault(name, []).append(i)
            if not isinstance(action, Copy):
                self.writes.setdefault(action.place, i)

    def _touched(self, action: Receive | Compute | Copy) -> set[str]:
        if isinstance(action, Receive):
            return {action.place}
        if isinstance(action, Copy):
            return {action.source, action.target}
        found = {action.place}
        node = next(n for n in self.stage.nodes if n.name == action.node)
        for tensor in node.inputs:
            storage = self.stage.storage[tensor]
            found |= {name for name in (storage.fresh, storage.kept) if name}
        if action.node in self.stage.scratch:
            found.add(self.stage.scratch[action.node])
        return found

    def empty(self) -> Extents:
        """Live at no time."""
        return np.zeros((self.times, 2), dtype=np.int64)

    def always(self, size: int) -> Extents:
        """Wholly live at all times."""
        extents = self.empty()
        extents[:, 1] = size
        return extents

    def at(self, row_step: int, action: int) -> int:
        """The index of a time."""
        return 1 + row_step * self.body + action

    def local(self) -> dict[str, Extents]:
        """Extents of the places that live in this stage only."""
        found: dict[str, Extents] = {}
        for name in self.uses:
            place = self.places[name]
            if place.kind is Kind.TILE:
                found[name] = self._tile(place)
            elif place.kind is Kind.COLUMN_CACHE:
                found[name] = self._columns(place)
            elif place.kind in (Kind.RING, Kind.ROW_CACHE):
                found[name] = self._rolling(place)
            elif place.kind is Kind.SCRATCH:
                found[name] = self._steps(place, self.uses[name][0], self.uses[name][0])
        for name in self.stage.sinks.values():
            found[name] = self.always(self.places[name].size)
        return found

    def _number(self, place: Place) -> int:
        return self.net.number[place.tensor]

    def _busy(self, place: Place) -> list[int]:
        """Row steps that compute rows of the place's tensor."""
        ranges = self.facts.rows[self._number(place)].ranges
        return [step for step, (begin, end) in enumerate(ranges) if begin < end]

    def _steps(self, place: Place, first: int, last: int) -> Extents:
        extents = self.empty()
        for step in self._busy(place):
            extents[self.at(step, first) : self.at(step, last) + 1, 1] = place.size
        return extents

    def _tile(self, place: Place) -> Extents:
        uses = self.uses[place.name]
        slides = any(
            isinstance(a, Copy) and a.source == a.target == place.name for a in self.actions
        )
        first, last = (0, self.body - 1) if slides else (min(uses), max(uses))
        return self._steps(place, first, last)

    def _columns(self, place: Place) -> Extents:
        """Not live between the load into the tile and the save out of it."""
        load, save = min(self.uses[place.name]), max(self.uses[place.name])
        extents = self._steps(place, 0, self.body - 1)
        for step in self._busy(place):
            extents[self.at(step, load) + 1 : self.at(step, save), 1] = 0
        return extents

    def _rolling(self, place: Place) -> Extents:
        """A ring or row cache: the slots of rows computed and still read."""
        track = self.facts.rows[self._number(place)]
        uses = self.uses[place.name]
        cache = place.kind is Kind.ROW_CACHE
        first = max(uses) if cache else self.writes[place.name]
        last = max(uses)
        extents = self.empty()
        for step in range(self.stage.row_steps):
            before = track.ends[step - 1] if step else 0
            old = _slots(place, track.keep[step], before)
            now = _slots(place, track.keep[step], track.ends[step])
            new = _slots(place, track.keep[step + 1], track.ends[step])
            during = _union(old, new) if cache else now
            base = self.at(step, 0)
            if self.tiled:
                extents[base : base + self.body] = during
            else:
                extents[base : base + first] = old
                extents[base + first : base + last + 1] = during
                extents[base + last + 1 : base + self.body] = new
        return extents

    def read(self, tensor: int, place: Place, *, in_place: bool = False) -> Extents:
        """A whole tensor or image ring whose last readers are here.

        With `in_place` a row counts as dead while its last reader works on it.
        """
        track = self.facts.rows.get(tensor)
        if track is None:
            return self.always(place.size)
        ring = place.name in self.writes  # rows arrive here
        uses = self.uses.get(place.name, [0])
        first, last = (self.writes.get(place.name, 0)), max(uses)
        extents = self.empty()
        for step in range(self.stage.row_steps):
            end = track.ends[step] if ring else track.size
            before = (track.ends[step - 1] if step else 0) if ring else track.size
            base = self.at(step, 0)
            extents[base : base + first] = _slots(place, track.keep[step], before)
            now = _slots(place, track.keep[step], end)
            extents[base + first : base + self.body] = now
            if not self.tiled:
                cut = last if in_place else last + 1
                extents[base + cut : base + self.body] = _slots(place, track.keep[step + 1], end)
        if not ring:
            extents[0] = (0, place.size)
        return extents

    def written(self, tensor: int, place: Place) -> Extents:
        """A whole tensor made here for readers after this stage."""
        extents = self.empty()
        extents[-1] = (0, place.size)
        track = self.facts.rows.get(tensor)
        node = self.net.nodes[self.net.tensors[tensor].producer]
        if track is None or node.output != tensor:
            return self.always(place.size)
        if node.name in self.stage.sinks:
            return extents
        first = self.writes.get(place.name, 0)
        for step in range(self.stage.row_steps):
            base = self.at(step, 0)
            before = track.ends[step - 1] if step else 0
            extents[base : base + self.body, 1] = track.ends[step] * place.pitch
            if not self.tiled:
                extents[base : base + first, 1] = before * place.pitch
        return extents

    def in_place_pairs(self, lives: Lives, number: int) -> set[tuple[str, str]]:
        """Buffers that a result and a dying operand may share at equal offsets."""
        found: set[tuple[str, str]] = set()
        for i, action in enumerate(self.actions):
            if not isinstance(action, Compute) or action.node in self.stage.sinks:
                continue
            node = next(n for n in self.stage.nodes if n.name == action.node)
            target = self.places[action.place]
            for k, tensor in enumerate(node.inputs):
                storage = self.stage.storage[tensor]
                only = storage.fresh if storage.kept is None else storage.kept
                if not node.kernel.in_place(k) or (storage.fresh and storage.kept) or not only:
                    continue
                source = self.places[only]
                if source.same_geometry(target) and self._dies(source, target, i, lives, number):
                    found.add((source.name, target.name))
        return found

    def _dies(self, source: Place, target: Place, i: int, lives: Lives, number: int) -> bool:
        if max(self.uses[source.name]) != i:
            return False
        if source.kind is Kind.TILE and target.kind is Kind.TILE:
            slides = {a.source for a in self.actions if isinstance(a, Copy)}
            return self.writes.get(target.name) == i and not slides & {source.name, target.name}
        whole = (Kind.TENSOR, Kind.OUTPUT, Kind.IMAGE)
        if source.kind not in whole or target.kind not in whole or self.tiled:
            return False
        tensor = self._number(source)
        if source.name in self.writes or self.net.tensors[tensor].last >= self.facts.end:
            return False
        if source.name not in lives or number not in lives[source.name]:
            return False
        left = self.read(tensor, source, in_place=True)
        out = lives[target.name][number]
        both = (left[:, 1] > left[:, 0]) & (out[:, 1] > out[:, 0])
        return bool((out[both, 1] <= left[both, 0]).all())


def _whole_tensors(
    net: Network,
    image: ImagePolicy,
    facts: StageFacts,
    clock: _Clock,
    places: Mapping[str, Place],
) -> dict[str, Extents]:
    """Extents of inputs, outputs and tensors between stages."""
    found: dict[str, Extents] = {}
    for number, tensor in enumerate(net.tensors):
        if tensor.root != number or tensor.name not in places:
            continue
        place = places[tensor.name]
        given = tensor.producer < 0
        if given and image is ImagePolicy.MAPPED:
            continue
        birth = tensor.producer
        if given and image is ImagePolicy.ROWS:
            birth = min(net.readers(number), default=0)
        if birth >= facts.end or (tensor.last < facts.begin and birth < facts.begin):
            continue
        aliased = number not in facts.rows or any(
            net.tensors[t].root == number and t != number for t in facts.rows
        )
        dies = tensor.last < facts.end
        arrives = given and image is ImagePolicy.ROWS and birth >= facts.begin
        if birth >= facts.begin and not arrives:
            found[tensor.name] = clock.written(number, place)
        elif arrives and not dies:
            found[tensor.name] = clock.always(place.size)
        elif dies and not aliased:
            found[tensor.name] = clock.read(number, place)
        else:
            found[tensor.name] = clock.always(place.size)
    return found


def _slots(place: Place, begin: int, end: int) -> tuple[int, int]:
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
    names: Sequence[str], pairs: frozenset[tuple[str, str]]
) -> frozenset[tuple[int, int]]:
    """The same pairs by position in `names`."""
    index = {name: i for i, name in enumerate(names)}
    return frozenset((index[a], index[b]) for a, b in pairs if a in index and b in index)
