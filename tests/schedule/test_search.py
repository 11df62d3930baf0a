"""The planner: fronts of plans that pass the checker, named schedules that keep their shape."""

from functools import cache

import hypothesis.strategies as st
import pytest
from hypothesis import Phase, given, settings

from mcucc.errors import FitError, McuccError
from mcucc.ir.integer import IntegerGraph
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.spans import Reuse
from mcucc.schedule.search.costs import MACS, cost_model
from mcucc.schedule.search.front import Front, SearchOptions, search
from mcucc.schedule.search.space import Space
from mcucc.schedule.search.stage import StageSearch
from tests.fronts import searched
from tests.graphs import Builder, mobile_net
from tests.schedule.networks import networks


@cache
def inverted_bottlenecks() -> IntegerGraph:
    """A network of the MobileNetV2 kind whose first layers dominate memory."""
    b = Builder(48, 48, 3)
    x = b.conv("image", 8, 3, 2)
    for channels, kernel, stride in ((8, 3, 1), (12, 5, 2), (12, 3, 1), (24, 7, 2), (24, 3, 1)):
        x = b.block(x, 4, channels, kernel, stride)
    return lower(b.graph(b.classifier(x, 4)))


def best_front() -> Front:
    """What the planner finds for it."""
    return searched(inverted_bottlenecks())


@settings(derandomize=True, deadline=None, max_examples=25, phases=[Phase.generate])
@given(networks(), st.sampled_from(["auto", "patch", "stream", "msf", "layers"]))
def test_every_point_passes_the_checker(graph: IntegerGraph, schedule: str) -> None:
    front = search(graph, SearchOptions(schedule=schedule, effort=3000))
    assert front.points
    for point in front.points:
        check(point.program)
        assert front.lower_bound <= point.bytes


def test_front_trades_memory_for_work() -> None:
    front = best_front()
    sizes = [point.bytes for point in front.points]
    assert sizes == sorted(sizes)
    costs = [point.cost for point in front.points]
    assert costs == sorted(costs, reverse=True)
    assert front.points[-1].factor <= 1.0


def test_fused_stages_need_a_fraction_of_layers() -> None:
    graph = inverted_bottlenecks()
    auto = best_front().within(1.0)
    layers = search(graph, SearchOptions(schedule="layers")).points[0]
    assert auto.bytes * 3 < layers.bytes
    assert auto.program.macs == layers.program.macs == graph.macs


def test_stages_that_feed_each_other_need_less(monkeypatch: pytest.MonkeyPatch) -> None:
    chained = best_front().within(1.0)
    assert any(stage.feeds for stage in chained.program.plan.stages)
    check(chained.program)
    monkeypatch.setattr("mcucc.schedule.search.front.ROUNDS", 0)
    assert chained.bytes < search(inverted_bottlenecks()).within(1.0).bytes


def test_named_schedules_keep_their_shape() -> None:
    graph = inverted_bottlenecks()
    for name, reuse in (("patch", Reuse.RECOMPUTE), ("stream", Reuse.CACHE)):
        program = searched(graph, SearchOptions(schedule=name)).points[0].program
        first, *rest = program.stages
        assert len(first.nodes) > 1
        assert all(len(stage.nodes) == 1 for stage in rest)
        assert any(edge.rows is reuse for edge in first.plan.edges)


def test_msf_recomputes_rows_and_caches_columns_in_many_stages() -> None:
    graph = inverted_bottlenecks()
    front = search(graph, SearchOptions(schedule="msf", max_factor=3.0))
    program = front.points[0].program
    fused = [stage for stage in program.stages if len(stage.nodes) > 1]
    assert len(fused) > 1
    for stage in fused:
        assert stage.plan.tile[0] == 1
        assert all(edge.columns is Reuse.CACHE for edge in stage.plan.edges)
    assert 1.0 < program.factor <= 3.0
    assert program.arena_bytes < searched(graph, SearchOptions(schedule="patch")).points[0].bytes


def test_same_front_every_time() -> None:
    graph = inverted_bottlenecks()
    first, second = best_front(), search(graph)
    assert [p.program.plan for p in first.points] == [p.program.plan for p in second.points]
    assert [p.bytes for p in first.points] == [p.bytes for p in second.points]


def test_a_found_plan_expands_to_the_same_bytes() -> None:
    graph = inverted_bottlenecks()
    point = best_front().points[0]
    again = expand(graph, point.program.plan)
    assert again.arena_bytes == point.bytes
    assert again.buffers == point.program.buffers


def test_budget_picks_the_cheapest_that_fits() -> None:
    options = SearchOptions(cost=cost_model("cortex-m4"))
    front = search(inverted_bottlenecks(), options)
    least, most = front.points[0], front.points[-1]
    assert front.fitting(most.bytes).cost == most.cost
    assert front.fitting(least.bytes).cost == least.cost


def test_impossible_budget_names_what_is_reachable() -> None:
    front = best_front()
    with pytest.raises(FitError, match=str(front.points[0].bytes)) as caught:
        front.fitting(100)
    assert "stage" in caught.value.where
    with pytest.raises(FitError) as caught:
        front.within(0.5)
    assert "--max-macs" in caught.value.hint


def test_a_mapped_image_is_read_row_by_row() -> None:
    graph = lower(mobile_net())
    rows = search(graph).points[0]
    mapped = search(graph, SearchOptions(image=ImagePolicy.MAPPED)).points[0]
    assert mapped.bytes == rows.bytes
    check(mapped.program)


def test_unknown_schedule_is_refused() -> None:
    with pytest.raises(McuccError, match="unknown schedule"):
        search(lower(mobile_net()), SearchOptions(schedule="best"))


def test_effort_bounds_the_search_of_a_long_branching_network() -> None:
    b = Builder(16, 16, 3)
    x = y = b.conv("image", 4)
    while len(b.nodes) < 120:
        left = b.add(b.depthwise(x), b.conv(y, 4))
        right = b.add(b.conv(x, 4), b.depthwise(y, 5))
        x, y = y, b.conv(b.add(left, right), 4)
    graph = lower(b.graph(b.add(x, y)))
    front = search(graph, SearchOptions(effort=6_000))
    assert not front.complete
    check(front.points[0].program)


def test_no_more_strips_than_a_row_has_tiles() -> None:
    b = Builder(14, 6, 3)
    graph = lower(b.graph(b.node(GlobalAveragePool(), b.conv(b.conv("image", 8, 3, 2), 6))))
    inside = StageSearch(PlannerGraph(graph, ImagePolicy.ROWS), MACS)
    count = len(graph.nodes)
    assert inside.stages(count, (1, 1), Space(strips=3), 1000)[0]
    assert not inside.stages(count, (1, 2), Space(strips=3), 1000)[0]
