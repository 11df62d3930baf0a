"""What a search tries: the stages of a network within a cap of bytes and a slack of cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from mcucc.schedule.search.chain import Bounds, chains, narrow
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.join import Paths
from mcucc.schedule.search.limits import Effort
from mcucc.schedule.search.named import Corner
from mcucc.schedule.search.stages import Booleans, Ints, Log, Rules, Stages, Walks
from mcucc.schedule.search.table import Proposals, StageTable
from mcucc.schedule.search.tiles import CHAINED, REWRITTEN, STRIPS, Tile, TileMenu
from mcucc.schedule.search.view import Seen, View
from mcucc.schedule.search.views import MAKERS
from mcucc.schedule.search.walks.run import walk

# Walks of other choices end up to so many nodes behind the place where a plan needs too much, and
# those of chains begin as many before it.
BEYOND = 6
# Of the bytes to be beaten: places of a network that need more are searched together.
ROOM = 0.9
# Nodes of a stage, of one of a rewritten network, and of one that feeds another.
LONGEST, REWRITTEN_LONGEST, CHAINED_LONGEST = 48, 8, 16
_Walk = tuple[int, int, int, int]  # end, tile rows and columns, strips


@dataclass(frozen=True)
class _Place:
    """Where plans do not keep to a cap: ends of stages that may help, and where those may begin."""

    ends: range
    begins: Booleans


class Finder:
    """Fills a table with the stages of a network, its views, and their chains.

    Of a `corner` only what that allows. Walks are `walk`, or those of `SharedWalks`.
    """

    def __init__(
        self,
        facts: SearchFacts,
        table: StageTable,
        effort: Effort,
        corner: Corner | None,
        walk: Callable[[SearchFacts, Walks, Rules, Booleans | None], Stages] = walk,
    ) -> None:
        self.facts, self.table, self.effort, self.corner = facts, table, effort, corner
        self._walk = walk
        self.count = len(facts.network.nodes)
        self.plain = Seen.of(facts)
        self._makers = [maker(facts.network, effort) for maker in MAKERS]
        self._seen: dict[View, Seen] = {}
        self._done: dict[tuple[View | None, bool, bool, _Walk], tuple[float, float]] = {}

    def peak(self) -> int:
        """Bytes that one node a stage needs."""
        return max(self.facts.alone(i) for i in range(self.count))

    def singles(self) -> None:
        """Every node as a stage of whole tensors."""
        network, count = self.facts.network, self.count
        tensors = [network.tensors[node.output] for node in network.nodes]
        number, zero = np.arange(count), np.zeros(count, dtype=np.int64)
        size = np.array([self.facts.alone(i) for i in range(count)])
        height = np.array([tensor.height for tensor in tensors])
        first, way = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int8)
        names = [tensor.name for tensor in tensors]
        log = Log([first] * count, [way] * count, names, [count] * count)
        shape = height, zero, zero + 1, size, np.zeros(count), zero, size, zero, zero - 1
        stages = Stages(number, number + 1, *shape, zero, zero, (log,))
        self.table.add(Proposals.of(self.plain, stages))

    def cached(self, cap: float, menu: TileMenu | None = None) -> None:
        """Stages that compute nothing twice, with all tiles or those of a menu."""
        walks: list[_Walk] = []
        for end in range(1, self.count + 1):
            tiles = self._tiles(end)
            wanted = tiles if menu is None else self._menu(self.plain, end, menu)
            walks += [(end, *tile, 1) for tile in tiles if tile in wanted]
        self._take(self.plain, walks, self._rules(cap, float("inf"), again=False), None)

    def within(self, cap: float, slack: float, again: bool) -> bool:
        """Search where plans do not keep to the cap; whether there was anything to search."""
        place = self._place(cap, slack)
        rules = self._rules(cap * self.effort.margin, slack, again)
        walks = [(end, *tile, 1) for end in place.ends for tile in self._tiles(end)]
        if again and self.corner is None:
            walks += [
                (end, *tile, strips)
                for end in place.ends
                for tile in self._menu(self.plain, end, STRIPS)
                for strips in self.effort.strips
            ]
        searched = again and self._take(self.plain, walks, rules, place.begins)
        if self.corner is not None:
            return searched
        near = range(max(0, place.ends.start - 2), place.ends.stop)
        for seen in self._views(near):
            searched |= self._rewritten(seen, place, rules)
        if self.effort.chain > 1:
            searched |= self._chained(place, rules)
        return searched

    # Where and what ---------------------------------------------------------------------------

    def _place(self, cap: float, slack: float) -> _Place:
        """Plans that keep to a cap are followed from the first node on and from the last node back.

        Each as far as they go within the slack; only what lies between is worth more effort.
        """
        edges = self.table.edges(self.table.bytes, slack)
        budget = np.array([int(cap * ROOM)])
        ahead = Paths.of(edges, self.count, budget).costs[:, 0] <= slack
        behind = Paths.of(edges.reversed(self.count), self.count, budget).costs[::-1, 0] <= slack
        far, near = int(np.flatnonzero(ahead)[-1]), int(np.flatnonzero(behind)[0])
        low, high = min(far, near), min(self.count, max(far, near) + BEYOND)
        begins = ahead.copy()
        begins[low:high] = True
        return _Place(range(low + 1, high + 1), begins)

    def _rules(self, cap: float, slack: float, again: bool) -> Rules:
        """What the schedule asked for allows, and whether anything may be computed again."""
        corner, effort = self.corner, self.effort
        rules = Rules() if corner is None else Rules.of(corner, cap, slack)
        again = again and rules.recompute
        return replace(
            rules,
            recompute=again,
            cap=cap,
            slack=slack,
            longest=LONGEST,
            kept=effort.kept,
            margin=effort.margin,
        )

    def _menu(self, seen: Seen, end: int, menu: TileMenu) -> list[Tile]:
        """Tiles for the stages that end before a node of a network seen."""
        node = seen.facts.network.nodes[end - 1]
        return seen.facts.tiles(end, menu) if node.streams else []

    def _tiles(self, end: int) -> list[Tile]:
        """Those of the plain network."""
        menu = self.effort.tiles if self.corner is None else self.corner.tiles
        return self._menu(self.plain, end, menu)

    @cached_property
    def _narrow(self) -> Ints:
        return narrow(self.facts)

    def _views(self, near: range) -> list[Seen]:
        """The network with the blocks that end near a place rewritten."""
        found = [view for maker in self._makers for view in maker(near)]
        for view in found:
            if view not in self._seen:
                self._seen[view] = Seen.of(self.facts, view)
        return [self._seen[view] for view in found]

    # Walks ------------------------------------------------------------------------------------

    def _take(
        self, seen: Seen, walks: Iterable[_Walk], rules: Rules, begins: Booleans | None
    ) -> bool:
        """Add the stages of the walks that were not done within these bounds; False: of none."""
        fresh = self._fresh(seen, walks, rules)
        if not fresh:
            return False
        found = self._walk(seen.facts, Walks.of(fresh), rules, begins)
        if self.corner is not None and self.corner.first_stage_only:
            found = found.take(found.begin == 0)
        self.table.add(Proposals.of(seen, found))
        return True

    def _fresh(self, seen: Seen, walks: Iterable[_Walk], rules: Rules) -> list[_Walk]:
        """The walks that were not done yet within these bounds."""
        found = []
        for each in walks:
            key = seen.view, rules.chained, rules.recompute, each
            cap, slack = self._done.get(key, (-1.0, -1.0))
            if cap < rules.cap or slack < rules.slack:
                found.append(each)
                self._done[key] = rules.cap, rules.slack
        return found

    def _rewritten(self, seen: Seen, place: _Place, rules: Rules) -> bool:
        """Stages of a view between the same cuts."""
        ends = [p for end in place.ends if (p := seen.position(end)) is not None]
        walks = [
            (end, *tile, 1)
            for end in ends
            for tile in self._menu(seen, end, REWRITTEN)
            if rules.recompute or tile == self._whole(seen, end)
        ]
        begins = (seen.cuts >= 0) & place.begins[seen.cuts]
        return self._take(seen, walks, replace(rules, longest=REWRITTEN_LONGEST, kept=16), begins)

    def _whole(self, seen: Seen, end: int) -> Tile:
        """All rows of a stage's last tensor."""
        network = seen.facts.network
        return network.tensors[network.nodes[end - 1].output].height, 0

    def _chained(self, place: _Place, rules: Rules) -> bool:
        """Chains over the place, of stages between narrow cuts."""
        low, high = place.ends.start - BEYOND, place.ends.stop + BEYOND
        cuts = self._narrow[(self._narrow >= low) & (self._narrow < high)]
        ends = [*cuts.tolist(), *([self.count] if self.count < high else [])]
        rules = replace(rules, beside=0, chained=True, longest=CHAINED_LONGEST)
        walks = [(end, *tile, 1) for end in ends for tile in self._menu(self.plain, end, CHAINED)]
        if not self._fresh(self.plain, walks, rules):
            return False
        begins = np.zeros(self.count + 1, dtype=np.bool_)
        begins[0], begins[cuts] = True, True
        segments = self._walk(self.facts, Walks.of(walks), rules, begins)
        found = chains(
            self.plain, segments, cuts, Bounds(self.effort.chain, rules.cap, rules.slack)
        )
        self.table.add(
            found.kept((found.begin < place.ends.stop) & (found.end >= place.ends.start))
        )
        return True
