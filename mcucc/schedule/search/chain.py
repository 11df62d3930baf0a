"""Search for chains: stages that feed each other, where single stages are too large.

Around the stage that bounds a plan, segments between narrow places of the network are found by the
same walk as stages. A chain of segments needs the sum of what they keep, a ring between each two,
and the largest tile of any: those that promise to beat the bound are expanded exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mcucc.ir.kernel import Granularity
from mcucc.schedule.search.costs import ALIKE
from mcucc.schedule.search.space import Option, Space
from mcucc.schedule.search.stage import Segment, StageSearch

LONGEST = 3  # stages in a chain
KEPT = 14  # chains kept for each pair of ends
EXPANDED = 24  # chains whose bytes are computed exactly, at most
REACH = 10  # nodes around the bounding stage that are looked at
SEGMENT = 16  # nodes of a segment


@dataclass(frozen=True)
class _Links:
    """Segments in a row: bytes that they keep (rings included), their largest tile, cost."""

    parts: tuple[Segment, ...]
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
        inside: StageSearch,
        tiles: Callable[[int], Sequence[tuple[int, int]]],
        exact: Callable[[Option], int],
        recompute: bool,
    ) -> None:
        self.inside, self.network = inside, inside.network
        self.tiles, self.exact, self.recompute = tiles, exact, recompute
        self.narrow = {i for i in range(1, len(inside.alive)) if self._only(i) is not None}
        self.known: dict[int, list[Segment]] = {}

    def _only(self, position: int) -> int | None:
        """The one tensor alive before a node, if it is made right there and not an output."""
        tensors = self.network.tensors
        alive = [i for i, t in enumerate(tensors) if t.root == i and t.born < position <= t.last]
        if len(alive) != 1 or tensors[alive[0]].producer != position - 1:
            return None
        return alive[0]

    def around(self, bound: Option, cap: int, slack: float) -> list[Option]:
        """Chains over the nodes of `bound` that need less than `cap` bytes."""
        low, high = bound.begin - REACH, bound.end + REACH
        last = len(self.network.nodes)
        ends = [i for i in sorted(self.narrow | {last}) if low < i <= high]
        segments = {end: self._segments(end, cap, slack) for end in ends}
        found: list[tuple[int, Option]] = []
        for end in ends:
            for links in self._chains(end, segments, cap, slack):
                begin = links.parts[0].begin
                if len(links.parts) > 1 and begin < bound.end and end > bound.begin:
                    least = self._around(links, end) + links.bytes
                    if least < cap:
                        found.append((least, self._option(links, least)))
        found.sort(key=lambda item: (item[0], item[1].cost))
        options = []
        for _, option in found[:EXPANDED]:
            size = self.exact(option)
            if size < cap:
                options.append(
                    Option(
                        option.begin, option.end, size, option.cost, option.tile, parts=option.parts
                    )
                )
        return options

    def _segments(self, end: int, cap: int, slack: float) -> list[Segment]:
        """Segments that end before a node and begin at a narrow place.

        Caps only fall while chains are looked for, so what was found for an earlier one holds.
        """
        if end not in self.known:
            again = self.recompute and slack > 0
            space = Space(cap=cap, slack=slack, recompute=again, around=0, values=6, states=12)
            by_begin: dict[int, list[Segment]] = {}
            for tile in self.tiles(end):
                for segment in self.inside.segments(end, tile, space, end - SEGMENT):
                    if segment.begin == 0 or segment.begin in self.narrow:
                        by_begin.setdefault(segment.begin, []).append(segment)
            self.known[end] = [s for group in by_begin.values() for s in _pareto(group)]
        return [s for s in self.known[end] if s.lasting + s.largest < cap and s.cost <= slack]

    def _chains(
        self, end: int, segments: dict[int, list[Segment]], cap: int, slack: float
    ) -> Iterator[_Links]:
        """All chains that end here, the short ones first."""
        level = [_Links((s,), s.lasting, s.largest, s.cost) for s in segments[end]]
        for _ in range(LONGEST):
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
            level = [links for group in grown.values() for links in _best(group)]

    def _pools(self, end: int) -> bool:
        """Whether a segment that ends before this node ends with a global pool."""
        return self.network.nodes[end - 1].granularity is Granularity.SINK

    def _joined(self, upper: Segment, links: _Links) -> _Links:
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

    def _around(self, links: _Links, end: int) -> int:
        """The least that the tensors at both ends take: they may overlap."""
        tensors = self.network.tensors
        out = tensors[self.network.nodes[end - 1].output].size
        first = links.parts[0]
        given = tensors[first.source]
        if given.source is None:
            return max(out, given.size)
        return out + min(given.height, first.need) * given.row_bytes

    @staticmethod
    def _option(links: _Links, size: int) -> Option:
        last = links.parts[-1]
        parts = tuple(Option(s.begin, s.end, size, s.cost, s.tile, s.trail) for s in links.parts)
        return Option(links.parts[0].begin, last.end, size, links.cost, last.tile, parts=parts)


def _pareto(segments: list[Segment]) -> list[Segment]:
    segments.sort(key=lambda s: (s.lasting + s.largest, s.cost))
    kept: list[Segment] = []
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
    return kept[:KEPT]


def _best(links: list[_Links]) -> list[_Links]:
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
    return kept[:KEPT]
