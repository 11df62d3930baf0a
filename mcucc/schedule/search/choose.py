"""From what the user asks for to one program: which plan of which schedule."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mcucc.base.progress import Progress, silent
from mcucc.base.typed import text_of
from mcucc.errors import FitError, McuccError, ModelError
from mcucc.ir.integer import IntegerGraph
from mcucc.kernels.select import select_all
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.plan import LARGEST_FILE, ImagePolicy, Plan
from mcucc.schedule.plan.program import Program
from mcucc.schedule.plan.row_outputs import WHOLE, RowOutputs
from mcucc.schedule.search.candidate import pareto
from mcucc.schedule.search.costs import (
    MACS,
    ROUNDING,
    CostModel,
    cost_model,
    program_cost,
)
from mcucc.schedule.search.front import Point, SearchOptions, search
from mcucc.schedule.search.limits import ChoiceLimits, SearchLimits
from mcucc.schedule.search.named import named
from mcucc.schedule.search.pick import Bounds, least_cost, least_memory, within
from mcucc.schedule.search.rows import least_with_lines
from mcucc.schedule.search.target import Target

OBJECTIVES = ("speed", "sram")
IMAGES = tuple(policy.value for policy in ImagePolicy)
# Stack of the library, worst of the zoo's networks on every core (painted, -O2): 852 bytes on M4.
# Plans reserve it; compile measures the real one and plans again where it is larger.
STACK_ESTIMATE = 896
LEAST_STACK_SEEN = 576  # and the least of them, rounded down


@dataclass(frozen=True)
class ScheduleOptions:
    """What the user asks of the schedule; `output` says which outputs leave by rows.

    `sram` bytes (arena, stack and static data together; default: the board's) bound every plan.
    Objective `speed` takes the fastest plan that fits: layer by layer where that fits and nothing
    else is asked for. Objective `sram` takes the least memory within `max_slowdown` times the
    estimated time of the fastest plan (see `costs.TOLERANCE`) and within `max_macs` times the
    network's MACs; either of them alone means this objective. `point` picks a plan of the front by
    its number, from 1.
    `plan` is a plan file, which decides everything. `stack` is the bytes reserved for it.
    `line_period` is the time between two lines of the camera in instructions: the line buffers that
    a plan would need, as estimated, are part of the memory that is minimised.
    `always_search` makes a front even where layer by layer fits; `unlimited` leaves the board's
    memory out of account. `limits` say how far a search goes.
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
    stack: int = STACK_ESTIMATE
    line_period: float | None = None
    always_search: bool = False
    unlimited: bool = False
    limits: SearchLimits = field(default_factory=SearchLimits)

    @property
    def aims_at_sram(self) -> bool:
        """Whether the least memory is wanted."""
        bounded = self.max_slowdown is not None or self.max_macs is not None
        return (self.objective or ("sram" if bounded else "speed")) == "sram"


@dataclass(frozen=True, eq=False)
class Schedule:
    """The program chosen, the front it was chosen from, and layer by layer to compare it with.

    `front` is empty where no search ran; costs are those of `cost`, the model of the target.
    `slower` are plans that the search came upon beyond the slowdown allowed; `saving` looks among
    them for what `more_time` times the time of the program would buy.
    """

    program: Program
    layers: Program
    front: tuple[Point, ...]
    cost: CostModel
    slower: tuple[Point, ...] = ()
    more_time: float = ChoiceLimits.more_time

    def estimate(self, program: Program) -> float:
        """The estimated instructions of a program of this network."""
        return program_cost(program, self.cost)

    def slowdown(self, program: Program) -> float:
        """Its estimated instructions over those of the fastest plan known."""
        known = [self.estimate(self.layers), *(point.cost for point in self.front)]
        return self.estimate(program) / min(known)

    def saving(self) -> Point | None:
        """The least memory known at `more_time` times the estimated time; None where it is no less.

        Nothing is searched.
        """
        most = self.more_time * self.estimate(self.program)
        known = [p for p in (*self.front, *self.slower) if p.cost <= most]
        least = least_memory(known)
        return least if least is not None and least.bytes < self.program.arena_bytes else None


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
    the least reachable and what bounds it.
    """
    graph = select_all(integer, target.isa, options.optimize)
    cost = cost_model(target.core)
    if options.plan is not None:
        program = _planned(graph, options.plan)
        layers = expand(graph, layers_plan(graph, program.plan.image, program.plan.row_outputs))
        return Schedule(program, layers, (), cost)
    leaving = options.output.chosen(graph)
    layers = expand(graph, layers_plan(graph, options.image, leaving))
    made = Schedule(layers, layers, (), cost, more_time=options.limits.choice.more_time)
    named_schedule, budget = named(options.schedule), arena_budget(target, options)
    unasked = named_schedule.free and not options.aims_at_sram and options.point is None
    fits = unasked and layers.arena_bytes <= budget
    if not named_schedule.searched or (fits and not options.always_search):
        return made
    front, slower = _fronts(layers, budget, options, cost, progress)
    made = replace(made, front=front, slower=slower)
    if fits:
        return made
    chosen = _choose(front, budget, options, cost)
    if chosen is None:
        least = least_memory(front)
        assert least is not None  # a front has points
        raise _does_not_fit(replace(made, program=least.program), budget, options)
    return replace(made, program=chosen.program)


def choose_again(made: Schedule, target: Target, options: ScheduleOptions) -> Schedule | None:
    """Another plan of the same front, for another stack; None where the choice stays, or none fits.

    Nothing is searched.
    """
    if not made.front or options.point is not None:
        return None
    chosen = _choose(made.front, arena_budget(target, options), options, made.cost)
    if chosen is None or chosen.program is made.program:
        return None
    return replace(made, program=chosen.program)


def arena_budget(target: Target, options: ScheduleOptions) -> int:
    """Bytes that an arena may have: what its memory or `sram` leaves beside the stack.

    The library has no static data (.data, .bss): its state is the arena.
    """
    beside = options.stack if target.holds_stack else 0
    budget = sys.maxsize if options.unlimited else target.memory_bytes - beside
    return budget if options.sram is None else min(budget, options.sram - options.stack)


def _fronts(
    layers: Program,
    budget: int,
    options: ScheduleOptions,
    cost: CostModel,
    progress: Progress,
) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    """Plans within the bounds asked for, by memory against estimated time, and slower ones.

    Searched by the measure that is bounded, by both where both are: MACs or the target's cost. The
    least memory without a bound is looked for by MACs, which leave tiles as narrow as they like.
    """
    plain = Point(layers, program_cost(layers, cost))
    wanted, more_time = named(options.schedule), options.limits.choice.more_time
    found = [plain] if wanted.free else []
    for measure, most in _measures(options, cost):
        front = search(
            layers.graph,
            SearchOptions(
                schedule=wanted,
                image=options.image,
                row_outputs=layers.plan.row_outputs,
                max_factor=most,
                beyond=1.0 if measure.counts or options.max_slowdown is None else more_time,
                budget=budget if options.max_slowdown is None else sys.maxsize,
                cost=measure,
                recompute=options.max_macs is None or options.max_macs > 1.0,
                limits=options.limits,
                progress=progress,
            ),
        )
        programs = [point.program for point in front.points]
        found += [Point(p, program_cost(p, cost)) for p in programs]
    kept = _bounded(found, plain.cost, cost, options)
    few_macs = within(found, Bounds(macs=options.max_macs or float("inf")))
    slower = [p for p in few_macs if p not in kept]
    return tuple(pareto(kept)), tuple(pareto(slower))


def _measures(options: ScheduleOptions, cost: CostModel) -> Sequence[tuple[CostModel, float]]:
    """What to search by, and how far."""
    limits = options.limits.choice
    if not options.aims_at_sram:
        slowest = options.max_slowdown
        return ((cost, limits.time if slowest is None else cost.limit(slowest)),)
    measures: list[tuple[CostModel, float]] = []
    if options.max_macs is not None or options.max_slowdown is None:
        measures.append((MACS, options.max_macs or limits.macs))
    if options.max_slowdown is not None:
        measures.append((cost, cost.limit(options.max_slowdown)))
    return measures


def _bounded(
    points: Sequence[Point], layers_cost: float, cost: CostModel, options: ScheduleOptions
) -> list[Point]:
    """The points within the slowdown and the MACs allowed; FitError where there are none."""
    fastest = min(layers_cost, *(p.cost for p in points))
    fewest = min(p.factor for p in points)
    slowest = options.max_slowdown or float("inf")
    macs = options.max_macs or float("inf")
    kept = within(points, Bounds(macs=macs, cost=cost.limit(slowest) * fastest))
    if kept:
        return kept
    if macs + ROUNDING < fewest:
        raise FitError(
            f"no plan keeps to {macs:.2f} times the MACs; the least is {fewest:.2f}",
            hint="raise --max-macs",
        )
    raise FitError(
        f"no plan keeps to {slowest:.2f} times the estimated time of the fastest plan"
        + ("" if options.max_macs is None else f" and {macs:.2f} times the MACs"),
        hint="raise --max-slowdown" + ("" if options.max_macs is None else " or --max-macs"),
    )


def _choose(
    front: tuple[Point, ...], budget: int, options: ScheduleOptions, cost: CostModel
) -> Point | None:
    """The point asked for; None where none fits the memory."""
    if options.point is not None:
        if not 1 <= options.point <= len(front):
            raise McuccError(
                f"there is no point {options.point}", where="--point", hint=f"1 to {len(front)}"
            )
        return front[options.point - 1]
    if options.aims_at_sram and options.line_period is not None:
        return least_with_lines(within(front, Bounds(arena=budget)), cost, options.line_period)
    best = least_memory if options.aims_at_sram else least_cost
    return best(front, Bounds(arena=budget))


def bottleneck(program: Program) -> str:
    """The stage that needs the most bytes, in words."""
    number = program.peak_stage
    names = [node.name for node in program.stages[number].nodes]
    shown = names[0] if len(names) == 1 else f"{names[0]} .. {names[-1]}"
    return f"stage {number} ({shown})"


def _does_not_fit(smallest: Schedule, budget: int, options: ScheduleOptions) -> NoPlanFits:
    """What the smallest plan found needs beyond what there is, and what bounds it."""
    program = smallest.program
    size, missing = program.arena_bytes, program.arena_bytes - budget
    peak = program.peak_stage
    live = ", ".join(
        f"{place.kind.value} of {place.tensor} {place.size:,}" for place in program.live(peak)
    )
    needed = program.stage_bytes[peak]
    bounds = (("--max-slowdown", options.max_slowdown), ("--max-macs", options.max_macs))
    larger = "".join(f" or a larger {name}" for name, bound in bounds if bound is not None)
    return NoPlanFits(
        f"the smallest plan found needs {size + options.stack:,} bytes of SRAM: an arena of "
        f"{size:,} and about {options.stack:,} of stack; {budget + options.stack:,} are "
        f"allowed, {missing:,} too few\n"
        f"  {needed:,} bytes of them are in use in {bottleneck(program)}: {live}\n"
        f"  no placement of this plan's buffers needs less than {program.lower_bound:,}",
        hint=f"a smaller input, fewer channels there{larger}"
        + ("" if options.image.streams else ", or --image rows"),
        smallest=smallest,
        missing=missing,
    )


def _planned(graph: IntegerGraph, path: Path) -> Program:
    """The program of a plan file; ModelError names the file."""
    try:
        return expand(graph, read_plan(path))
    except ModelError as error:
        where = error.where if str(path) in error.where else f"{path}, {error.where}"
        raise ModelError(error.what, where=where, hint=error.hint) from error


def read_plan(path: Path) -> Plan:
    """A plan file; ModelError when it cannot be read."""
    try:
        text = text_of(path, LARGEST_FILE)
    except ValueError as error:
        hint = "compile writes plan.json, `mcucc plan --save` any plan of the front"
        raise ModelError(
            f"is no plan: not even text ({error})", where=str(path), hint=hint
        ) from error
    except OSError as error:
        raise ModelError(f"cannot read the plan ({error})", where=str(path)) from error
    return Plan.from_json(text, str(path))
