"""What a user may ask of the planner, drawn: schedules, images, objectives, bounds, budgets."""

from __future__ import annotations

import hypothesis.strategies as st

from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.search.choose import OBJECTIVES, ScheduleOptions
from mcucc.schedule.search.named import SCHEDULES


@st.composite
def choices(draw: st.DrawFn) -> ScheduleOptions:
    """Options of a search: most of them ask for something, some for two things at once."""
    bounds = st.sampled_from([None, None, 1.0, 1.1, 1.5])
    return ScheduleOptions(
        schedule=draw(st.sampled_from([*["auto"] * 4, *SCHEDULES])),
        image=draw(st.sampled_from(ImagePolicy)),
        objective=draw(st.sampled_from([None, *OBJECTIVES])),
        max_slowdown=draw(bounds),
        max_macs=draw(bounds),
        sram=draw(st.sampled_from([None, None, 3000])),
        always_search=True,
    )
