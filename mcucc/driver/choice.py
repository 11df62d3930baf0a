"""What a schedule was chosen from, for reports."""

from __future__ import annotations

from mcucc.report.plan import ChoiceFacts, FrontFacts, ObjectiveFacts, PlanFacts, plan_facts
from mcucc.schedule.search.choose import Schedule
from mcucc.schedule.search.pick import Objective


def schedule_facts(schedule: Schedule) -> PlanFacts:
    """What a schedule says of its memory, its stages and its alternatives."""
    choice = ChoiceFacts(_front(schedule), schedule.cost.unit, _objectives(schedule))
    return plan_facts(schedule.program, schedule.layers, choice)


def _objectives(schedule: Schedule) -> tuple[ObjectiveFacts, ...]:
    """What each objective takes, within the same bounds; none where nothing fits."""
    found = ((objective, schedule.best(objective)) for objective in Objective)
    return tuple(
        ObjectiveFacts(
            objective=objective.value,
            sram=offer.need.total,
            arena=offer.need.arena,
            factor=offer.factor,
            slowdown=schedule.slowdown(offer.program),
            chosen=offer.program is schedule.program,
        )
        for objective, offer in found
        if offer is not None
    )


def _front(schedule: Schedule) -> tuple[FrontFacts, ...]:
    """Every point of the front, least memory first."""
    return tuple(
        FrontFacts(
            arena=offer.need.arena,
            macs=offer.program.macs,
            factor=offer.factor,
            cost=offer.cost,
            slowdown=schedule.slowdown(offer.program),
            chosen=offer.program is schedule.program,
        )
        for offer in schedule.front
    )
