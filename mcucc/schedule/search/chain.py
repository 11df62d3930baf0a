"""Search for chains: stages that feed each other, where single stages are too large.

Around the stage that bounds a plan, segments between narrow places of the network are found by the
same walk as stages. A chain of segments needs the sum of what they keep, a ring between each two,
and the largest tile of any: those that promise to beat the bound are expanded exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from mcucc.ir.kernel import Granularity
from mcucc.schedule.search.boundary import ChainSegment
from mcucc.schedule.search.candidate import Candidate, Decisions, Parts
from mcucc.schedule.search.costs import ALIKE
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.limits import ChainLimits, Tile
from mcucc.schedule.search.space import Space
from mcucc.schedule.search.stage import segments_ending


@dataclass(frozen=True)
class _Links:
    """Segments in a row: bytes that they keep (rings included), their largest tile, cost."""

    parts: tuple[ChainSegment, ...]
    lasting: int
    largest: int
    cost: float

    @property
    def bytes(self) -> int:
        """What all of it needs, without the tensors at its ends."""
        return self.lasting + self.largest


class ChainSearch:
    """Chains around a stage that bounds a plan."""

    def __init__(
        self,
        facts: SearchFacts,
        tiles: Callable[[int], Sequence[Tile]],
        measured: Callable[[Candidate], int],
        recompute: bool,
        limits: ChainLimits,
    ) -> None:
        self.facts, self.network, self.limits = facts, facts.network, limits
        self.tiles, self.measured, self.recompute = tiles, measured, recompute
        self.narrow = {i for i in range(1, len(facts.alive)) if self._only(i) is not None}
        self.known: dict[int, list[ChainSegment]] = {}

    def _only(self, position: int) -> int | None:
        """The one tensor alive before a node, if it is made right there and not an output.

        Lists that heads made before lie beside.
        """
        tensors = self.network.tensors
        alive = [i for i, t in enumerate(tensors) if t.root == i and t.born < position <= t.last]
        latest = position - 1
        alive = [i for i in alive if tensors[i].producer == latest or not self.facts.listed(i)]
        if len(alive) != 1 or tensors[alive[0]].producer != position - 1:
            return None
        return alive[0]

    def around(self, bound: Candidate, cap: int, slack: float) -> list[Candidate]:
        """Chains over the nodes of `bound` that need less than `cap` bytes."""
        low, high = bound.begin - self.limits.reach, bound.end + self.limits.reach
        last = len(self.network.nodes)
        ends = [i for i in sorted(self.narrow | {last}) if low < i <= high]
        segments = {end: self._segments(end, cap, slack) for end in ends}
        found: list[Candidate] = []
        for end in ends:
            for links in self._chains(end, segments, cap, slack):
                begin = links.parts[0].begin
                if len(links.parts) > 1 and begin < bound.end and end > bound.begin:
                    least = self._ends(links, end) + links.bytes
                    if least < cap:
                        found.append(_chain(links, least))
        found.sort(key=lambda chain: (chain.bytes, chain.cost))
        exact = [replace(c, bytes=self.measured(c)) for c in found[: self.limits.exact]]
        return [chain for chain in exact if chain.bytes < cap]

    def _segments(self, end: int, cap: int, slack: float) -> list[ChainSegment]:
        """Segments that end before a node and begin at a narrow place.

        Caps only fall while chains are looked for, so what was found for an earlier one holds.
        """
        if end not in self.known:
            again = self.recompute and slack > 0
            space = Space(cap=cap, slack=slack, recompute=again, beside=0, limits=self.limits.walk)
            by_begin: dict[int, list[ChainSegment]] = {}
            low = end - self.limits.nodes
            for tile in self.tiles(end):
                for segment in segments_ending(self.facts, end, tile, space, low):
                    if segment.begin == 0 or segment.begin in self.narrow:
                        by_begin.setdefault(segment.begin, []).append(segment)
            self.known[end] = [
                s for group in by_begin.values() for s in _pareto(group, self.limits.kept)
            ]
        return [s for s in self.known[end] if s.lasting + s.largest < cap and s.cost <= slack]

    def _chains(
        self, end: int, segments: dict[int, list[ChainSegment]], cap: int, slack: float
    ) -> Iterator[_Links]:
        """All chains that end here, the short ones first."""
        level = [_Links((s,), s.lasting, s.largest, s.cost) for s in segments[end]]
        for _ in range(self.limits.stages):
            yield from level
            grown: dict[int, list[_Links]] = {}
            for links in level:
                first = links.parts[0]
                if self._pools(first.begin):
                    continue  # complete only after its stage: it hands no rows on
                for upper in segments.get(first.begin, ()):
                    longer = self._joined(upper, links)
                    if longer.bytes < cap and longer.cost <= slack:
                        grown.setdefault(upper.begin, []).append(longer)
            level = [links for group in grown.values() for links in _best(group, self.limits.kept)]

    def _pools(self, end: int) -> bool:
        """Whether a segment that ends before this node ends with a global pool."""
        return self.network.nodes[end - 1].granularity is Granularity.SINK

    def _joined(self, upper: ChainSegment, links: _Links) -> _Links:
        """A segment in front, and the ring between."""
        first = links.parts[0]
        tensor = self.network.tensors[self.network.nodes[upper.end - 1].output]
        ring = min(tensor.height, first.need + upper.tile[0] - 1) * tensor.row_bytes
        return _Links(
            (upper, *links.parts),
            links.lasting + upper.lasting + ring,
            max(links.largest, upper.largest),
            links.cost + upper.cost,
        )

    def _ends(self, links: _Links, end: int) -> int:
        """The least that the tensors at both ends take: they may overlap."""
        tensors = self.network.tensors
        made, first, last = self.network.nodes[end - 1].output, links.parts[0], links.parts[-1]
        out = tensors[made].size
        if tensors[made].leaves:  # the rows of a step
            out = min(tensors[made].height, last.tile[0]) * tensors[made].row_bytes
        given = tensors[first.source]
        if not given.arrives(first.begin):
            return max(out, given.size)
        return out + min(given.height, first.need) * given.row_bytes


def _chain(links: _Links, size: int) -> Candidate:
    """The chain as one candidate in place of its stages."""
    stages = tuple(
        Candidate(s.begin, s.end, size, s.cost, s.tile, _decided(s)) for s in links.parts
    )
    first, last = stages[0], stages[-1]
    return Candidate(first.begin, last.end, size, links.cost, last.tile, Parts(stages))


def _decided(segment: ChainSegment) -> Decisions | None:
    return None if segment.trail is None else Decisions(segment.trail)


def _pareto(segments: list[ChainSegment], most: int) -> list[ChainSegment]:
    """Those that no other beats in bytes, cost and what a chain asks in front of them."""
    segments.sort(key=lambda s: (s.lasting + s.largest, s.cost))
    kept: list[ChainSegment] = []
    for s in segments:
        if not any(
            o.lasting <= s.lasting
            and o.largest <= s.largest
            and o.cost <= s.cost + ALIKE
            and o.need <= s.need
            and o.tile[0] <= s.tile[0]
            for o in kept
        ):
            kept.append(s)
    return kept[:most]


def _best(links: list[_Links], most: int) -> list[_Links]:
    """Those that no other beats in bytes, cost and rows of their input."""
    links.sort(key=lambda c: (c.bytes, c.cost))
    kept: list[_Links] = []
    for c in links:
        if not any(
            o.lasting <= c.lasting
            and o.largest <= c.largest
            and o.cost <= c.cost + ALIKE
            and o.parts[0].need <= c.parts[0].need
            for o in kept
        ):
            kept.append(c)
    return kept[:most]
