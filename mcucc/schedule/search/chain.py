"""Chains: stages that feed each other through rings, joined by what they need at one time.

Stages of a plan follow each other, so a plan needs the most that any of them does. Those of a
chain take turns: it needs the sum of what they keep, a ring between each two, and the largest call
of any.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from mcucc.ir.kernel import Granularity
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.search.costs import ALIKE
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.stages import Booleans, Floats, Ints, Stages
from mcucc.schedule.search.table import Proposals
from mcucc.schedule.search.view import Seen

KEPT = 32  # chains between two cuts that grow further


@dataclass(frozen=True)
class Bounds:
    """What chains must keep to: so many stages, bytes, cost above the least."""

    stages: int
    cap: float
    slack: float


def narrow(facts: SearchFacts) -> Ints:
    """Cuts where one tensor is alive, made right before and no output; lists of heads aside."""
    tensors, found = facts.network.tensors, []
    for position in range(1, len(facts.network.nodes)):
        alive = [
            t.producer
            for i, t in enumerate(tensors)
            if t.root == i
            and t.born < position <= t.last
            and (t.producer == position - 1 or not facts.listed(i))
        ]
        if alive == [position - 1]:
            found.append(position)
    return np.array(found, dtype=np.int64)


def chains(seen: Seen, segments: Stages, cuts: Ints, bounds: Bounds) -> Proposals:
    """Chains of two and more segments that meet at these cuts."""
    facts, last = seen.facts, len(seen.facts.network.nodes)
    fits = (segments.lasting + segments.largest <= bounds.cap) & (segments.cost <= bounds.slack)
    begins = np.isin(segments.begin, cuts) | (segments.begin == 0)
    fits &= begins & (np.isin(segments.end, cuts) | (segments.end == last)) & (segments.source >= 0)
    single = _thinned(_Links.of(segments, np.flatnonzero(fits), bounds.stages))
    level, found = single, [single.take(np.zeros(0, dtype=np.int64))]
    for _ in range(1, bounds.stages):
        grown = [*_grown(facts.network, single, level, cuts, bounds)]
        if not grown:
            break
        level = _thinned(_together(grown))
        found.append(level)
    links = _together(found)
    size = links.size + _ends(facts.network, links)
    proposed = Proposals(seen, segments, links.members, links.begin, links.end, size, links.cost)
    return proposed.kept(size <= bounds.cap)


@dataclass(frozen=True, eq=False)
class _Links:
    """Segments in a row (rows of `segments`): what they keep, rings included, their largest call.

    `need` rows of the first one's input are read in a row step.
    """

    segments: Stages
    members: Ints
    begin: Ints
    end: Ints
    lasting: Ints
    largest: Ints
    need: Ints
    cost: Floats

    @staticmethod
    def of(segments: Stages, rows: Ints, stages: int) -> _Links:
        """Segments by themselves, with room for so many."""
        members = np.full((rows.size, stages), -1)
        members[:, 0] = rows
        s = segments.take(rows)
        return _Links(segments, members, s.begin, s.end, s.lasting, s.largest, s.need, s.cost)

    @property
    def size(self) -> Ints:
        """Bytes, without the tensors at the ends."""
        return self.lasting + self.largest

    def take(self, rows: Ints) -> _Links:
        """Some of them."""
        found: dict[str, Any] = {name: getattr(self, name)[rows] for name in _COLUMNS}
        return _Links(self.segments, **found)


_COLUMNS = tuple(field.name for field in fields(_Links) if field.name != "segments")


def _together(links: Sequence[_Links]) -> _Links:
    """The rows of all."""
    found: dict[str, Any] = {
        name: np.concatenate([getattr(each, name) for each in links]) for name in _COLUMNS
    }
    return _Links(links[0].segments, **found)


def _grown(
    network: PlannerGraph, single: _Links, level: _Links, cuts: Ints, bounds: Bounds
) -> Iterator[_Links]:
    """Every chain with every segment in front of it, and the ring between, cut by cut."""
    for cut in cuts.tolist():
        if network.nodes[cut - 1].granularity is Granularity.SINK:
            continue  # a pool is complete only after its stage: it hands no rows on
        upper = single.take(np.flatnonzero(single.end == cut))
        lower = level.take(np.flatnonzero(level.begin == cut))
        tensor = network.tensors[network.nodes[cut - 1].output]
        tile = single.segments.rows[upper.members[:, 0]]
        ring = np.minimum(tensor.height, lower.need + tile[:, None] - 1) * tensor.row_bytes
        lasting = upper.lasting[:, None] + lower.lasting + ring
        largest = np.maximum(upper.largest[:, None], lower.largest)
        cost = upper.cost[:, None] + lower.cost
        a, b = np.nonzero((lasting + largest <= bounds.cap) & (cost <= bounds.slack))
        if a.size:
            members = np.concatenate((upper.members[a, :1], lower.members[b, :-1]), axis=1)
            ends = upper.begin[a], lower.end[b]
            shape = lasting[a, b], largest[a, b], upper.need[a]
            yield _Links(single.segments, members, *ends, *shape, cost[a, b])


def _thinned(links: _Links) -> _Links:
    """Those that no other between the same cuts beats, at most `KEPT` of them: the smallest."""
    links = links.take(np.lexsort((links.need, links.cost, links.size, links.end, links.begin)))
    fresh = (np.diff(links.begin, prepend=-1) != 0) | (np.diff(links.end, prepend=-1) != 0)
    bounds = [*np.flatnonzero(fresh).tolist(), links.begin.size]
    kept = [np.zeros(0, dtype=np.int64)]
    for low, high in itertools.pairwise(bounds):
        kept.append(low + _best(links.take(np.arange(low, high))))
    return links.take(np.concatenate(kept))


def _best(links: _Links) -> Ints:
    tile = links.segments.rows[links.members[:, 0]]
    size = links.size
    left: Booleans = np.ones(size.size, dtype=np.bool_)
    found: list[int] = []
    while len(found) < KEPT and left.any():
        i = int(left.argmax())
        found.append(i)
        beaten = (links.lasting[i] <= links.lasting) & (size[i] <= size)
        beaten &= (links.cost[i] <= links.cost + ALIKE) & (links.need[i] <= links.need)
        left &= ~(beaten & (tile[i] <= tile))
    return np.array(found, dtype=np.int64)


def _ends(network: PlannerGraph, links: _Links) -> Ints:
    """The least that the tensors at both ends take: they may overlap."""
    tensors = network.tensors
    made = [tensors[node.output] for node in network.nodes]
    out = np.array([0, *(tensor.size for tensor in made)])[links.end]
    last = links.members[np.arange(out.size), (links.members >= 0).sum(axis=1) - 1]
    step = np.array([0, *(t.row_bytes if t.leaves else t.size for t in made)])[links.end]
    out = np.minimum(out, step * links.segments.rows[last])  # of one that leaves, a step's rows
    source = links.segments.source[links.members[:, 0]]
    facts = np.array([(t.size, t.height, t.row_bytes, t.born) for t in tensors])
    size, height, row, born = facts[source].T
    streams = np.array([t.source is not None for t in tensors])[source]
    rows = np.minimum(height, links.need) * row
    arrives = streams & (born >= links.begin)
    found: Ints = np.where(arrives, out + rows, np.maximum(out, size))
    return found
