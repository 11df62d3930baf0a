"""The planner: the Pareto front of (arena bytes, cost) over all plans of the plan space.

Stages come from backward walks (`find`); a shortest path over the cuts joins them to plans
(`join`). Levels of cost are searched one after the other. The points of the front are expanded, so
their bytes, MACs and offsets are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from mcucc.base.progress import Progress, silent
from mcucc.errors import ModelError
from mcucc.ir.integer import IntegerGraph, IntegerNode
from mcucc.schedule.arena.limits import ArenaLimits
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.expand.known import KnownChains
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.order import least_peak_order, with_early_lists, with_late_queries
from mcucc.schedule.plan.plan import ImagePolicy, Plan, StagePlan
from mcucc.schedule.plan.program import Program
from mcucc.schedule.search.costs import ALIKE, MACS, CostModel, program_cost
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.find import Finder
from mcucc.schedule.search.join import Draft, front, least, pareto, spread
from mcucc.schedule.search.limits import Effort, SearchLimits
from mcucc.schedule.search.named import AUTO, NamedSchedule
from mcucc.schedule.search.table import StageTable
from mcucc.schedule.search.tiles import ROOMY, ROUGH
from mcucc.schedule.search.twice import Twice
from mcucc.schedule.twice.gated import as_planned

# Costs over the least possible at which the least memory is looked for, one after the other.
LEVELS = (1.0, 1.02, 1.05, 1.1, 1.15, 1.25, 1.5, 2.0, 3.0)
BY_ITSELF = ArenaLimits(alone=20, whole=0)  # of the arenas of single stages
BUDGETS = 64  # for which plans of a level are looked for
GAP = 1.12  # a stage may need up to so many times its bytes for gaps between buffers
MANY = 300  # nodes of a network that is searched quickly, whatever effort is asked for


@dataclass(frozen=True)
class SearchOptions:
    """What to search for; `row_outputs` leave by rows.

    `max_factor` bounds the cost (executed MACs, or the target's) over the least possible. Without
    `recompute` nothing is computed twice. Where no plan is found within a `budget` of arena bytes,
    costlier ones are looked for.
    """

    schedule: NamedSchedule = AUTO
    image: ImagePolicy = ImagePolicy.ROWS
    row_outputs: tuple[str, ...] = ()
    cost: CostModel = MACS
    max_factor: float = 1.25
    recompute: bool = True
    budget: float = float("inf")
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

    @property
    def tight(self) -> bool:
        """Whether no offsets need less."""
        return self.bytes == self.program.lower_bound


@dataclass(frozen=True)
class Front:
    """Plans from least memory to least cost.

    `lower_bound` is the least that any placement of these plans' buffers could need; it says
    nothing of plans that were not found. `refused` counts stages that were proposed and that
    `expand` does not make: the rules of both have come apart where there are any.
    """

    points: tuple[Point, ...]
    lower_bound: int
    refused: int = 0


def search(graph: IntegerGraph, options: SearchOptions = SearchOptions()) -> Front:
    """The front of a network; every point is exact, none is checked yet (see `check`)."""
    made = _Made(graph, options)
    if not options.schedule.searched:
        made.layers()
        return made.front(refused=0)
    facts = _facts(graph, options)
    # Quick ones last: what others find makes most of their plans not worth laying out.
    efforts = sorted(options.limits.efforts, key=lambda effort: effort.rounds == 1)
    if len(graph.nodes) > MANY:
        efforts = efforts[-1:]
    searches = [_Search(facts, options, effort, made) for effort in efforts]
    free = options.schedule.corner is None and options.recompute
    twice = Twice(facts.network.graph, options.limits.twice if free else 0)
    factors = _factors(options)
    for number, factor in enumerate(factors):
        options.progress(f"planning: up to {factor:g} times the cost", number, len(factors))
        for each in searches:
            each.level(factor)
        while made.points and (clones := twice.next(made.smallest().program)) is not None:
            known = made.smallest().bytes
            network = PlannerGraph(clones, options.image, options.row_outputs)
            searches.append(_Search(SearchFacts(network, options.cost), options, efforts[0], made))
            searches[-1].level(factor)
            if made.smallest().bytes == known:
                break
        reached = options.cost.limit(factor) >= options.max_factor
        if reached and made.points and made.smallest().bytes <= options.budget:
            break
    if not made.points:
        made.layers()
    return made.front(refused=sum(len(each.table.refused) for each in searches))


def _factors(options: SearchOptions) -> list[float]:
    """The levels, and one more where further is asked for."""
    most = options.max_factor
    return [*LEVELS, most] if options.cost.limit(LEVELS[-1]) < most else [*LEVELS]


def _facts(graph: IntegerGraph, options: SearchOptions) -> SearchFacts:
    """The network in an order of little memory; lists of heads early where that needs less."""

    def of(order: Sequence[IntegerNode]) -> SearchFacts:
        ordered = replace(graph, nodes=tuple(order))
        return SearchFacts(PlannerGraph(ordered, options.image, options.row_outputs), options.cost)

    order = with_late_queries(graph, least_peak_order(graph, options.limits.order).nodes)
    early = with_early_lists(graph, order)
    if early == order or options.schedule.corner is not None:
        return of(order)
    return min(of(order), of(early), key=lambda facts: _rough_bytes(facts, options))


def _rough_bytes(facts: SearchFacts, options: SearchOptions) -> int:
    """Bytes of the smallest plan of stages that only cache, of few tiles."""
    table = StageTable(facts.network, options.limits.efforts[0].margin)
    finder = Finder(facts, table, options.limits.efforts[0], None)
    finder.singles()
    finder.cached(finder.peak(), ROUGH)
    draft = least(table.edges(table.estimate, float("inf")), table.count, float("inf"))
    assert draft is not None  # single nodes make a plan
    return draft.bytes


class _Made:
    """The plans that were expanded, and the chains that were built for them and for searches."""

    def __init__(self, graph: IntegerGraph, options: SearchOptions) -> None:
        self.graph, self.options = graph, options
        self.points: list[Point] = []
        self.chains = KnownChains()
        self._known: dict[tuple[StagePlan, ...], tuple[Point | None, bool]] = {}

    def layers(self) -> None:
        """One node a stage."""
        options = self.options
        self.of(layers_plan(self.graph, options.image, options.row_outputs).stages)

    def of(self, stages: Sequence[StagePlan], *, roughly: bool = False) -> Point | None:
        """The program of these stages; None where `expand` refuses one of them.

        What was laid out roughly before is laid out again where that is not what is asked for.
        """
        key, limits = tuple(stages), self.options.limits
        known, rough = self._known.get(key, (None, True))
        if key in self._known and (roughly or not rough or known is None or known.tight):
            return known
        options = self.options
        plan = Plan(options.schedule.name, options.image, key, options.row_outputs)
        try:
            arena = limits.roughly if roughly else limits.arena
            program = expand(self.graph, plan, arena, self.chains)
        except ModelError:
            self._known[key] = None, False
            return None
        point = Point(program, program_cost(program, self.options.cost))
        if known is None or point.bytes < known.bytes:
            self.points.append(point)
        else:
            point = known
        self._known[key] = point, roughly
        return point

    def smallest(self) -> Point:
        """The one of least bytes."""
        return min(self.points, key=lambda point: (point.bytes, point.cost))

    def front(self, *, refused: int) -> Front:
        """Those that no other beats."""
        points = pareto(self.points)
        bound = min(point.program.lower_bound for point in points)
        return Front(tuple(points), bound, refused)


class _Search:
    """The search of one network with one effort, level by level of cost.

    What is found at a level depends on no later one: a search that goes further is the same one,
    continued. Some nodes of the network may be clones: the cost that factors are of counts none.
    """

    def __init__(
        self, facts: SearchFacts, options: SearchOptions, effort: Effort, made: _Made
    ) -> None:
        self.options, self.effort, self.made = options, effort, made
        self.graph = facts.network.graph
        self.table = StageTable(facts.network, effort.margin, made.chains)
        self.finder = Finder(facts, self.table, effort, options.schedule.corner)
        costs = [(node.node.again, facts.least_cost(node)) for node in facts.network.nodes]
        self.least_cost = sum(cost for _, cost in costs)
        self.once = sum(cost for again, cost in costs if not again)
        self.reached = -1.0  # the slack searched so far
        self.most = float("inf")  # bytes of the smallest plan within that
        self.own: list[Point] = []  # plans that it has found

    def level(self, factor: float) -> None:
        """All levels up to this one that were not searched before."""
        for each in (*(level for level in LEVELS if level < factor), factor):
            slack = self.options.cost.limit(each) * self.once - self.least_cost + ALIKE
            if slack > max(self.reached, 0.0):
                if self.reached < 0:
                    self._cached()
                self._level(self.reached, slack)
                self.reached = slack

    def _cached(self) -> None:
        """Stages that only cache: quick, and their plans cap everything else."""
        finder, peak = self.finder, self.finder.peak()
        finder.singles()
        corner = self.options.schedule.corner
        if corner is not None:
            if corner.cache:
                finder.cached(peak if corner.below_layers else float("inf"))
            return
        finder.cached(peak, ROUGH)
        rough = self._least(float("inf"), exact=False)
        if not self.options.cost.counts:
            finder.cached(peak, ROOMY)
        finder.cached(rough.bytes * self.effort.margin)

    def _level(self, before: float, slack: float) -> None:
        """The least memory within a slack, and some plans between it and the slack before."""
        for _ in range(self.effort.rounds):
            best = self._least(slack)
            if not self.finder.within(best.bytes - 1, slack, self.options.recompute):
                break
        best = self._least(slack, gaps=self.effort.laid_out)
        between = self._between(best.bytes, before, slack)
        if self.effort.laid_out:  # some of its stages may be known better now
            best = self._least(slack, gaps=self.effort.laid_out)
        self._expanded(best)
        for draft in between:
            self._expanded(draft, roughly=True)
        self.most = float(self.table.likely()[list(best.rows)].max())

    def _least(self, slack: float, *, exact: bool = True, gaps: int = 0) -> Draft:
        """The plan of least bytes; those of its stages that may bound it are measured.

        With `gaps`, of so many also the arenas.
        """
        table, left = self.table, _Left(self.effort.measured, gaps)
        bytes = table.bytes if gaps else table.live
        most, enough = float("inf"), 0
        while True:
            draft = least(table.edges(bytes, slack, most), table.count, slack, enough)
            assert draft is not None  # single nodes make a plan
            if not exact or not self._refined(draft, 1.0, left):
                return draft
            # The same plan is still there; what is measured seldom needs less than was thought.
            most, enough = float(bytes[list(draft.rows)].max()), draft.bytes

    def _between(self, enough: int, before: float, slack: float) -> list[Draft]:
        """Plans that cost more than the slack before."""
        table, left = self.table, _Left(self.effort.measured, self.effort.laid_out)
        while True:
            edges = table.edges(table.likely(), slack, self.most)
            drafts = front(edges, table.count, slack, enough, BUDGETS)
            drafts = spread([each for each in drafts if each.cost > before], self.effort.points)
            fresh = [self._refined(each, self.effort.margin, left) for each in drafts]
            if not any(fresh):
                return drafts

    def _refined(self, draft: Draft, near: float, left: _Left) -> bool:
        """Measure stages that may bound a plan, then lay them out; whether any was left to do.

        Estimates times `near` that are above the plan's bytes are measured.
        """
        table = self.table
        unknown = [row for row in draft.rows if not table.known[row]]
        for row in (rows := [i for i in unknown if table.estimate[i] * near > draft.bytes]):
            (table.measure if left.measured > 0 else table.settle)(row)
            left.measured -= 1
        if rows or left.laid_out <= 0:
            return bool(rows)
        likely = table.likely()
        rows = [row for row in draft.rows if row not in table.laid_out]
        for row in (rows := [i for i in rows if likely[i] * GAP > draft.bytes]):
            table.lay_out(row, BY_ITSELF)
            left.laid_out -= 1
        return bool(rows)

    def _expanded(self, draft: Draft, *, roughly: bool = False) -> None:
        """Expand the plan where no other one beats it."""
        rows, cost = list(draft.rows), self.least_cost + draft.cost
        if _beaten(self.made.points, self.table.live[rows].max(), cost):
            return
        if _beaten(self.own, draft.bytes, cost):
            return
        plans = (plan for row in rows for plan in self.table.plans(row))
        point = self.made.of([as_planned(self.graph, each) for each in plans], roughly=roughly)
        if point is not None:
            self.own.append(point)
        else:
            for row in rows:  # `expand` refuses one of them
                self.table.measure(row)


@dataclass
class _Left:
    """Stages that may still be measured and laid out."""

    measured: int
    laid_out: int


def _beaten(points: Iterable[Point], bytes: float, cost: float) -> bool:
    """Whether one of them needs no more bytes and costs no more."""
    return any(p.bytes <= bytes and p.cost <= cost + ALIKE for p in points)
