"""From what the user asks for to one program: which plan of which schedule."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mcucc.base.progress import Progress, silent
from mcucc.errors import FitError, McuccError, ModelError
from mcucc.ir.integer import IntegerGraph
from mcucc.kernels.select import select_all
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.program import Program
from mcucc.schedule.search.costs import (
    MACS,
    ROUNDING,
    CostModel,
    cost_model,
    program_cost,
)
from mcucc.schedule.search.front import SearchOptions, search
from mcucc.schedule.search.join import pareto
from mcucc.schedule.search.limits import ChoiceLimits
from mcucc.schedule.search.named import named
from mcucc.schedule.search.need import Need, Room
from mcucc.schedule.search.pick import Bounds, Objective, best, within
from mcucc.schedule.search.plan_file import planned
from mcucc.schedule.search.target import Target
from mcucc.schedule.search.wishes import ScheduleOptions, check_wishes


@dataclass(frozen=True, eq=False)
class Offer:
    """A plan of the front: exact arena, executed MACs over the network's, estimated instructions,
    and the SRAM it needs."""

    program: Program
    cost: float
    need: Need

    @property
    def bytes(self) -> int:
        """All the SRAM it needs."""
        return self.need.total

    @property
    def factor(self) -> float:
        """Executed MACs over the network's."""
        return self.program.factor


@dataclass(frozen=True, eq=False)
class Schedule:
    """The program chosen, the front it was chosen from, and layer by layer to compare it with.

    `front` has the least SRAM first; it is empty where no search ran. Costs are those of `cost`,
    the model of the target; `room` is the memory there is. `balanced`: see `ChoiceLimits`.
    """

    program: Program
    layers: Program
    front: tuple[Offer, ...]
    cost: CostModel
    room: Room
    balanced: float = ChoiceLimits.balanced

    def estimate(self, program: Program) -> float:
        """The estimated instructions of a program of this network."""
        return program_cost(program, self.cost)

    def slowdown(self, program: Program) -> float:
        """Its estimated instructions over those of the fastest plan known."""
        known = [self.estimate(self.layers), *(offer.cost for offer in self.front)]
        return self.estimate(program) / min(known)

    def need(self, program: Program) -> Need:
        """The SRAM that a program of this network needs."""
        found = (offer.need for offer in self.front if offer.program is program)
        return next(found, None) or self.room.need(program)

    @property
    def beside(self) -> int:
        """Bytes estimated beside the arena of the program chosen."""
        return self.need(self.program).beside

    def best(self, objective: Objective) -> Offer | None:
        """What an objective takes of the front; None where nothing fits.

        Of plans that keep up with the camera where any does, else the fastest."""
        fitting = [offer for offer in self.front if self.room.missing(offer.need) <= 0]
        kept = [offer for offer in fitting if self.room.keeps_up(offer.program, offer.cost)]
        if fitting and not kept:
            return best(fitting, Objective.SPEED, self.balanced)
        return best(kept, objective, self.cost.limit(self.balanced))


class NoPlanFits(FitError):
    """No plan found leaves the memory allowed: the smallest, and the bytes it misses."""

    def __init__(self, what: str, *, hint: str, smallest: Schedule, missing: int) -> None:
        super().__init__(what, hint=hint)
        self.smallest, self.missing = smallest, missing


def schedule(
    integer: IntegerGraph,
    target: Target,
    options: ScheduleOptions,
    progress: Progress = silent,
) -> Schedule:
    """The program for a target, with the fastest kernels that its core has.

    Raises FitError when no plan found keeps within the memory or the slowdown asked for; it names
    the least reachable and what bounds it. McuccError for wishes that contradict each other,
    ModelError for a network without layers.
    """
    check_wishes(options)
    if not integer.nodes:
        raise ModelError(
            f"{integer.name} computes nothing: its outputs are its inputs",
            hint="a model with a layer between them",
        )
    graph = select_all(integer, target.isa, options.optimize)
    cost = cost_model(target.core)
    room = room_for(target, options)
    if options.plan is not None:
        program = planned(graph, options.plan)
        layers = expand(graph, layers_plan(graph, program.plan.image, program.plan.row_outputs))
        return Schedule(program, layers, (), cost, room)
    leaving = options.output.chosen(graph)
    layers = expand(graph, layers_plan(graph, options.image, leaving))
    made = Schedule(layers, layers, (), cost, room, options.limits.choice.balanced)
    if not named(options.schedule).searched:
        return made
    made = replace(made, front=_front(layers, room, options, progress))
    chosen = _chosen(made, options)
    if chosen is None:
        raise _does_not_fit(replace(made, program=made.front[0].program), options)
    return chosen


def choose_again(made: Schedule, target: Target, options: ScheduleOptions) -> Schedule | None:
    """Another plan of the same front, as more or less is beside the arena, or a run takes longer,
    than was estimated.

    None where the choice stays, or none fits. Nothing is searched.
    """
    if not made.front or options.point is not None:
        return None
    chosen = _chosen(judged_for(made, target, options), options)
    return None if chosen is None or chosen.program is made.program else chosen


def judged_for(made: Schedule, target: Target, options: ScheduleOptions) -> Schedule:
    """The same plans by the memory and the costs of a target with the same kernels."""
    room = room_for(target, options)
    offers = [_offer(offer.program, room) for offer in made.front]
    return replace(made, front=tuple(pareto(offers)), cost=room.cost, room=room)


def room_for(target: Target, options: ScheduleOptions) -> Room:
    """The memory that a plan may take on a target."""
    return Room(
        total=sys.maxsize if options.sram is None else options.sram,
        memory=sys.maxsize if options.unlimited else target.memory_bytes,
        shared=target.holds_stack,
        cost=cost_model(target.core),
        period=options.line_period,
        more=options.more,
        slower=options.slower,
        optimize=options.optimize,
    )


def _front(
    layers: Program, room: Room, options: ScheduleOptions, progress: Progress
) -> tuple[Offer, ...]:
    """Plans within the bounds asked for: SRAM against estimated time."""
    cost = room.cost
    budget = sys.maxsize
    if options.max_slowdown is None:
        budget = room.arena(room.need(layers).beside)
    searched = _measures(options, cost)
    offers = _offers(layers, budget, room, options, searched, progress)
    least = min(offers, key=lambda offer: room.missing(offer.need))
    missing = room.missing(least.need)
    if missing > 0 and options.max_slowdown is None:
        # Only tiles that take long are so small, or its kernels take more stack than layers do:
        # then a search that ended where the budget was kept goes further.
        ended = any(offer.need.arena <= budget for offer in offers)
        wanted = _measures(replace(options, objective=Objective.SRAM.value), cost)
        wanted = [measure for measure in wanted if ended or measure not in searched]
        offers += _offers(layers, least.need.arena - missing, room, options, wanted, progress)
    return tuple(pareto(_bounded(offers, program_cost(layers, cost), cost, options)))


def _offers(
    layers: Program,
    budget: int,
    room: Room,
    options: ScheduleOptions,
    measures: Sequence[tuple[CostModel, float]],
    progress: Progress,
) -> list[Offer]:
    """The plans of the searches; they look further where none keeps to a budget of arena bytes."""
    wanted = named(options.schedule)
    found = [layers] if wanted.free else []
    for measure, most in measures:
        front = search(
            layers.graph,
            SearchOptions(
                schedule=wanted,
                image=options.image,
                row_outputs=layers.plan.row_outputs,
                max_factor=most,
                budget=budget,
                cost=measure,
                recompute=options.max_macs is None or options.max_macs > 1.0,
                limits=options.limits,
                progress=progress,
            ),
        )
        found += [point.program for point in front.points]
    return [_offer(made, room) for made in found]


def _offer(program: Program, room: Room) -> Offer:
    return Offer(program, program_cost(program, room.cost), room.need(program))


def _measures(options: ScheduleOptions, cost: CostModel) -> list[tuple[CostModel, float]]:
    """What to search by, and how far: time, which every objective looks at, and where the least
    memory is wanted whatever time it takes, MACs, which leave tiles as narrow as they like."""
    limits = options.limits.choice
    slowest = limits.time if options.max_slowdown is None else cost.limit(options.max_slowdown)
    timed = (cost, slowest)
    if options.aim is not Objective.SRAM:
        return [timed]
    if options.max_slowdown is not None and options.max_macs is None:
        return [timed]
    return [timed, (MACS, options.max_macs or limits.macs)]


def _bounded(
    offers: Sequence[Offer], layers_cost: float, cost: CostModel, options: ScheduleOptions
) -> list[Offer]:
    """Those within the slowdown and the MACs allowed; FitError where there are none."""
    fastest = min(layers_cost, *(offer.cost for offer in offers))
    fewest = min(offer.factor for offer in offers)
    slowest = options.max_slowdown or float("inf")
    macs = options.max_macs or float("inf")
    kept = within(offers, Bounds(macs=macs, cost=cost.limit(slowest) * fastest))
    if not kept:
        raise _breaks_bounds(options, macs + ROUNDING < fewest, fewest)
    return kept


def _chosen(made: Schedule, options: ScheduleOptions) -> Schedule | None:
    """With the plan asked for, its arena laid out with care; None where none fits the memory.

    With care the smallest plan may fit where it seemed not to.
    """
    offer = _choose(made, options)
    if offer is not None:
        careful = _with_care(made, offer, options)
        number = made.front.index(offer)
        return replace(careful, program=careful.front[number].program)
    careful = _with_care(made, made.front[0], options)
    return None if careful is made else _chosen(careful, options)


def _with_care(made: Schedule, offer: Offer, options: ScheduleOptions) -> Schedule:
    """The same front, in which the arena of a plan is laid out with care: smaller, or proved."""
    before = offer.program
    if before.arena_bytes == before.lower_bound:
        return made
    program = expand(made.layers.graph, before.plan, options.limits.careful)
    gain = before.arena_bytes - program.arena_bytes, program.lower_bound - before.lower_bound
    if gain <= (0, 0):
        return made
    laid_out = replace(offer, program=program, need=made.room.need(program))
    return replace(made, front=tuple(laid_out if o is offer else o for o in made.front))


def _choose(made: Schedule, options: ScheduleOptions) -> Offer | None:
    """The plan asked for; None where none fits the memory."""
    if options.point is None:
        return made.best(options.aim)
    if not 1 <= options.point <= len(made.front):
        count = len(made.front)
        raise McuccError(
            f"there is no point {options.point}", where="--point", hint=f"1 to {count}"
        )
    return made.front[options.point - 1]


def _bottleneck(program: Program) -> str:
    """The stage that needs the most bytes, in words."""
    number = program.peak_stage
    names = [node.name for node in program.stages[number].nodes]
    shown = names[0] if len(names) == 1 else f"{names[0]} .. {names[-1]}"
    return f"stage {number} ({shown})"


def _does_not_fit(smallest: Schedule, options: ScheduleOptions) -> NoPlanFits:
    """What the smallest plan found needs beyond what there is, and what bounds it."""
    program, need = smallest.program, smallest.need(smallest.program)
    missing = smallest.room.missing(need)
    peak = program.peak_stage
    live = ", ".join(
        f"{place.kind.value} of {place.tensor} {place.size:,}" for place in program.live(peak)
    )
    lines = f" and {need.lines:,} of line buffers" if need.lines else ""
    bounds = (("--max-slowdown", options.max_slowdown), ("--max-macs", options.max_macs))
    larger = "".join(f" or a larger {name}" for name, bound in bounds if bound is not None)
    return NoPlanFits(
        f"the smallest plan found needs {need.total:,} bytes of SRAM: an arena of "
        f"{need.arena:,} and about {need.stack:,} of stack{lines}; {need.total - missing:,} are "
        f"allowed, {missing:,} too few\n"
        f"  {program.stage_bytes[peak]:,} bytes of them are in use in {_bottleneck(program)}: "
        f"{live}\n"
        f"  no placement of this plan's buffers needs less than {program.lower_bound:,}",
        hint=f"a smaller input, fewer channels there{larger}"
        + ("" if options.image.streams else ", or --image rows"),
        smallest=smallest,
        missing=missing,
    )


def _breaks_bounds(options: ScheduleOptions, fewest_macs: bool, fewest: float) -> FitError:
    """No plan keeps to `max_macs` (where `fewest_macs`), or to the slowdown beside it."""
    slowest, macs = options.max_slowdown or float("inf"), options.max_macs or float("inf")
    if fewest_macs:
        return FitError(
            f"no plan keeps to {macs:.2f} times the MACs; the least is {fewest:.2f}",
            hint="raise --max-macs",
        )
    return FitError(
        f"no plan keeps to {slowest:.2f} times the estimated time of the fastest plan"
        + ("" if options.max_macs is None else f" and {macs:.2f} times the MACs"),
        hint="raise --max-slowdown" + ("" if options.max_macs is None else " or --max-macs"),
    )
