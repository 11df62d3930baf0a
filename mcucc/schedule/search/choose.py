"""From what the user asks for to one program: which plan of which schedule."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mcucc.base.progress import Progress, silent
from mcucc.errors import FitError, McuccError
from mcucc.ir.integer import IntegerGraph
from mcucc.kernels.select import select_all
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.program import Program
from mcucc.schedule.plan.row_outputs import WHOLE, RowOutputs
from mcucc.schedule.search.costs import (
    MACS,
    ROUNDING,
    CostModel,
    cost_model,
    program_cost,
)
from mcucc.schedule.search.front import SearchOptions, search
from mcucc.schedule.search.join import pareto
from mcucc.schedule.search.limits import ChoiceLimits, SearchLimits
from mcucc.schedule.search.named import named
from mcucc.schedule.search.need import Need, Room
from mcucc.schedule.search.pick import Bounds, Objective, best, within
from mcucc.schedule.search.plan_file import planned
from mcucc.schedule.search.target import Target

OBJECTIVES = tuple(objective.value for objective in Objective)
IMAGES = tuple(policy.value for policy in ImagePolicy)
ASKED = "--objective"
DECIDES = "a plan file decides everything: leave the other wish out"


@dataclass(frozen=True)
class ScheduleOptions:
    """What the user asks of the schedule; `output` says which outputs leave by rows.

    `sram` bytes (arena, stack, static data and line buffers together; default: the board's) bound
    every plan, and so do `max_slowdown` times the estimated time of the fastest plan (see
    `costs.TOLERANCE`) and `max_macs` times the network's MACs. Of what keeps to them the
    `objective` (see `Objective`) takes one; where none is given, see `aim`. `point` picks a plan of
    the front by its number, from 1.
    `plan` is a plan file, which decides everything.
    `line_period` is the time between two lines of the camera in instructions: the line buffers that
    a plan would need, as estimated, are part of its memory. `more` are bytes that compile measured
    beside the arena beyond the estimate.
    `unlimited` leaves the board's memory out of account. `limits` say how far a search goes.
    """

    schedule: str = "auto"
    image: ImagePolicy = ImagePolicy.RESIDENT
    output: RowOutputs = WHOLE
    sram: int | None = None
    objective: str | None = None
    max_slowdown: float | None = None
    max_macs: float | None = None
    point: int | None = None
    plan: Path | None = None
    optimize: str = "balanced"  # how much flash fast kernels may take
    line_period: float | None = None
    more: int = 0
    unlimited: bool = False
    limits: SearchLimits = field(default_factory=SearchLimits)

    @property
    def aim(self) -> Objective:
        """The objective given, or the one that the other wishes mean: who bounds time or MACs
        wants little memory, who says how much memory there is wants it used."""
        if self.objective is not None:
            return Objective(self.objective)
        if self.max_slowdown is not None or self.max_macs is not None:
            return Objective.SRAM
        return Objective.BALANCED if self.sram is None else Objective.SPEED


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
        """What an objective takes of the front; None where nothing fits."""
        fitting = [offer for offer in self.front if self.room.missing(offer.need) <= 0]
        return best(fitting, objective, self.cost.limit(self.balanced))


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
    the least reachable and what bounds it. McuccError for wishes that contradict each other.
    """
    check_wishes(options)
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
    """Another plan of the same front, as more or less is beside the arena than was estimated.

    None where the choice stays, or none fits. Nothing is searched.
    """
    if not made.front or options.point is not None:
        return None
    room = room_for(target, options)
    front = tuple(replace(offer, need=room.need(offer.program)) for offer in made.front)
    again = replace(made, front=front, room=room)
    chosen = _chosen(again, options)
    return None if chosen is None or chosen.program is made.program else chosen


def room_for(target: Target, options: ScheduleOptions) -> Room:
    """The memory that a plan may take on a target."""
    return Room(
        total=sys.maxsize if options.sram is None else options.sram,
        memory=sys.maxsize if options.unlimited else target.memory_bytes,
        shared=target.holds_stack,
        cost=cost_model(target.core),
        period=options.line_period,
        more=options.more,
        optimize=options.optimize,
    )


def check_wishes(options: ScheduleOptions) -> None:
    """McuccError for an unknown objective, and for wishes of which one makes another void."""
    if options.objective is not None and options.objective not in OBJECTIVES:
        hint = "one of " + ", ".join(OBJECTIVES)
        raise McuccError(f"unknown objective {options.objective!r}", where=ASKED, hint=hint)
    choices = {
        ASKED: options.objective,
        "--max-slowdown": options.max_slowdown,
        "--max-macs": options.max_macs,
        "--point": options.point,
    }
    given = [name for name, value in choices.items() if value is not None]
    if not given:
        return
    if options.plan is not None:
        raise McuccError(f"{given[0]} has nothing to choose", where="--plan", hint=DECIDES)
    if not named(options.schedule).searched:
        why = f"schedule {options.schedule} is one plan"
        raise McuccError(f"{given[0]} has nothing to choose: {why}", where="--schedule")
    if options.point is not None and options.objective is not None:
        hint = f"leave out one of {ASKED} and --point"
        raise McuccError("both say which plan is taken", where="--point", hint=hint)
    if options.objective == Objective.BALANCED.value and options.max_slowdown is not None:
        limit = options.limits.choice.balanced
        raise McuccError(
            f"balanced means at most {limit:g} times the time of the fastest plan that fits",
            where="--max-slowdown",
            hint=f"leave out one of {ASKED} and --max-slowdown",
        )


def _front(
    layers: Program, room: Room, options: ScheduleOptions, progress: Progress
) -> tuple[Offer, ...]:
    """Plans within the bounds asked for: SRAM against estimated time."""
    cost = room.cost
    budget = sys.maxsize
    if options.max_slowdown is None:
        budget = room.arena(room.need(layers).beside)
    offers = _offers(layers, budget, room, options, progress)
    least = min(offers, key=lambda offer: room.missing(offer.need))
    missing = room.missing(least.need)
    if missing > 0 and options.max_slowdown is None:
        # Its kernels take more stack than layers do, or only tiles that take long are so small.
        wanted = replace(options, objective=Objective.SRAM.value)
        offers += _offers(layers, least.need.arena - missing, room, wanted, progress)
    return tuple(pareto(_bounded(offers, program_cost(layers, cost), cost, options)))


def _offers(
    layers: Program, budget: int, room: Room, options: ScheduleOptions, progress: Progress
) -> list[Offer]:
    """The plans of the searches; they look further where none keeps to a budget of arena bytes."""
    wanted, cost = named(options.schedule), room.cost
    found = [layers] if wanted.free else []
    for measure, most in _measures(options, cost):
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
    return [Offer(made, program_cost(made, cost), room.need(made)) for made in found]


def _measures(options: ScheduleOptions, cost: CostModel) -> Sequence[tuple[CostModel, float]]:
    """What to search by, and how far: time, which every objective looks at, and where the least
    memory is wanted whatever time it takes, MACs, which leave tiles as narrow as they like."""
    limits = options.limits.choice
    slowest = limits.time if options.max_slowdown is None else cost.limit(options.max_slowdown)
    timed = (cost, slowest)
    if options.aim is not Objective.SRAM:
        return (timed,)
    if options.max_slowdown is not None and options.max_macs is None:
        return (timed,)
    return (timed, (MACS, options.max_macs or limits.macs))


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
    """The same front, in which the arena of a plan is laid out with care."""
    before = offer.program
    if before.arena_bytes == before.lower_bound:
        return made
    program = expand(made.layers.graph, before.plan, options.limits.careful)
    if program.arena_bytes >= before.arena_bytes:
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
