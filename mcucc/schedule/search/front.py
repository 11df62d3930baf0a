"""The planner: the Pareto front of (arena bytes, cost) over all plans of the plan space.

Stages come from the backward search of `search_stage`; a forward Pareto search over cuts joins
them. The points of the front are expanded, so their bytes, MACs and offsets are exact.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from mcucc.base.progress import Progress, silent
from mcucc.errors import FitError, McuccError, ModelError
from mcucc.ir.integer import IntegerGraph
from mcucc.schedule.arena.limits import ArenaLimits, OffsetLimits
from mcucc.schedule.expand.expand import chain_arena, chain_bytes, expand
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.order import least_peak_order
from mcucc.schedule.plan.plan import Form, ImagePolicy, Plan, StagePlan
from mcucc.schedule.plan.program import Program
from mcucc.schedule.plan.spans import Reuse
from mcucc.schedule.search.chain import ChainSearch
from mcucc.schedule.search.costs import ALIKE, MACS, ROUNDING, CostModel, node_facts, program_cost
from mcucc.schedule.search.join import Cut, join, spread
from mcucc.schedule.search.space import Option, Space, pareto
from mcucc.schedule.search.split import LONGEST, SplitSearch, promising, views
from mcucc.schedule.search.stage import StageSearch

# What tells options apart.
Key = tuple[int, int, tuple[int, int], int, int, float]
POINTS = 12  # points of a front that are expanded
SPLIT_MARGIN = 1.08  # the same for stages with splits
SPLITS = 500  # of them whose bytes are computed exactly, at most
MARGIN = 1.12  # estimates this far above the best exact figure are looked at exactly
REFINED = 80  # stages whose bytes are computed exactly, at most
MANY_NODES = 300  # above this, fewer tile sizes and shorter stages are tried
LOWER = 0.72  # how far below caching alone recomputing is expected to reach
BEYOND = 6  # nodes by which a recomputing stage may outreach the tight part
FACTORS = (1.0, 1.02, 1.05, 1.1, 1.15, 1.25, 1.5, 2.0, 3.0)  # costs over the least possible
CHAINED_MACS = (1.0, 1.1)  # the same, for which chains of stages are looked for
CHAINED = (1.1, 3.0)  # and where the cost is time
NEAR = 1.02  # factors nearer than that find the same chains
ROUNDS = 4  # bounding stages that chains may replace, for each of them
SETTLINGS = 8  # rounds in which arenas of stages replace bytes in use
ALONE = ArenaLimits(OffsetLimits(tries=200))  # for the arena of one stage
GAP = 1.25  # an arena over the bytes in use, at most as far as one looks
STRIPPED = (1.05, 1.1, 1.25)  # the same, for which stages in column strips are looked for
STRIPS = (2, 3, 4)
STRIP_TILES = ((1, 0), (2, 0), (1, 2), (1, 4), (2, 4), (1, 1))
ROUGH_TILES = ((1, 0), (1, 4))
ROOMY_TILES = tuple((rows, columns) for rows in (1, 2, 4) for columns in (0, 4, 8))


@dataclass(frozen=True)
class SearchOptions:
    """What to search for.

    `schedule`: auto, layers (one node a stage), patch (MCUNetV2: one first stage that recomputes),
    stream (StreamNet: one first stage that caches), msf (msf-CNN: many stages of one-row tiles that
    recompute rows and cache columns). `max_factor` bounds the cost
    (executed MACs, or the target's) over the least possible; plans of up to `beyond` times that
    are found beside. Without `recompute` nothing is computed twice. Where no plan is found within
    `room` arena bytes, costlier ones are looked for. Tiles are at least `least_width` columns wide
    (narrow ones are slow and small). `effort` bounds the states visited, so that a search gives the
    same front on every machine (20,000 take about a second).
    """

    schedule: str = "auto"
    image: ImagePolicy = ImagePolicy.ROWS
    cost: CostModel = MACS
    max_factor: float = 1.25
    beyond: float = 1.0
    recompute: bool = True
    room: float = float("inf")
    least_width: int = 1
    effort: int = 60_000
    progress: Progress = silent


@dataclass(frozen=True)
class Point:
    """One plan of the front: exact arena bytes, executed MACs over the network's, cost."""

    program: Program
    cost: float

    @property
    def bytes(self) -> int:
        """Arena bytes."""
        return self.program.arena_bytes

    @property
    def factor(self) -> float:
        """Executed MACs over the network's."""
        return self.program.factor


@dataclass(frozen=True)
class Front:
    """Plans from least memory to least cost.

    `lower_bound` is the least that any placement of these plans' buffers could need; it says
    nothing of plans that were not found. `complete` says that no limit of effort cut the search
    short (stages are still thinned: see `Space`). `refused` counts stages that were proposed and
    that `expand` does not make: the rules of both have come apart where there are any.
    """

    points: tuple[Point, ...]
    lower_bound: int
    complete: bool
    seconds: float
    refused: int = 0

    def within(self, factor: float) -> Point:
        """The least memory with at most `factor` times the network's MACs."""
        fits = [p for p in self.points if p.factor <= factor + ROUNDING]
        if not fits:
            least = min(self.points, key=lambda p: p.factor)
            raise FitError(
                f"no plan keeps to {factor:.2f} times the MACs; the least is {least.factor:.2f}",
                hint="raise --max-macs",
            )
        return min(fits, key=lambda p: (p.bytes, p.cost))

    def fitting(self, sram: int) -> Point:
        """The least cost within `sram` arena bytes; FitError names the smallest reachable."""
        fits = [p for p in self.points if p.bytes <= sram]
        if not fits:
            least = min(self.points, key=lambda p: p.bytes)
            raise FitError(
                f"the smallest plan found needs {least.bytes} bytes of arena, {sram} are allowed",
                where=bottleneck(least.program),
                hint=f"its buffers cannot be placed in less than {self.lower_bound} bytes; "
                "a smaller input, a narrower layer or a larger --max-macs lowers it",
            )
        return min(fits, key=lambda p: (p.cost, p.bytes))


def bottleneck(program: Program) -> str:
    """The stage that needs the most bytes, in words."""
    number = max(range(len(program.stages)), key=lambda i: program.stage_bytes[i])
    names = [node.name for node in program.stages[number].nodes]
    shown = names[0] if len(names) == 1 else f"{names[0]} .. {names[-1]}"
    return f"stage {number} ({shown})"


def search(graph: IntegerGraph, options: SearchOptions = SearchOptions()) -> Front:
    """The front of a network; every point is exact, none is checked yet (see `check`).

    Raises McuccError for an unknown schedule name.
    """
    return _Search(graph, options).front()


class _Search:
    def __init__(self, graph: IntegerGraph, options: SearchOptions) -> None:
        self.graph, self.options = graph, options
        self.begun = time.monotonic()
        most = options.max_factor
        self.factors = sorted({*FACTORS, most, most * options.beyond})
        ordered = replace(graph, nodes=least_peak_order(graph).nodes)
        self.network = PlannerGraph(ordered, options.image)
        self.inside = StageSearch(self.network, options.cost)
        self.least = sum(self.inside.least_cost(node) for node in self.network.nodes)
        self.table: dict[int, list[Option]] = {}
        self.exact: dict[Key, int] = {}
        self.placed: set[Key] = set()  # exact figures that are arenas
        self.refused: set[Key] = set()  # stages that `expand` does not make
        self.complete = True
        # The best before chains were looked for, and before arenas were weighed: their buffers may
        # be easier to place.
        self.earlier: list[Cut] = []

    def front(self) -> Front:
        """Search, refine, expand."""
        if self.options.schedule == "layers":
            plan = layers_plan(self.graph, self.options.image)
            return self._finish([expand(self.graph, plan)])
        if self.options.schedule not in ("auto", "patch", "stream", "msf"):
            raise McuccError(
                f"unknown schedule {self.options.schedule!r}",
                hint="one of auto, layers, patch, stream, msf",
            )
        self._fill_table()
        programs: dict[Plan, Program] = {}
        known = -1
        while known < len(self.refused):  # a plan that was refused is made of other stages
            known = len(self.refused)
            cuts = self._settled()
            shown = {self._how(cut): cut for cut in (*self._shown(cuts), *self.earlier)}
            found = (self._program(cut) for cut in shown.values())
            programs = {program.plan: program for program in found if program is not None}
        if not programs:
            plan = layers_plan(self.graph, self.options.image)
            programs = {plan: expand(self.graph, plan)}
        return self._finish(list(programs.values()))

    def _how(self, cut: Cut) -> tuple[Key, ...]:
        """What tells plans apart."""
        return tuple(self._key(option) for option in cut.stages)

    def _keep_best(self, levels: Sequence[float]) -> None:
        """The best plans of today within some factors are looked at in the end, whatever comes."""
        cuts = self._join()
        found = (_least(cuts, self._slack(factor)) for factor in levels)
        self.earlier += [cut for cut in found if cut is not None]

    def _slack(self, factor: float) -> float:
        """Cost above the least possible that so many times of that leave."""
        return (factor - 1.0) * self.least + ALIKE

    def _settled(self) -> list[Cut]:
        """Plans joined again with the arenas that their largest stages need by themselves.

        Bytes in use are what the search adds up; gaps between buffers come on top, and a stage
        that has large ones gives way to another.
        """
        cuts = self._join()
        for _ in range(SETTLINGS):
            fresh = {
                self._key(option): option
                for cut in self._shown(cuts)
                for option in cut.stages
                if self._key(option) not in self.placed and option.bytes * GAP > cut.bytes
            }
            if not fresh:
                break
            for key, option in fresh.items():
                size = self._exactly(option, partial(chain_arena, limits=ALONE))
                self.exact[key] = max(size, self._known_bytes(option))
                self.placed.add(key)
            cuts = self._join()
        return cuts

    def _shown(self, cuts: list[Cut]) -> list[Cut]:
        """The points that are expanded: an even choice, and the least memory at usual factors."""
        shown = spread(cuts, POINTS)
        for factor in self.factors:
            least = _least(cuts, self._slack(factor))
            if least is not None and least not in shown:
                shown.append(least)
        return shown

    def _finish(self, programs: Sequence[Program]) -> Front:
        points = [Point(p, program_cost(p, self.options.cost, node_facts(p))) for p in programs]
        kept = pareto(points)
        least = min(point.program.lower_bound for point in kept)
        seconds = time.monotonic() - self.begun
        return Front(tuple(kept), least, self.complete, seconds, len(self.refused))

    # Stages -----------------------------------------------------------------------------------

    def _fill_table(self) -> None:
        """Cache-only first: its peak caps the full search."""
        most = self.options.max_factor
        slack = self._slack(most * self.options.beyond)
        if self.options.schedule == "patch":
            self._fill(Space(forms=(Form.TILE,), cache=False, slack=slack), first_only=True)
            return
        if self.options.schedule == "msf":
            msf = Space(forms=(Form.TILE,), pinned=(Reuse.RECOMPUTE, Reuse.CACHE), slack=slack)
            self._fill(replace(msf, cap=self._layers_peak()))
            return
        if self.options.schedule == "stream":
            self._fill(Space(recompute=False), first_only=True)
            return
        roughly = Space(recompute=False, cap=self._layers_peak())
        self._fill(roughly, tiles=ROUGH_TILES)
        cap = min((cut.bytes for cut in self._join()), default=self._layers_peak())
        if self.options.cost is not MACS:  # time is worth having at every size of memory
            self._fill(roughly, tiles=ROOMY_TILES)
        self._fill(Space(recompute=False, cap=cap * MARGIN))
        cap = min(cut.bytes for cut in self._join())
        self._refine(cap)
        levels = CHAINED_MACS if self.options.cost is MACS else CHAINED
        below = (factor for factor in levels if factor * NEAR < most)
        self._further(cap, most, sorted({most, *below}))
        if self.options.room < min(cut.bytes for cut in self._join()):
            self._further(cap, levels[-1], [factor for factor in levels if factor > most])

    def _further(self, cap: float, most: float, levels: Sequence[float]) -> None:
        """Recomputing up to a factor, then chains within some; nothing is larger than `cap`."""
        if most > 1.0 and self.options.recompute:
            ends = self._tight(cap * LOWER)
            slack = self._slack(most * self.options.beyond)
            self._fill(Space(cap=cap * 1.02, slack=slack), ends=ends)
            cuts = self._join()
            for factor in self.factors:
                slack = self._slack(factor)
                least = _least(cuts, slack)
                if least is not None:
                    self._refine(least.bytes, slack)
        if len(self.network.nodes) <= MANY_NODES:
            self._split(cap, most)
            self._keep_best(levels)
            self._chain(levels)
            if self.options.recompute:
                self._strips(most)
            self._keep_best(levels)

    def _strips(self, most: float) -> None:
        """Column strips around the stage that bounds a plan, where borders may be recomputed."""
        for factor in sorted({min(factor, most) for factor in STRIPPED} - {1.0}):
            found = self._bounding(self._slack(factor))
            if found is not None:
                bound, cap, left = found
                last = min(len(self.network.nodes), bound.end + BEYOND)
                ends = range(bound.begin + 1, last + 1)
                for strips in STRIPS:
                    space = Space(cap=cap, slack=left, strips=strips, states=10, values=4)
                    self._fill(space, ends=ends, tiles=STRIP_TILES)

    def _bounding(self, slack: float) -> tuple[Option, int, float] | None:
        """The largest stage of the best plan, the plan's bytes, the cost it may have."""
        best = _least(self._join(), slack)
        if best is None:
            return None
        bound = max(best.stages, key=self._known_bytes)
        return bound, best.bytes, slack - best.cost + bound.cost

    def _split(self, cap: float, most: float) -> None:
        """Stages with blocks split by channels, where caching alone needs most."""
        again, slack = most > 1.0 and self.options.recompute, self._slack(most)
        space = Space(cap=cap * SPLIT_MARGIN, slack=slack, recompute=again, longest=LONGEST)
        space = replace(space, states=8, values=4)
        ends = self._tight(cap * LOWER)
        found: list[Option] = []
        for view in views(self.network, ends):
            search = SplitSearch(self.inside, view, self.options.cost)
            for end in ends:
                for tile in self._split_tiles(end):
                    found += search.stages(end, tile, space)
        for number, option in enumerate(promising(found, SPLIT_MARGIN)):
            size = self._exact_bytes(option) if number < SPLITS else option.bytes
            if size <= cap:
                self.table.setdefault(option.end, []).append(replace(option, bytes=size))

    def _split_tiles(self, end: int) -> list[tuple[int, int]]:
        """Whole rows and parts of them, low tiles and all rows: alone those repeat no work."""
        facts = self.network.tensors[self.network.nodes[end - 1].output]
        if not self.options.recompute:
            return [(facts.height, 0)]
        heights = {1, 2, 3, 4, -(-facts.height // 2), facts.height}
        widths = {0, 2, 4, -(-facts.width // 2)}
        least = self.options.least_width
        return [
            (height, width)
            for height in sorted(heights)
            for width in sorted(widths)
            if height <= facts.height and (width == 0 or least <= width < facts.width)
        ]

    def _chain(self, levels: Sequence[float]) -> None:
        """Chains of stages in place of the stage that bounds a plan, again and again."""
        for factor in levels:
            chains = ChainSearch(
                self.inside, self._chain_tiles, self._exact_bytes, self.options.recompute
            )
            slack = self._slack(factor)
            for _ in range(ROUNDS):
                bounding = self._bounding(slack)
                if bounding is None:
                    break
                found = chains.around(*bounding)
                for option in found:
                    self.table.setdefault(option.end, []).append(option)
                if not found:
                    break

    def _chain_tiles(self, end: int) -> list[tuple[int, int]]:
        menu = self._tiles(end, first_only=False)
        return [tile for tile in menu if tile[0] <= 2]

    def _known_bytes(self, option: Option) -> int:
        return self.exact.get(self._key(option), option.bytes)

    def _exact_bytes(self, option: Option) -> int:
        return self._exactly(option, chain_bytes)

    def _exactly(
        self,
        option: Option,
        measure: Callable[[PlannerGraph, Sequence[StagePlan], int], int],
    ) -> int:
        """Bytes of an option that is built; more than any cap where `expand` refuses it."""
        try:
            return measure(*self._built(option))
        except ModelError:
            self.refused.add(self._key(option))
            return sys.maxsize

    def _built(self, option: Option) -> tuple[PlannerGraph, list[StagePlan], int]:
        """An option's network, its stages there, and where they begin."""
        view = option.view
        if view is None:
            return self.network, self._stages(option), option.begin
        begin, end = view.positions[option.begin], view.positions[option.end]
        names = tuple(node.name for node in view.network.nodes[begin:end])
        stage = StagePlan(names, option.tile, option.edges(self.network))
        return view.network, [stage], begin

    def _layers_peak(self) -> int:
        """Bytes that one node a stage needs."""
        return max(self.inside.single(i).bytes for i in range(len(self.network.nodes)))

    def _tight(self, limit: float) -> range:
        """Ends of stages worth recomputing: elsewhere caching alone keeps within `limit`."""
        count = len(self.network.nodes)
        ahead, behind = [0], [count]
        for end in range(1, count + 1):
            if any(o.bytes <= limit and o.begin in ahead for o in self.table[end]):
                ahead.append(end)
        for end in range(count, 0, -1):
            if end in behind:
                behind += [o.begin for o in self.table[end] if o.bytes <= limit]
        return range(ahead[-1] + 1, min(count, min(behind) + BEYOND) + 1)

    def _fill(
        self,
        space: Space,
        *,
        ends: range | None = None,
        tiles: Sequence[tuple[int, int]] = (),
        first_only: bool = False,
    ) -> None:
        """Add the stages of a space to the table; the effort is shared evenly among walks."""
        count = len(self.network.nodes)
        chosen = range(1, count + 1) if ends is None else ends
        menus = {end: self._tiles(end, first_only=first_only) for end in chosen}
        walks = sum(len(menu) for menu in menus.values())
        left = self.options.effort * (1 if space.recompute else 2)
        if count > MANY_NODES:
            space = replace(space, longest=16)
        for end in chosen:
            self.options.progress("planning: stages", end, count)
            found = self.table.setdefault(end, [])
            node = self.network.nodes[end - 1]
            broadcast = any(o.rows is None for o in node.operands)
            msf = self.options.schedule == "msf"
            if not node.streams or broadcast or first_only or msf:
                found.append(self.inside.single(end - 1))
                if not node.streams:
                    continue
            for tile in menus[end]:
                share = 6 * left // max(1, walks)
                walks -= 1
                if tiles and tile not in tiles:
                    continue
                options, spent, cut_short = self.inside.stages(end, tile, space, share)
                left -= spent
                self.complete &= not cut_short
                found += [o for o in options if o.begin == 0 or not first_only]
            if not any(option.begin == end - 1 for option in found):
                found.append(self.inside.single(end - 1))  # no tile of the menu fits its strides

    def _tiles(self, end: int, *, first_only: bool) -> list[tuple[int, int]]:
        """Tile sizes to try for a stage's last tensor."""
        node = self.network.nodes[end - 1]
        sink = not node.macs and node.scratch_bytes and node.streams
        facts = self.network.tensors[node.operands[0].tensor if sink else node.output]
        half = -(-facts.width // 2)
        widths = {0, 1, 2, 3, 4, 6, 8, half}
        heights = {1, 2, 3, 4}
        if first_only:
            widths, heights = {0, 4, 8, 16}, {1, 2, 4, 8, 16}
        elif self.options.schedule == "msf":
            heights = {1}
        elif len(self.network.nodes) > MANY_NODES:
            widths, heights = {0, 4}, {1}
        least = self.options.least_width
        return [
            (height, width)
            for height in sorted(heights)
            for width in sorted(widths)
            if (height <= facts.height) and (width == 0 or least <= width < facts.width)
        ]

    # Cuts -------------------------------------------------------------------------------------

    def _join(self) -> list[Cut]:
        """The plans of the stages known: the Pareto set of bytes and cost."""
        known = {
            end: [self._known(o) for o in found if self._key(o) not in self.refused]
            for end, found in self.table.items()
        }
        return join(known, len(self.network.nodes))

    def _known(self, option: Option) -> Option:
        """With exact bytes, where they are known."""
        size = self._known_bytes(option)
        return option if size == option.bytes else replace(option, bytes=size)

    @staticmethod
    def _key(option: Option) -> Key:
        how = id(option.parts or option.trail)
        return option.begin, option.end, option.tile, option.strips, how, option.cost

    def _refine(self, peak: int, slack: float = 0.0) -> None:
        """Replace estimates around the peak by exact figures: those may lie below it."""
        near = [
            option
            for options in self.table.values()
            for option in options
            if peak * 0.97 < option.bytes <= peak * MARGIN
            and option.cost <= slack
            and not option.parts
            and self._key(option) not in self.exact
        ]
        near.sort(key=lambda option: option.bytes)
        for done, option in enumerate(near[:REFINED]):
            self.options.progress("planning: refine", done, min(len(near), REFINED))
            self.exact[self._key(option)] = self._exact_bytes(option)

    # Plans ------------------------------------------------------------------------------------

    def _stages(self, option: Option) -> list[StagePlan]:
        parts = option.parts or (option,)
        stages = []
        for part in parts:
            names = tuple(node.name for node in self.network.nodes[part.begin : part.end])
            splits = () if part.view is None else part.view.splits_of(names)
            feeds = part is not parts[-1]
            edges = part.edges(self.network)
            stages.append(StagePlan(names, part.tile, edges, feeds, splits, part.strips))
        return stages

    def _program(self, cut: Cut) -> Program | None:
        """The plan expanded; None where `expand` refuses one of its stages, which is remembered."""
        stages = tuple(stage for option in cut.stages for stage in self._stages(option))
        plan = Plan(self.options.schedule, self.options.image, stages)
        try:
            return expand(self.graph, plan)
        except ModelError:
            for option in cut.stages:
                self._exact_bytes(option)
            return None


def _least(cuts: Sequence[Cut], slack: float) -> Cut | None:
    """The first, which is the plan of least memory, that costs at most so much."""
    return next((cut for cut in cuts if cut.cost <= slack), None)
