"""What a schedule was chosen from, for reports."""

from __future__ import annotations

from mcucc.report.plan import ChoiceFacts, FrontFacts, PlanFacts, SavingFacts, plan_facts
from mcucc.schedule.search.choose import Schedule


def schedule_facts(schedule: Schedule) -> PlanFacts:
    """What a schedule says of its memory, its stages and its alternatives."""
    choice = ChoiceFacts(_front(schedule), schedule.cost.unit, _saving(schedule))
    return plan_facts(schedule.program, schedule.layers, choice)


def _saving(schedule: Schedule) -> SavingFacts | None:
    point = schedule.saving()
    if point is None:
        return None
    more = round(schedule.more_time - 1, 6)
    return SavingFacts(more, point.bytes, schedule.slowdown(point.program))


def _front(schedule: Schedule) -> tuple[FrontFacts, ...]:
    """Every point of the front, least memory first."""
    return tuple(
        FrontFacts(
            arena=point.bytes,
            macs=point.program.macs,
            factor=point.factor,
            cost=point.cost,
            slowdown=schedule.slowdown(point.program),
            chosen=point.program is schedule.program,
        )
        for point in schedule.front
    )
