"""All walks together find what each finds by itself, and sums in closed form are the sums."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from mcucc.quantize.lower import lower
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.spans import covered as covered_by_steps
from mcucc.schedule.search.costs import ALIKE, cost_model
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.stages import Rules, Stages, Walks
from mcucc.schedule.search.tiles import ANY_TILE
from mcucc.schedule.search.walks import ends
from mcucc.schedule.search.walks.costs import covered
from mcucc.schedule.search.walks.run import walk
from tests.graphs import mobile_net


def walks_of(facts: SearchFacts, strips: int = 1) -> Walks:
    """Every walk of a network."""
    nodes = enumerate(facts.network.nodes, 1)
    ends = [end for end, node in nodes if node.streams]
    return Walks.of([(end, *t, strips) for end in ends for t in facts.tiles(end, ANY_TILE)])


def front(stages: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """The (bytes, cost) that no other beats."""
    kept: list[tuple[int, float]] = []
    for size, cost in sorted(stages):
        if not kept or cost < kept[-1][1] - ALIKE:
            kept.append((size, cost))
    return kept


def reached(stages: list[tuple[int, float]], size: int) -> float:
    """The least cost within so many bytes."""
    return min((cost for bytes_, cost in stages if bytes_ <= size), default=float("inf"))


def found(stages: Stages) -> dict[int, list[tuple[int, float]]]:
    """(bytes, cost) by begin."""
    by_begin: dict[int, list[tuple[int, float]]] = {}
    for begin, size, cost in zip(stages.begin, stages.bytes, stages.cost, strict=True):
        by_begin.setdefault(int(begin), []).append((int(size), float(cost)))
    return by_begin


@given(
    st.integers(1, 9),
    st.integers(-40, 40),
    st.integers(0, 30),
    st.integers(1, 40),
    st.integers(-5, 9),
    st.integers(0, 20),
)
def test_positions_covered_in_closed_form_are_those_of_all_steps(
    rate: int, lo: int, length: int, size: int, first: int, last: int
) -> None:
    arrays = [np.array([value]) for value in (rate, lo, lo + length, size, first, last)]
    closed = covered(*arrays)
    assert closed == covered_by_steps(rate, lo, lo + length, size, first, last)


def test_walks_together_find_the_best_of_each_and_say_how() -> None:
    facts = SearchFacts(
        PlannerGraph(lower(mobile_net()), ImagePolicy.ROWS), cost_model("cortex-m4")
    )
    walks, rules = walks_of(facts), Rules(cap=6000)
    together = walk(facts, walks, rules)
    again = walk(facts, walks, rules)
    assert len(together) > 20
    assert [together.decisions(i) for i in range(len(together))] == [
        again.decisions(i) for i in range(len(again))
    ]
    parts = [
        walk(facts, Walks(*(a[i : i + 1] for a in vars(walks).values())), rules)
        for i in range(len(walks))
    ]
    alone = Stages.together(parts)
    for end in sorted(set(together.end.tolist())):
        best, each = (found(s.take(s.end == end)) for s in (together, alone))
        assert {b: front(stages) for b, stages in best.items()} == {
            b: front(stages) for b, stages in each.items()
        }


def test_how_many_rows_are_looked_at_together_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = PlannerGraph(lower(mobile_net()), ImagePolicy.ROWS)
    facts = SearchFacts(network, cost_model("cortex-m4"))
    walks, rules = walks_of(facts), Rules(cap=6000)
    together = walk(facts, walks, rules)
    monkeypatch.setattr(ends, "AT_A_TIME", 20)
    apart = walk(facts, walks, rules)
    for name in ("begin", "end", "bytes", "cost", "numbers"):
        assert getattr(together, name).tolist() == getattr(apart, name).tolist()
