"""What the user asks of a schedule."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mcucc.errors import McuccError
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.row_outputs import WHOLE, RowOutputs
from mcucc.schedule.search.limits import SearchLimits
from mcucc.schedule.search.named import named
from mcucc.schedule.search.pick import Objective

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
    a plan would need, as estimated, are part of its memory, and a plan that keeps up with it goes
    before one that does not. `more` are bytes that compile measured beside the arena beyond the
    estimate, `slower` the instructions that it counted over those estimated.
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
    slower: float = 1.0
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
