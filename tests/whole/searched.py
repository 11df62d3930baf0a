"""What a user may ask of the planner, drawn: schedules, images, objectives, bounds, budgets."""

from __future__ import annotations

import hypothesis.strategies as st

from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.search.named import SCHEDULES, named
from mcucc.schedule.search.pick import Objective
from mcucc.schedule.search.wishes import OBJECTIVES, ScheduleOptions


@st.composite
def choices(draw: st.DrawFn) -> ScheduleOptions:
    """Options of a search: most of them ask for something, some for two things at once."""
    bounds = st.sampled_from([None, None, 1.0, 1.1, 1.5])
    schedule = draw(st.sampled_from([*["auto"] * 4, *SCHEDULES]))
    image = draw(st.sampled_from(ImagePolicy))
    sram = draw(st.sampled_from([None, None, 3000]))
    if not named(schedule).searched:
        return ScheduleOptions(schedule=schedule, image=image, sram=sram)
    objective = draw(st.sampled_from([None, *OBJECTIVES]))
    bounded = objective != Objective.BALANCED.value  # which is a bound of time itself
    return ScheduleOptions(
        schedule=schedule,
        image=image,
        objective=objective,
        max_slowdown=draw(bounds) if bounded else None,
        max_macs=draw(bounds),
        sram=sram,
    )
