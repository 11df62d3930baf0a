"""Networks that begin alike share the walks that end where they part, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mcucc.quantize.lower import lower
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.search.costs import MACS, CostModel, cost_model
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.stages import Rules, Stages, Walks
from mcucc.schedule.search.tiles import ANY_TILE
from mcucc.schedule.search.walks.run import walk
from mcucc.schedule.search.walks.shared import SharedWalks
from tests.graphs import Builder

RULES = Rules(recompute=False)


def network(kernel: int, skip: bool = False, cost: CostModel = MACS) -> SearchFacts:
    """Nodes of which the fifth and those behind it differ by `kernel`; a sum over all with `skip`.

    The first four are a stem and a block without its sum.
    """
    b = Builder(12, 12, 3)
    stem = b.conv("image", 4, 3, 2)
    x = b.conv(b.depthwise(b.conv(stem, 8), 3), 4)
    x = b.conv(x, 4, kernel)
    x = b.add(x, stem) if skip else b.conv(x, 4)
    return SearchFacts(PlannerGraph(lower(b.graph(x)), ImagePolicy.ROWS), cost)


def walks_of(facts: SearchFacts) -> Walks:
    ends = range(1, len(facts.network.nodes) + 1)
    return Walks.of([(end, *tile, 1) for end in ends for tile in facts.tiles(end, ANY_TILE)])


def same(a: Stages, b: Stages) -> bool:
    columns = ("begin", "end", "rows", "columns", "bytes", "cost", "need", "source")
    alike = all(np.array_equal(getattr(a, name), getattr(b, name)) for name in columns)
    return alike and [a.decisions(i) for i in range(len(a))] == [
        b.decisions(i) for i in range(len(b))
    ]


def test_walks_that_end_before_the_difference_are_shared() -> None:
    shared, first, second = SharedWalks(), network(3), network(1)
    for facts in (first, second, first):
        walks = walks_of(facts)
        assert same(shared.walk(facts, walks, RULES), walk(facts, walks, RULES))
    assert shared.reused == 4 + len(first.network.nodes)


@pytest.mark.parametrize("what", ["lifetimes", "cost", "cap", "begins", "tiles"])
def test_what_decides_a_walk_is_not_mixed_up(what: str) -> None:
    shared, facts = SharedWalks(), network(3)
    walks, rules, begins = walks_of(facts), RULES, np.ones(6, dtype=np.bool_)
    shared.walk(facts, walks, rules, begins)
    if what == "lifetimes":
        facts = network(3, skip=True)
    elif what == "cost":
        facts = network(3, cost=cost_model("cortex-m4"))
    elif what == "cap":
        rules = replace(rules, cap=900)
    elif what == "begins":
        begins[:] = [True, False, False, False, False, False]
    else:
        walks = Walks(*(part[::2] for part in vars(walks).values()))
    assert same(shared.walk(facts, walks, rules, begins), walk(facts, walks, rules, begins))
    # The skip is alive across every cut but the first; there is nothing before node 0 to leave out.
    assert shared.reused == {"lifetimes": 1, "begins": 1}.get(what, 0)


def test_the_latest_are_known() -> None:
    shared, facts = SharedWalks(most=2), network(3)
    for _ in range(2):
        shared.walk(facts, walks_of(facts), RULES)
    assert shared.reused == 2
