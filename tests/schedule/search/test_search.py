"""The planner: fronts of plans that pass the checker, named schedules that keep their shape."""

import itertools
from dataclasses import replace
from functools import cache

import hypothesis.strategies as st
import pytest
from hypothesis import Phase, given, settings

from mcucc.boards.board import load_board
from mcucc.driver.target import target_of
from mcucc.errors import FitError, McuccError
from mcucc.ir.integer import IntegerGraph
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.suppress import Suppress
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.plan.buffers import BufferKind
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.spans import Reuse
from mcucc.schedule.search.choose import NoPlanFits, schedule
from mcucc.schedule.search.costs import ALIKE, MACS
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.front import Front, Point, SearchOptions, search
from mcucc.schedule.search.limits import NORMAL, QUICK, Effort, SearchLimits
from mcucc.schedule.search.named import (
    LAYERS,
    MSF,
    PATCH,
    SCHEDULES,
    STREAM,
    NamedSchedule,
    named,
)
from mcucc.schedule.search.pick import Bounds, least_cost, least_memory
from mcucc.schedule.search.stages import Rules, Walks
from mcucc.schedule.search.tiles import FEW_TILES
from mcucc.schedule.search.walks.run import walk
from mcucc.schedule.search.wishes import ScheduleOptions
from tests.fronts import QUICK_ARENA, quick, searched
from tests.graphs import Builder, mobile_net
from tests.schedule.networks import networks
from tests.schedule.parts import head


@cache
def inverted_bottlenecks() -> IntegerGraph:
    """A network of the MobileNetV2 kind whose first layers dominate memory."""
    b = Builder(48, 48, 3)
    x = b.conv("image", 8, 3, 2)
    for channels, kernel, stride in ((8, 3, 1), (12, 5, 2), (12, 3, 1), (24, 7, 2), (24, 3, 1)):
        x = b.block(x, 4, channels, kernel, stride)
    return lower(b.graph(b.classifier(x, 4)))


def inner_heads() -> IntegerGraph:
    """The same kind with heads of a detector on the way, whose lists are merged."""
    b = Builder(32, 32, 3)
    x, lists = b.conv("image", 8, 3, 2), []
    for channels, kernel, stride in ((8, 3, 1), (12, 5, 2), (12, 3, 1)):
        x = b.block(x, 4, channels, kernel, stride)
        lists.append(head(b, b.conv(x, 2), b.conv(x, 4), most=5))
    return lower(b.graph(b.node(Suppress(most=5), *lists)))


def best_front() -> Front:
    """What the planner finds for it."""
    return searched(inverted_bottlenecks())


def least_of(front: Front, macs: float) -> Point:
    """The least memory within so many times the network's MACs."""
    point = least_memory(front.points, Bounds(macs=macs))
    assert point is not None
    return point


@settings(derandomize=True, deadline=None, max_examples=25, phases=[Phase.generate])
@given(networks(), st.sampled_from(list(SCHEDULES.values())))
def test_every_point_passes_the_checker(graph: IntegerGraph, schedule: NamedSchedule) -> None:
    front = search(graph, SearchOptions(schedule=schedule, limits=quick()))
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
    auto = least_of(best_front(), 1.0)
    layers = search(graph, SearchOptions(schedule=LAYERS)).points[0]
    assert auto.bytes * 3 < layers.bytes
    assert auto.program.macs == layers.program.macs == graph.macs


def test_a_map_on_the_way_does_not_wait_for_its_head() -> None:
    graph = inner_heads()
    (point, *_) = searched(graph, SearchOptions(max_factor=1.0)).points
    check(point.program)
    kinds = [(buffer.kind, buffer.tensor) for buffer in point.program.buffers.values()]
    heads = [node for node in graph.nodes if node.output.startswith("detecthead")]
    maps = {name for node in heads for name in node.inputs}
    assert not any(kind is BufferKind.TENSOR and tensor in maps for kind, tensor in kinds)
    names = [node.name for node in point.program.graph.nodes]
    assert names.index(heads[0].name) < names.index("dw_9")


def test_stages_that_feed_each_other_need_less() -> None:
    options = SearchOptions(max_factor=1.0)
    chained = least_of(searched(inverted_bottlenecks(), options), 1.0)
    assert any(stage.feeds for stage in chained.program.plan.stages)
    check(chained.program)
    without = replace(options, limits=SearchLimits(efforts=(replace(NORMAL, chain=1),)))
    assert chained.bytes < least_of(searched(inverted_bottlenecks(), without), 1.0).bytes


def test_named_schedules_keep_their_shape() -> None:
    graph = inverted_bottlenecks()
    for name, reuse in ((PATCH, Reuse.RECOMPUTE), (STREAM, Reuse.CACHE)):
        program = searched(graph, SearchOptions(schedule=name)).points[0].program
        first, *rest = program.stages
        assert len(first.nodes) > 1
        assert all(len(stage.nodes) == 1 for stage in rest)
        assert any(edge.rows is reuse for edge in first.plan.edges)


def test_msf_recomputes_rows_and_caches_columns_in_many_stages() -> None:
    graph = inverted_bottlenecks()
    front = search(graph, SearchOptions(schedule=MSF, max_factor=3.0))
    program = front.points[0].program
    fused = [stage for stage in program.stages if len(stage.nodes) > 1]
    assert len(fused) > 1
    for stage in fused:
        assert stage.plan.tile[0] == 1
        assert all(edge.columns is Reuse.CACHE for edge in stage.plan.edges)
    assert 1.0 < program.factor <= 3.0
    assert program.arena_bytes < searched(graph, SearchOptions(schedule=PATCH)).points[0].bytes


def test_same_front_every_time() -> None:
    graph = inverted_bottlenecks()
    options = SearchOptions(limits=quick())
    first, second = search(graph, options), search(graph, options)
    assert [p.program.plan for p in first.points] == [p.program.plan for p in second.points]
    assert [p.bytes for p in first.points] == [p.bytes for p in second.points]


def test_a_found_plan_expands_to_the_same_bytes() -> None:
    graph = inverted_bottlenecks()
    point = best_front().points[0]
    again = expand(graph, point.program.plan)
    assert again.arena_bytes == point.bytes
    assert again.buffers == point.program.buffers


def test_budget_picks_the_cheapest_that_fits() -> None:
    front = best_front()
    least, most = front.points[0], front.points[-1]
    assert least_cost(front.points, Bounds(bytes=most.bytes)) is most
    assert least_cost(front.points, Bounds(bytes=least.bytes)) is least
    assert least_cost(front.points, Bounds(bytes=least.bytes - 1)) is None


def test_a_budget_or_bound_out_of_reach_names_what_is_reachable() -> None:
    target = target_of(load_board("nucleo-l4r5zi"))
    wanted = ScheduleOptions(image=ImagePolicy.ROWS, schedule="msf")
    with pytest.raises(NoPlanFits, match="in use in stage") as caught:
        schedule(inverted_bottlenecks(), target, replace(wanted, sram=1000))
    smallest = caught.value.smallest
    assert smallest.program is smallest.front[0].program
    assert caught.value.missing == smallest.front[0].bytes - 1000
    with pytest.raises(FitError, match=r"no plan keeps to 0\.50 times the MACs") as refused:
        schedule(inverted_bottlenecks(), target, replace(wanted, max_macs=0.5))
    assert "--max-macs" in refused.value.hint


def test_a_mapped_image_is_read_row_by_row() -> None:
    graph = lower(mobile_net())
    limits = quick()
    rows = search(graph, SearchOptions(limits=limits)).points[0]
    mapped = search(graph, SearchOptions(image=ImagePolicy.MAPPED, limits=limits)).points[0]
    assert mapped.bytes == rows.bytes
    check(mapped.program)


def test_unknown_schedule_is_refused() -> None:
    with pytest.raises(McuccError, match="unknown schedule"):
        named("best")


def test_no_more_strips_than_a_row_has_tiles() -> None:
    b = Builder(14, 6, 3)
    graph = lower(b.graph(b.node(GlobalAveragePool(), b.conv(b.conv("image", 8, 3, 2), 6))))
    facts = SearchFacts(PlannerGraph(graph, ImagePolicy.ROWS), MACS)
    count = len(graph.nodes)
    assert len(walk(facts, Walks.of([(count, 1, 1, 3)]), Rules()))
    assert not len(walk(facts, Walks.of([(count, 1, 2, 3)]), Rules()))


def test_a_long_branching_network_has_a_front() -> None:
    b = Builder(16, 16, 3)
    x = y = b.conv("image", 4)
    while len(b.nodes) < 60:
        left = b.add(b.depthwise(x), b.conv(y, 4))
        right = b.add(b.conv(x, 4), b.depthwise(y, 5))
        x, y = y, b.conv(b.add(left, right), 4)
    graph = lower(b.graph(b.add(x, y)))
    check(search(graph, SearchOptions(limits=quick())).points[0].program)


EFFORT = Effort(tiles=FEW_TILES, channels=(8,), strips=(2,), points=1)


def least_bytes(front: Front, factor: float, graph: IntegerGraph) -> float:
    """The least bytes of a front within so many times the network's MACs."""
    costs = [p.bytes for p in front.points if p.cost <= factor * graph.macs + ALIKE]
    return min(costs, default=float("inf"))


@settings(derandomize=True, deadline=None, max_examples=5, phases=[Phase.generate])
@given(networks(), st.sampled_from([1.0, 1.04, 1.1, 1.5]), st.sampled_from([1.12, 1.3, 2.5]))
def test_a_looser_bound_never_gives_a_worse_plan(
    graph: IntegerGraph, tight: float, loose: float
) -> None:
    limits = SearchLimits(efforts=(EFFORT,), arena=QUICK_ARENA)
    found = search(graph, SearchOptions(max_factor=tight, limits=limits))
    for bounds in ({"max_factor": max(tight, loose)}, {"max_factor": tight, "budget": 0.0}):
        further = search(graph, SearchOptions(limits=limits, **bounds))
        for factor in (1.0, 1.02, 1.05, tight):
            wanted = least_bytes(found, factor, graph)
            assert least_bytes(further, factor, graph) <= wanted


@settings(derandomize=True, deadline=None, max_examples=4, phases=[Phase.generate])
@given(networks(), st.sampled_from([1.0, 1.1, 1.5]))
def test_more_effort_never_gives_a_worse_plan(graph: IntegerGraph, most: float) -> None:
    efforts = (QUICK, EFFORT, replace(EFFORT, kept=192, strips=(2, 3)))
    fronts = [
        search(
            graph,
            SearchOptions(
                max_factor=most, limits=SearchLimits(efforts=efforts[:count], arena=QUICK_ARENA)
            ),
        )
        for count in (1, 2, 3)
    ]
    for less, more in itertools.pairwise(fronts):
        for factor in (1.0, 1.05, most):
            assert least_bytes(more, factor, graph) <= least_bytes(less, factor, graph)
