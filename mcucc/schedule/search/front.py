"""The planner: the Pareto front of (arena bytes, cost) over all plans of the plan space.

Stages come from backward walks (`stage`); a shortest path over the cuts joins them to plans
(`join`). The points of the front are expanded, so their bytes, MACs and offsets are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from mcucc.base.progress import Progress, silent
from mcucc.errors import ModelError
from mcucc.ir.integer import IntegerGraph
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.order import least_peak_order, with_early_lists, with_late_queries
from mcucc.schedule.plan.plan import ImagePolicy, Plan
from mcucc.schedule.plan.program import Program
from mcucc.schedule.search.around import Around
from mcucc.schedule.search.candidate import Candidate, Draft, least_memory, pareto
from mcucc.schedule.search.costs import ALIKE, MACS, CostModel, program_cost
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.join import spread
from mcucc.schedule.search.limits import SearchLimits, Tile
from mcucc.schedule.search.named import AUTO, Corner, NamedSchedule
from mcucc.schedule.search.space import Space
from mcucc.schedule.search.stage import stages_ending
from mcucc.schedule.search.table import StageTable
from mcucc.schedule.search.twice import twice_where_it_bounds
from mcucc.schedule.twice.gated import as_planned


@dataclass(frozen=True)
class SearchOptions:
    """What to search for; `row_outputs` leave by rows.

    `max_factor` bounds the cost (executed MACs, or the target's) over the least possible; plans of
    up to `beyond` times that are found beside. Without `recompute` nothing is computed twice. Where
    no plan is found within a `budget` of arena bytes, costlier ones are looked for. Tiles are at
    least `least_width` columns wide (narrow ones are slow and small).
    """

    schedule: NamedSchedule = AUTO
    image: ImagePolicy = ImagePolicy.ROWS
    row_outputs: tuple[str, ...] = ()
    cost: CostModel = MACS
    max_factor: float = 1.25
    beyond: float = 1.0
    recompute: bool = True
    budget: float = float("inf")
    least_width: int = 1
    limits: SearchLimits = field(default_factory=SearchLimits)
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
    short (stages are still thinned: see `WalkLimits`). `refused` counts stages that were proposed
    and that `expand` does not make: the rules of both have come apart where there are any.
    """

    points: tuple[Point, ...]
    lower_bound: int
    complete: bool
    refused: int = 0


def search(graph: IntegerGraph, options: SearchOptions = SearchOptions()) -> Front:
    """The front of a network; every point is exact, none is checked yet (see `check`)."""
    if not options.schedule.searched:
        return _front([_layers(graph, options)], options, complete=True, refused=0)
    nodes = least_peak_order(graph, options.limits.order).nodes
    order = with_late_queries(graph, nodes)
    best = _Search(graph, options, replace(graph, nodes=tuple(order)))
    early = with_early_lists(graph, order)
    if early != order and options.schedule.corner is None:
        other = _Search(graph, options, replace(graph, nodes=tuple(early)))
        best = min(best, other, key=_Search.rough_bytes)
    front = best.front()
    if options.schedule.corner is not None or not options.recompute:
        return front
    return _with_twice(graph, best.network.graph, front, options)


def _with_twice(
    graph: IntegerGraph, ordered: IntegerGraph, front: Front, options: SearchOptions
) -> Front:
    """The front with plans that compute gated tensors twice."""
    searches: list[_Search] = []

    def searched(clones: IntegerGraph) -> list[Program]:
        own = _Search(graph, options, clones)
        if not own.may_be_within(front.points[0].bytes):
            return []
        searches.append(own)
        return [point.program for point in own.front().points]

    known = [point.program for point in front.points]
    found = twice_where_it_bounds(ordered, known, searched, options.limits.twice)
    if not found:
        return front
    complete = front.complete and all(own.complete for own in searches)
    refused = front.refused + sum(len(own.table.refused) for own in searches)
    return _front([*known, *found], options, complete=complete, refused=refused)


def _layers(graph: IntegerGraph, options: SearchOptions) -> Program:
    """One node a stage."""
    plan = layers_plan(graph, options.image, options.row_outputs)
    return expand(graph, plan, options.limits.arena)


def _front(
    programs: Sequence[Program], options: SearchOptions, *, complete: bool, refused: int
) -> Front:
    """The programs that no other beats."""
    points = pareto(Point(p, program_cost(p, options.cost)) for p in programs)
    bound = min(point.program.lower_bound for point in points)
    return Front(tuple(points), bound, complete, refused)


class _Search:
    """One search: it fills a table of stages, then joins and expands them.

    `ordered` is what is searched: the nodes of `graph` in order, some of them cloned. Plans are
    those of `graph`, and so is the cost that factors are of: it counts no clone.
    """

    def __init__(self, graph: IntegerGraph, options: SearchOptions, ordered: IntegerGraph) -> None:
        self.graph, self.options, self.limits = graph, options, options.limits
        most = options.max_factor
        self.factors = sorted({*self.limits.front.factors, most, most * options.beyond})
        self.network = PlannerGraph(ordered, options.image, options.row_outputs)
        self.facts = SearchFacts(self.network, options.cost)
        costs = [(node.node.again, self.facts.least_cost(node)) for node in self.network.nodes]
        self.least = sum(cost for _, cost in costs)
        self.once = sum(cost for again, cost in costs if not again)
        self.table = StageTable(self.network, self.limits)
        self.complete = True
        # Plans that are expanded whatever is found later: their buffers may be easier to place.
        self.kept: list[Draft] = []

    def front(self) -> Front:
        """Search, weigh arenas, expand."""
        if self.options.schedule.corner is None:
            self._search_everything()
        else:
            self._search_corner(self.options.schedule.corner)
        programs: dict[Plan, Program] = {}
        known = -1
        while known < len(self.table.refused):  # a plan that was refused is made of other stages
            known = len(self.table.refused)
            drafts = (*self._shown(self._settled()), *self.kept)
            found = map(self._expanded, {draft.keys: draft for draft in drafts}.values())
            programs = {program.plan: program for program in found if program is not None}
        made = list(programs.values()) or [_layers(self.graph, self.options)]
        refused = len(self.table.refused)
        return _front(made, self.options, complete=self.complete, refused=refused)

    # What is searched -------------------------------------------------------------------------

    def _search_corner(self, corner: Corner) -> None:
        """A named schedule is one space."""
        cap = self._layers_peak() if corner.below_layers else float("inf")
        slack = self._slack(self.options.max_factor * self.options.beyond)
        space = Space.of(corner, cap, slack, self.limits.stages.walk)
        self._fill(space, corner=corner)

    def _search_everything(self) -> None:
        """Stages that only cache are searched first: quick, and their plans cap everything else.

        Each search is bounded by the bytes that the one before it reached, which drops most states
        of a walk at once.
        """
        limits, most = self.limits, self.options.max_factor
        by_time = not self.options.cost.counts
        walk = limits.stages.walk
        cap = self.rough_bytes()
        if by_time:
            roughly = Space(recompute=False, cap=self._layers_peak(), limits=walk)
            self._fill(roughly, only=limits.stages.roomy_tiles)
        self._fill(Space(recompute=False, cap=cap * limits.refine.margin, limits=walk))
        cap = self._least_bytes()
        self._refine(cap, 0.0)
        levels = limits.chains.of_time if by_time else limits.chains.of_macs
        below = (factor for factor in levels if factor * limits.chains.near < most)
        self._search_costlier(cap, most, sorted({most, *below}))
        if self.options.budget < self._least_bytes():
            beyond = [factor for factor in levels if factor > most]
            self._search_costlier(cap, levels[-1], beyond)

    def rough_bytes(self) -> int:
        """Bytes of the smallest plan of stages that only cache, with the tiles tried first."""
        walk = self.limits.stages.walk
        roughly = Space(recompute=False, cap=self._layers_peak(), limits=walk)
        self._fill(roughly, only=self.limits.stages.rough_tiles)
        return min((draft.bytes for draft in self.table.plans()), default=self._layers_peak())

    def _search_costlier(self, cap: int, most: float, levels: Sequence[float]) -> None:
        """Stages that recompute, up to a cost factor, then better ones around what bounds plans.

        Chains are looked for within the factors of `levels`. No stage may need more than `cap`.
        """
        limits = self.limits
        if most > 1.0 and self.options.recompute:
            self._recompute(cap, most)
        if len(self.network.nodes) > limits.stages.many_nodes:
            return
        around = Around(
            self.table,
            self.facts,
            limits,
            self.options.recompute,
            self.options.least_width,
            self._slack,
            lambda space, ends, tiles: self._fill(space, ends=ends, only=tiles),
        )
        around.splits(cap, most)
        self._keep_best(levels)
        around.chains(levels)
        if self.options.recompute:
            around.strips(most)
        self._keep_best(levels)

    def _recompute(self, cap: int, most: float) -> None:
        """Stages that compute rows or columns again, where caching needs most."""
        limits = self.limits.recompute
        slack = self._slack(most * self.options.beyond)
        walk = self.limits.stages.walk
        space = Space(cap=cap * limits.headroom, slack=slack, limits=walk)
        self._fill(space, ends=self.table.tight(cap * limits.reached))
        drafts = self.table.plans()
        for factor in self.factors:
            slack = self._slack(factor)
            least = least_memory(drafts, slack)
            if least is not None:
                self._refine(least.bytes, slack)

    def _slack(self, factor: float) -> float:
        """Cost above the least possible that a cost factor leaves."""
        return factor * self.once - self.least + ALIKE

    def may_be_within(self, known: int) -> bool:
        """Whether any plan could be within the factors searched: more where `known` bytes are over
        the budget."""
        limits = self.limits.chains
        levels = limits.of_macs if self.options.cost.counts else limits.of_time
        most = self.options.max_factor * self.options.beyond
        over = self.options.budget < known
        return self._slack(max(most, levels[-1]) if over else most) >= 0

    def _layers_peak(self) -> int:
        """Bytes that one node a stage needs."""
        return max(self.facts.single(i).bytes for i in range(len(self.network.nodes)))

    def _least_bytes(self) -> int:
        """Bytes of the smallest plan known."""
        return min(draft.bytes for draft in self.table.plans())

    def _refine(self, peak: int, slack: float) -> None:
        self.table.refine(peak, slack, self.options.progress)

    def _fill(
        self,
        space: Space,
        *,
        ends: range | None = None,
        only: Sequence[Tile] = (),
        corner: Corner | None = None,
    ) -> None:
        """Add the stages of a space, with all tiles of the menu or `only` some of them.

        The effort is shared evenly among the walks of the whole menu, so that what some of them
        may spend does not depend on how many are left out.
        """
        limits = self.limits.stages
        count = len(self.network.nodes)
        if count > limits.many_nodes:
            walk = replace(space.limits, longest=limits.longest_of_many)
            space = replace(space, limits=walk)
        chosen = range(1, count + 1) if ends is None else ends
        menus = {end: self._tiles(end, corner) for end in chosen}
        walks = sum(len(menu) for menu in menus.values())
        left = limits.effort * (1 if space.recompute else limits.cached_effort)
        for end in chosen:
            self.options.progress("planning: stages", end, count)
            node = self.network.nodes[end - 1]
            reads_whole = any(operand.rows is None for operand in node.operands)
            if corner is not None or not node.streams or reads_whole:
                self.table.add(self.facts.single(end - 1))
            if not node.streams:
                continue
            for tile in menus[end]:
                share = limits.share * left // max(1, walks)
                walks -= 1
                if only and tile not in only:
                    continue
                stages, spent, cut_short = stages_ending(self.facts, end, tile, space, share)
                left -= spent
                self.complete &= not cut_short
                for stage in stages:
                    if stage.begin == 0 or corner is None or not corner.first_stage_only:
                        self.table.add(stage)
            if not any(stage.begin == end - 1 for stage in self.table.ending(end)):
                self.table.add(self.facts.single(end - 1))  # no tile of the menu fits its strides

    def _tiles(self, end: int, corner: Corner | None) -> list[Tile]:
        """Tile sizes to try for a stage's last tensor."""
        limits = self.limits.stages
        many = len(self.network.nodes) > limits.many_nodes
        menu = limits.few_tiles if many else limits.tiles
        if corner is not None:
            menu = corner.tiles
        return self.facts.tiles(end, menu, self.options.least_width)

    # What is made of it -----------------------------------------------------------------------

    def _keep_best(self, levels: Sequence[float]) -> None:
        """The plans of least memory known by now within some cost factors are looked at."""
        drafts = self.table.plans()
        found = (least_memory(drafts, self._slack(factor)) for factor in levels)
        self.kept += [draft for draft in found if draft is not None]

    def _settled(self) -> list[Draft]:
        """Plans joined again with the arenas that their largest stages need by themselves.

        Bytes in use are what the search adds up; gaps between buffers come on top, and a stage
        that has large ones gives way to another.
        """
        limits = self.limits.front
        drafts = self.table.plans()
        for _ in range(limits.settlings):
            fresh = {
                stage.key: stage
                for draft in self._shown(drafts)
                for stage in draft.stages
                if self._may_bound(stage, draft)
            }
            if not fresh:
                break
            self.table.lay_out(fresh.values())
            drafts = self.table.plans()
        return drafts

    def _may_bound(self, stage: Candidate, draft: Draft) -> bool:
        """Whether gaps of a stage could make it larger than the plan it is in."""
        unknown = stage.key not in self.table.in_arena
        return unknown and stage.bytes * self.limits.front.gap > draft.bytes

    def _shown(self, drafts: list[Draft]) -> list[Draft]:
        """The points that are expanded: an even choice, and the least memory at usual factors."""
        shown = spread(drafts, self.limits.front.points)
        for factor in self.factors:
            least = least_memory(drafts, self._slack(factor))
            if least is not None and least not in shown:
                shown.append(least)
        return shown

    def _expanded(self, draft: Draft) -> Program | None:
        """The program; None where `expand` refuses one of its stages, which is remembered."""
        stages = tuple(plan for stage in draft.stages for plan in stage.plans(self.network))
        stages = tuple(as_planned(self.network.graph, stage) for stage in stages)
        plan = Plan(
            self.options.schedule.name, self.options.image, stages, self.options.row_outputs
        )
        try:
            return expand(self.graph, plan, self.limits.arena)
        except ModelError:
            for stage in draft.stages:
                self.table.measured(stage)
            return None
