"""Better stages around the one that bounds a plan: chains, channel splits, column strips.

They cost more effort a stage than plain ones and help only where a plan needs most, so they are
searched there and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mcucc.schedule.search.candidate import Candidate, least_memory
from mcucc.schedule.search.chain import ChainSearch
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.limits import SearchLimits, Tile
from mcucc.schedule.search.space import Space
from mcucc.schedule.search.split import SplitSearch, promising, views
from mcucc.schedule.search.table import StageTable


@dataclass(frozen=True)
class _Bound:
    """The largest stage of a plan, the plan's bytes, and the cost a stage in its place may have."""

    stage: Candidate
    bytes: int
    slack: float


@dataclass(frozen=True)
class Around:
    """Searches around the stages that bound the plans of a table, into which they put theirs.

    `slack` of a cost factor is the cost above the least that it leaves a plan. `fill` adds the
    stages of a space that end in a range, with some tiles. Without `recompute` nothing is computed
    twice.
    """

    table: StageTable
    facts: SearchFacts
    limits: SearchLimits
    recompute: bool
    least_width: int
    slack: Callable[[float], float]
    fill: Callable[[Space, range, Sequence[Tile]], None]

    def chains(self, levels: Sequence[float]) -> None:
        """Chains of stages in place of the bounding stage, round by round, within cost factors."""
        for factor in levels:
            search = ChainSearch(
                self.facts,
                self._chain_tiles,
                self.table.measured,
                self.recompute,
                self.limits.chains,
            )
            for _ in range(self.limits.chains.rounds):
                bound = self._bound(self.slack(factor))
                if bound is None:
                    break
                found = search.around(bound.stage, bound.bytes, bound.slack)
                for chain in found:
                    self.table.add(chain)
                if not found:
                    break

    def splits(self, cap: float, most: float) -> None:
        """Stages with blocks split by channels, where caching alone needs most bytes."""
        limits = self.limits.splits
        space = Space(
            cap=cap * limits.margin,
            slack=self.slack(most),
            recompute=most > 1.0 and self.recompute,
            limits=limits.walk,
        )
        ends = self.table.tight(cap * self.limits.recompute.reached)
        found: list[Candidate] = []
        for view in views(self.facts.network, ends, limits):
            search = SplitSearch(self.facts, view)
            for end in ends:
                for tile in self._split_tiles(end):
                    found += search.stages(end, tile, space, limits.effort)
        for number, stage in enumerate(promising(found, limits.margin)):
            size = self.table.measured(stage) if number < limits.exact else stage.bytes
            if size <= cap:
                self.table.add(replace(stage, bytes=size))

    def strips(self, most: float) -> None:
        """Stages in column strips, which compute the columns at borders again."""
        limits = self.limits.strips
        for factor in sorted({min(factor, most) for factor in limits.factors} - {1.0}):
            bound = self._bound(self.slack(factor))
            if bound is None:
                continue
            last = min(len(self.facts.network.nodes), bound.stage.end + limits.beyond)
            ends = range(bound.stage.begin + 1, last + 1)
            for strips in limits.counts:
                space = Space(cap=bound.bytes, slack=bound.slack, strips=strips, limits=limits.walk)
                self.fill(space, ends, limits.tiles)

    def _bound(self, slack: float) -> _Bound | None:
        """What bounds the plan of least memory within a slack."""
        best = least_memory(self.table.plans(), slack)
        if best is None:
            return None
        stage = max(best.stages, key=self.table.bytes_of)
        return _Bound(stage, best.bytes, slack - best.cost + stage.cost)

    def _chain_tiles(self, end: int) -> list[Tile]:
        """Low tiles: rings between stages grow with them."""
        limits = self.limits.stages
        menu = self.facts.tiles(end, limits.tiles, self.least_width)
        return [tile for tile in menu if tile[0] <= self.limits.chains.tallest]

    def _split_tiles(self, end: int) -> list[Tile]:
        """A block expands its border rows in every step: only all rows at once repeat no work."""
        network = self.facts.network
        out = network.tensors[network.nodes[end - 1].output]
        if not self.recompute:
            return [(out.height, 0)]
        return self.limits.splits.tiles.tiles(out.height, out.width, self.least_width)
