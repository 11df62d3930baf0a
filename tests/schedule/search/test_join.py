"""Joining stages to plans: the Pareto set that trying every plan gives."""

from collections.abc import Iterator

import hypothesis.strategies as st
from hypothesis import given, settings

from mcucc.schedule.search.candidate import Candidate, Draft
from mcucc.schedule.search.join import join, spread
from mcucc.schedule.search.limits import JoinLimits

COUNT = 5
STAGES = st.builds(
    lambda begin, length, size, cost: Candidate(
        begin, min(COUNT, begin + length), size, float(cost), (1, 0)
    ),
    st.integers(0, COUNT - 1),
    st.integers(1, 3),
    st.integers(1, 12),
    st.integers(0, 6),
)


def every_plan(stages: list[Candidate], begin: int = 0) -> Iterator[tuple[Candidate, ...]]:
    if begin == COUNT:
        yield ()
    for stage in stages:
        if stage.begin == begin:
            yield from ((stage, *rest) for rest in every_plan(stages, stage.end))


def table(stages: list[Candidate]) -> dict[int, list[Candidate]]:
    return {end: [s for s in stages if s.end == end] for end in range(1, COUNT + 1)}


@settings(derandomize=True, deadline=None)
@given(st.lists(STAGES, max_size=14))
def test_the_pareto_set_of_every_plan(stages: list[Candidate]) -> None:
    plans = [(max(s.bytes for s in plan), sum(s.cost for s in plan)) for plan in every_plan(stages)]
    pareto = [p for p in sorted(set(plans)) if not any(q != p and dominates(q, p) for q in plans)]
    found = join(table(stages), COUNT, JoinLimits())
    assert [(draft.bytes, draft.cost) for draft in found] == pareto
    for draft in found:
        assert max(s.bytes for s in draft.stages) == draft.bytes
        assert [s.begin for s in draft.stages[1:]] == [s.end for s in draft.stages[:-1]]


def dominates(one: tuple[int, float], other: tuple[int, float]) -> bool:
    return one[0] <= other[0] and one[1] <= other[1]


def test_of_equal_plans_the_one_with_fewer_stages() -> None:
    small = [Candidate(i, i + 1, 10, 1.0, (1, 0)) for i in range(COUNT)]
    (draft,) = join(table([*small, Candidate(1, 4, 10, 3.0, (1, 0))]), COUNT, JoinLimits())
    assert [stage.begin for stage in draft.stages] == [0, 1, 4]


def test_spread_keeps_both_ends() -> None:
    drafts = [Draft(size, 100.0 - size, ()) for size in range(40)]
    chosen = spread(drafts, 5)
    assert len(chosen) == 5
    assert chosen[0] is drafts[0]
    assert chosen[-1] is drafts[-1]
