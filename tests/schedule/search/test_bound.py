"""The lower bound is below every plan: stages drawn, all plans of small networks, plans found.

A bound above a plan that can be made is the one thing that must never be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings

from mcucc.errors import ModelError
from mcucc.ir.integer import IntegerGraph
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.reshape import Reshape
from mcucc.ops.slice import Slice
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import chain_bytes, expand
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.expand.rates import measured_tensor
from mcucc.schedule.plan.plan import EdgePlan, Form, ImagePolicy, Plan, StagePlan
from mcucc.schedule.plan.program import Program
from mcucc.schedule.plan.spans import Reuse
from mcucc.schedule.search.bound import (
    Known,
    bound_beside,
    bounded,
    covered,
    lower_bounds,
    single_bytes,
)
from mcucc.schedule.search.bound_axis import WHOLE
from mcucc.schedule.search.bound_facts import BoundFacts
from mcucc.schedule.search.bound_stages import StageBound
from mcucc.schedule.search.bound_strips import strip_values
from mcucc.schedule.search.costs import MACS, CostModel, cost_model, program_cost, stage_costs
from mcucc.schedule.search.front import SearchOptions, search
from mcucc.schedule.search.limits import NORMAL
from mcucc.schedule.search.named import SCHEDULES
from tests.fronts import QUICK_ARENA, quick
from tests.graphs import Builder, mobile_net, same
from tests.plan.test_texts import FILES, sections
from tests.plan.written import network as written_network
from tests.plan.written import plan as written_plan
from tests.schedule.networks import networks, plans
from tests.schedule.search.enumerated import Menu, front, stages
from tests.schedule.search.test_enumerated import CASES

M4 = cost_model("cortex-m4")
PARTS = (0.1, 0.5, 1.0, 3.0, 10.0, 100.0)


def prices_of(facts: BoundFacts, size: int) -> np.ndarray:
    """From nearly free to so dear that nothing is computed again."""
    return np.array([*(part * size / max(1.0, facts.least) for part in PARTS), size / 50])


def value_of(facts: BoundFacts, stage: StagePlan, begin: int, prices: np.ndarray) -> np.ndarray:
    """What the bound says of stages of these nodes and this tile, by price."""
    end = begin + len(stage.nodes)
    if not facts.net.nodes[end - 1].streams:
        return np.full(prices.shape, single_bytes(facts, begin))
    if stage.strips > 1:
        return dict(strip_values(facts, end, prices))[begin]
    free, width = np.full(prices.shape, np.inf), [stage.tile[1] or WHOLE]
    size = facts.net.tensors[measured_tensor(facts.net.nodes[end - 1])].height
    height = stage.tile[0] if stage.tile[0] != size else WHOLE
    found = dict(StageBound(facts, end, [height], width, prices).values(free))
    if begin not in found:  # a tile of rates that do not fit: all rows at once
        found = dict(StageBound(facts, end, [WHOLE], width, prices).values(free))
    return found[begin]


def assert_below(program: Program, graph: IntegerGraph, model: CostModel) -> None:
    """No stage needs less than bytes + price x cost of it, whatever the price."""
    plan = program.plan
    facts = BoundFacts(PlannerGraph(graph, plan.image, plan.row_outputs), model)
    prices = prices_of(facts, max(program.stage_bytes))
    begin = 0
    costs = stage_costs(program, model)
    for stage, size, cost in zip(plan.stages, program.stage_bytes, costs, strict=True):
        end = begin + len(stage.nodes)
        more = cost - sum(facts.least_of(position) for position in range(begin, end))
        value = value_of(facts, stage, begin, prices)
        assert (value <= size + prices * (more + 1e-3) + 1e-6).all(), (stage, value, size, more)
        begin = end


@pytest.mark.parametrize("model", [MACS, M4], ids=["macs", "time"])
@settings(
    derandomize=True,
    deadline=None,
    max_examples=20,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.data(), networks(more=True), st.sampled_from(["any", "cached", "cached, not split"]))
def test_no_stage_of_a_drawn_plan_needs_less(
    model: CostModel, data: st.DataObject, graph: IntegerGraph, kind: str
) -> None:
    plan = data.draw(plans(graph))
    assume(bounded(PlannerGraph(graph, plan.image, plan.row_outputs)))
    split = kind == "any" or kind == "cached"
    split &= model is MACS  # groups of a block may cost less time than its layers
    stages = [
        replace(
            stage,
            feeds=False,
            strips=stage.strips if kind == "any" else 1,
            splits=stage.splits if split else (),
            edges=stage.edges if kind == "any" else _cached(stage),
        )
        for stage in plan.stages
    ]
    try:
        program = expand(graph, replace(plan, stages=tuple(stages)), QUICK_ARENA)
    except ModelError:
        assume(False)
    assert_below(program, graph, model)


WRITTEN = [file for file in FILES if "\n== plan\n" in file.read_text(encoding="utf-8")]


def assert_not_more(program: Program, graph: IntegerGraph, model: CostModel) -> bool:
    """The bound at a plan's own cost is not above its bytes; False for a plan not covered."""
    plan, size = program.plan, max(program.stage_bytes)
    net = PlannerGraph(graph, plan.image, plan.row_outputs)
    if not (bounded(net) and covered(net, plan.stages)):
        return False
    # With more bytes known than there are: what is known must not matter.
    cost = program_cost(program, model)
    for found in lower_bounds(net, model, [Known(size + size // 2, cost), Known(4 * size, cost)]):
        assert 0 <= found <= size  # 0: where work is repeated much, nothing is proved
    return True


def test_the_bound_is_below_every_written_plan() -> None:
    below = []
    for file in WRITTEN:
        given = sections(file.read_text(encoding="utf-8"))
        graph = written_network(given["network"])
        program = expand(graph, written_plan(given["plan"]), QUICK_ARENA)
        if assert_not_more(program, graph, MACS):
            below.append(file.stem)
    left_out = {file.stem for file in WRITTEN} - {*below}
    assert left_out == {"chain", "chain_of_three", "twice", "twice_camera"}


@pytest.mark.parametrize("model", [MACS, M4], ids=["macs", "time"])
@settings(
    derandomize=True,
    deadline=None,
    max_examples=15,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.data(), networks(more=True))
def test_no_drawn_plan_needs_less(
    model: CostModel, data: st.DataObject, graph: IntegerGraph
) -> None:
    for _ in range(4):  # most of a network's time goes into drawing it
        plan = data.draw(plans(graph))
        stages = [
            replace(stage, feeds=False, splits=stage.splits if model is MACS else ())
            for stage in plan.stages
        ]
        try:
            program = expand(graph, replace(plan, stages=tuple(stages)), QUICK_ARENA)
        except ModelError:
            continue
        assert_not_more(program, graph, model)


def test_a_plan_of_other_tiles_is_not_covered() -> None:
    b = Builder(20, 22, 1)
    net = PlannerGraph(lower(b.graph(b.conv("image", 2, 3))), ImagePolicy.ROWS)
    tiles = {(4, 3): True, (10, 11): True, (20, 0): True, (5, 3): False, (4, 7): False}
    tiles |= {(21, 0): False, (4, 22): False, (4, 23): False}  # larger than what they make
    for tile, inside in tiles.items():
        assert covered(net, [StagePlan(("conv_0",), tile)]) is inside


def test_columns_that_a_stride_leaves_out_need_not_be_computed() -> None:
    """One column of two is read: strips leave out that between them, and cost less than all."""
    b = Builder(9, 7, 1)
    graph = lower(b.graph(b.conv(b.conv("image", 2, 3), 1, 1, 2)))
    edge = EdgePlan("conv_0", rows=Reuse.RECOMPUTE, columns=Reuse.RECOMPUTE)
    stage = StagePlan(("conv_0", "conv_1"), (1, 2), (edge,), strips=2)
    program = expand(graph, Plan("gaps", ImagePolicy.RESIDENT, (stage,)), QUICK_ARENA)
    facts = BoundFacts(PlannerGraph(graph, ImagePolicy.RESIDENT), MACS)
    assert facts.least <= program_cost(program, MACS) < graph.macs
    assert assert_not_more(program, graph, MACS)


def _cached(stage: StagePlan) -> tuple[EdgePlan, ...]:
    return tuple(replace(e, rows=Reuse.CACHE, columns=Reuse.CACHE) for e in stage.edges)


@pytest.mark.parametrize(("network", "image"), CASES)
def test_the_bound_is_below_every_plan_of_a_small_network(
    network: Callable[[], IntegerGraph], image: ImagePolicy
) -> None:
    graph = network()
    exact = front(graph, image, Menu(heights=(1, 2), widths=(0, 1, 2), links=1), MACS)
    net = PlannerGraph(graph, image)
    # Known plans of more bytes than the best ones: what is known must not matter.
    found = lower_bounds(net, MACS, [Known(2 * best.bytes, best.cost) for best in exact])
    for best, bound in zip(exact, found, strict=True):
        assert 0 < bound <= best.bytes
    # Where nothing is computed twice it is near, even in networks as small as these. Not with a
    # mapped image: of strips, which may read it again, only the output is counted.
    near = 0.55 if image is ImagePolicy.MAPPED else 0.8
    assert found[-1] >= near * exact[-1].bytes


@pytest.mark.parametrize("name", ["auto", "patch", "stream", "msf", "layers"])
def test_the_bound_is_below_the_plans_of_every_schedule(name: str) -> None:
    graph = lower(mobile_net())
    options = SearchOptions(SCHEDULES[name], max_factor=1.5, limits=quick(NORMAL))
    for point in search(graph, options).points:
        bound = bound_beside(graph, point.program)
        assert bound is not None
        if bound.plain:
            assert 0 < bound.bytes <= max(point.program.stage_bytes)
            assert bound.factor == point.factor


def test_more_cost_is_never_bounded_higher() -> None:
    graph = lower(mobile_net())
    net = PlannerGraph(graph, ImagePolicy.ROWS)
    least = BoundFacts(net, MACS).least
    size = search(graph, SearchOptions(max_factor=1.0, limits=quick())).points[0].bytes
    known = [Known(size, factor * least) for factor in (1.0, 1.1, 1.5, 4.0)]
    found = lower_bounds(net, MACS, known)
    assert found == sorted(found, reverse=True)


def test_of_a_plan_that_a_bound_does_not_cover_it_says_so() -> None:
    graph = lower(mobile_net())
    names = [node.name for node in graph.nodes]
    first = StagePlan((names[0],), (1, 0), feeds=True)
    rest = [StagePlan((name,), (1, 0)) for name in names[1:]]
    program = expand(graph, Plan("chain", ImagePolicy.ROWS, (first, *rest)), QUICK_ARENA)
    bound = bound_beside(graph, program)
    assert bound is not None and not bound.plain
    assert program_cost(program, MACS) == program.macs


def test_readers_that_are_through_with_a_row_in_its_middle_free_it() -> None:
    """Two columns of three come with a step: the third is made ahead, its row read to the end."""
    b = Builder(7, 3, 1)
    graph = lower(b.graph(b.node(MaxPool(same(3)), b.depthwise("image", 3))))
    net = PlannerGraph(graph, ImagePolicy.RESIDENT)
    walk = StageBound(BoundFacts(net, MACS), 2, [2], [2], np.array([1.0]))
    found = dict(walk.values(np.array([np.inf])))[0]
    least = min(
        chain_bytes(net, [s], 0) for s in stages(net, 0, 2, [2], [2], [1]) if s.tile[0] == 2
    )
    assert 0 < found[0] <= least


def test_an_output_that_is_read_through_a_view_counts_once() -> None:
    b = Builder(9, 9, 1)
    kept = b.node(Reshape((1, 9, 9, 1)), "image")
    graph = lower(b.graph(kept, b.conv(b.node(Reshape((1, 9, 9, 1)), kept), 1, 3, 3)))
    facts = BoundFacts(PlannerGraph(graph, ImagePolicy.RESIDENT), MACS)
    stage = StagePlan((graph.nodes[-1].name,), (3, 0))
    (value,) = value_of(facts, stage, len(graph.nodes) - 1, np.array([1.0]))
    assert 0 < value <= chain_bytes(facts.net, [stage], len(graph.nodes) - 1)


def test_a_head_takes_rows_in_more_steps_than_the_stage_has_outputs() -> None:
    """One row of what a slice takes is a tile of all rows; the head beside it takes two a step."""
    b = Builder(3, 4, 3)
    head = b.node(GlobalAveragePool(), b.conv("image", 7, 1))
    last = b.node(GlobalAveragePool(), b.node(Slice((2, 0, 2), (1, 1, 1), (2, 2, 1)), "image"))
    graph = lower(b.graph(head, last))
    net = PlannerGraph(graph, ImagePolicy.RESIDENT)
    edges = tuple(EdgePlan(n.output) for n in graph.nodes if n.name.startswith(("conv", "slice")))
    stage = StagePlan(tuple(node.name for node in graph.nodes), (1, 0), edges)
    (value,) = value_of(BoundFacts(net, MACS), stage, 0, np.array([1e3]))
    assert 0 < value <= chain_bytes(net, [stage], 0)


def test_a_ring_holds_no_columns_beside_its_rows() -> None:
    """A window as large as the tensor: the last row comes while no other goes."""
    b = Builder(5, 5, 2)
    graph = lower(b.graph(b.depthwise(b.conv(b.depthwise(b.conv("image", 8), 7), 1), 5)))
    net = PlannerGraph(graph, ImagePolicy.RESIDENT)
    facts = BoundFacts(net, MACS)
    held = [EdgePlan(node.output, Form.RING, Reuse.CACHE, Reuse.CACHE) for node in graph.nodes[:-1]]
    names = tuple(node.name for node in graph.nodes)
    for stage in (StagePlan(names, (1, 1), tuple(held)), StagePlan(names, (1, 1), (held[0],))):
        (value,) = value_of(facts, stage, 0, np.array([1e3]))
        assert 0 < value <= chain_bytes(net, [stage], 0)
