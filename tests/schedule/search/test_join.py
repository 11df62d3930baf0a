"""Joining stages to plans: the Pareto set that trying every plan gives."""

from collections.abc import Iterator
from typing import NamedTuple

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from mcucc.schedule.search.join import Draft, Edges, front, least, spread

COUNT = 5


class Stage(NamedTuple):
    """Nodes [begin, end), bytes, cost."""

    begin: int
    end: int
    bytes: int
    cost: float


STAGES = st.builds(
    lambda begin, length, size, cost: Stage(begin, min(COUNT, begin + length), size, float(cost)),
    st.integers(0, COUNT - 1),
    st.integers(1, 3),
    st.integers(1, 12),
    st.integers(0, 6),
)


def every_plan(stages: list[Stage], begin: int = 0) -> Iterator[tuple[Stage, ...]]:
    if begin == COUNT:
        yield ()
    for stage in stages:
        if stage.begin == begin:
            yield from ((stage, *rest) for rest in every_plan(stages, stage.end))


def edges(stages: list[Stage]) -> Edges:
    columns = [np.array(column, dtype=np.int64) for column in list(zip(*stages, strict=True))[:3]]
    cost = np.array([stage.cost for stage in stages])
    return Edges(*columns, cost, np.arange(len(stages))).undominated()


@settings(derandomize=True, deadline=None)
@given(st.lists(STAGES, min_size=1, max_size=14))
def test_the_pareto_set_of_every_plan(stages: list[Stage]) -> None:
    plans = [(max(s.bytes for s in plan), sum(s.cost for s in plan)) for plan in every_plan(stages)]
    pareto = [p for p in sorted(set(plans)) if not any(q != p and dominates(q, p) for q in plans)]
    found = front(edges(stages), COUNT, np.inf)
    assert [(draft.bytes, round(draft.cost)) for draft in found] == pareto
    for slack in range(8):
        draft = least(edges(stages), COUNT, slack)
        wanted = min((size for size, cost in plans if cost <= slack), default=None)
        assert (None if draft is None else draft.bytes) == wanted
    for draft in found:
        plan = [stages[row] for row in draft.rows]
        assert max(s.bytes for s in plan) == draft.bytes
        assert [s.begin for s in plan[1:]] == [s.end for s in plan[:-1]]


def dominates(one: tuple[int, float], other: tuple[int, float]) -> bool:
    return one[0] <= other[0] and one[1] <= other[1]


def test_of_equal_plans_the_one_with_fewer_stages() -> None:
    small = [Stage(i, i + 1, 10, 1.0) for i in range(COUNT)]
    (draft,) = front(edges([*small, Stage(1, 4, 10, 3.0)]), COUNT, np.inf)
    assert draft.rows == (0, COUNT, 4)


def test_spread_keeps_both_ends() -> None:
    drafts = [Draft(size, 100.0 - size, ()) for size in range(40)]
    chosen = spread(drafts, 5)
    assert len(chosen) == 5
    assert chosen[0] is drafts[0]
    assert chosen[-1] is drafts[-1]
