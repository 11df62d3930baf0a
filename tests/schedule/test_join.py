"""Joining stages to plans: the Pareto set that trying every plan gives."""

from collections.abc import Iterator

import hypothesis.strategies as st
from hypothesis import given, settings

from mcucc.schedule.search.join import Cut, join, spread
from mcucc.schedule.search.space import Option

COUNT = 5
STAGES = st.builds(
    lambda begin, length, size, cost: Option(
        begin, min(COUNT, begin + length), size, float(cost), (1, 0)
    ),
    st.integers(0, COUNT - 1),
    st.integers(1, 3),
    st.integers(1, 12),
    st.integers(0, 6),
)


def every_plan(stages: list[Option], begin: int = 0) -> Iterator[tuple[Option, ...]]:
    if begin == COUNT:
        yield ()
    for stage in stages:
        if stage.begin == begin:
            yield from ((stage, *rest) for rest in every_plan(stages, stage.end))


def table(stages: list[Option]) -> dict[int, list[Option]]:
    return {end: [s for s in stages if s.end == end] for end in range(1, COUNT + 1)}


@settings(derandomize=True, deadline=None)
@given(st.lists(STAGES, max_size=14))
def test_the_pareto_set_of_every_plan(stages: list[Option]) -> None:
    plans = [(max(s.bytes for s in plan), sum(s.cost for s in plan)) for plan in every_plan(stages)]
    pareto = [p for p in sorted(set(plans)) if not any(q != p and dominates(q, p) for q in plans)]
    found = join(table(stages), COUNT)
    assert [(cut.bytes, cut.cost) for cut in found] == pareto
    for cut in found:
        assert max(s.bytes for s in cut.stages) == cut.bytes
        assert [s.begin for s in cut.stages[1:]] == [s.end for s in cut.stages[:-1]]


def dominates(one: tuple[int, float], other: tuple[int, float]) -> bool:
    return one[0] <= other[0] and one[1] <= other[1]


def test_of_equal_plans_the_one_with_fewer_stages() -> None:
    small = [Option(i, i + 1, 10, 1.0, (1, 0)) for i in range(COUNT)]
    (cut,) = join(table([*small, Option(1, 4, 10, 3.0, (1, 0))]), COUNT)
    assert [stage.begin for stage in cut.stages] == [0, 1, 4]


def test_spread_keeps_both_ends() -> None:
    cuts = [Cut(size, 100.0 - size, ()) for size in range(40)]
    chosen = spread(cuts, 5)
    assert len(chosen) == 5
    assert chosen[0] is cuts[0]
    assert chosen[-1] is cuts[-1]
