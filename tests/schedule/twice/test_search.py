"""The search computes a gated tensor twice where keeping it bounds a plan, and nowhere else."""

from __future__ import annotations

import pytest

from mcucc.ir.integer import IntegerGraph
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.mul import Mul
from mcucc.quantize.lower import lower
from mcucc.schedule.plan.check import check
from mcucc.schedule.search.front import SearchOptions, search
from mcucc.schedule.search.limits import Effort
from mcucc.schedule.search.named import SCHEDULES
from mcucc.schedule.twice.gated import computed_twice, gated_tensors
from tests.fronts import quick
from tests.graphs import Builder

LIMITS = quick(Effort(rounds=1, points=1))


def gated(b: Builder, x: str, channels: int, stride: int = 1) -> str:
    """A bottleneck with a gate of two layers."""
    x = b.depthwise(b.conv(x, channels), 3, stride)
    gate = b.conv(b.conv(b.node(GlobalAveragePool(), x), 2), channels)
    return b.conv(b.node(Mul(), x, gate), 6)


def network(*channels: int) -> IntegerGraph:
    b = Builder(16, 16, 3)
    x = b.conv("image", 6, 3, 2)
    for count in channels:
        x = gated(b, x, count)
    return lower(b.graph(b.conv(x, 4)))


def test_a_gated_tensor_is_made_again_from_the_smallest_tensor_before_it() -> None:
    graph = network(24, 40)
    large, small = gated_tensors(graph)
    assert (large.size, small.size) == (8 * 8 * 40, 8 * 8 * 24)
    assert (large.source, large.source_size) == ("conv_7", 8 * 8 * 6)
    assert large.nodes == ("conv_8", "dw_9") and large.reader == "mul_13"
    assert large.macs == 8 * 8 * 40 * (6 + 9)
    assert graph.activations[small.source].size == small.source_size


def test_what_waits_for_nothing_is_not_gated() -> None:
    b = Builder(8, 8, 3)
    x = b.conv("image", 6)
    pooled = b.node(GlobalAveragePool(), x)
    assert not gated_tensors(lower(b.graph(b.conv(x, 4), b.conv(pooled, 4))))


def test_a_network_with_clones_computes_the_network_and_counts_its_macs_once() -> None:
    graph = network(24, 40)
    twice = computed_twice(graph, gated_tensors(graph))
    assert twice.macs == graph.macs
    assert [node.again for node in twice.nodes if node.again] == [
        "conv_1",
        "dw_2",
        "conv_8",
        "dw_9",
    ]
    names = [node.name for node in twice.nodes]
    assert names.index("mul_6") - 1 == names.index("dw_2.again")


def test_plans_compute_twice_what_bounds_them() -> None:
    graph = network(48)
    points = search(graph, SearchOptions(max_factor=2.0, limits=LIMITS)).points
    once = [point for point in points if not any(s.again for s in point.program.plan.stages)]
    (waiting,) = gated_tensors(graph)
    assert min(point.bytes for point in once) > waiting.size
    assert points[0].bytes < waiting.size / 2
    for point in points:
        check(point.program)
        assert point.program.network is graph and point.factor <= 2.0


def test_the_largest_gated_tensor_comes_first_and_only_as_many_as_help() -> None:
    graph = network(32, 96, 8)
    points = search(graph, SearchOptions(max_factor=3.0, limits=LIMITS)).points
    sets = {
        frozenset(name for s in point.program.plan.stages for name in s.again) for point in points
    }
    first, second, third = (frozenset(each.nodes) for each in gated_tensors(graph))
    assert first | second in sets or first in sets
    assert all(not third & each and (not each or first <= each) for each in sets)


@pytest.mark.parametrize("changes", [{"recompute": False}, {"max_factor": 1.05}])
def test_nothing_is_computed_twice_where_that_is_not_wanted(changes: dict[str, float]) -> None:
    options = SearchOptions(limits=LIMITS, **changes)  # type: ignore[arg-type]
    for point in search(network(48), options).points:
        assert not any(stage.again for stage in point.program.plan.stages)


def test_published_schedules_compute_nothing_twice() -> None:
    for name in ("patch", "stream", "msf"):
        options = SearchOptions(schedule=SCHEDULES[name], max_factor=3.0, limits=LIMITS)
        for point in search(network(48), options).points:
            assert not any(stage.again for stage in point.program.plan.stages)
