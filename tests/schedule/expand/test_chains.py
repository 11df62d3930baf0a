"""Stages that feed each other rows: each keeps its own tile, the tensor between is a ring."""

from dataclasses import replace

import pytest

from mcucc.errors import ModelError
from mcucc.ir.integer import IntegerGraph
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.quantize.lower import lower
from mcucc.report.steps import layer_facts
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.buffers import BufferId, BufferKind, Part
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.check_network import CheckError
from mcucc.schedule.plan.plan import ImagePolicy, Plan, StagePlan
from tests.graphs import Builder


def narrow_middle() -> IntegerGraph:
    """A wide first part, a narrow tensor, and a part that wants several rows at a time."""
    b = Builder(32, 24, 3)
    x = b.conv(b.conv("image", 12, 3, 2), 8, 3)
    x = b.conv(b.conv(x, 6, 3), 4, 3, 2)
    return lower(b.graph(x))


def plan_of(graph: IntegerGraph, cut: int, *, feeds: bool) -> Plan:
    names = [node.name for node in graph.nodes]
    upper = StagePlan(tuple(names[:cut]), (1, 0), feeds=feeds)
    return Plan("test", ImagePolicy.ROWS, (upper, StagePlan(tuple(names[cut:]), (4, 4))))


def test_ring_replaces_the_tensor_between_stages() -> None:
    graph = narrow_middle()
    apart, chained = (expand(graph, plan_of(graph, 2, feeds=feeds)) for feeds in (False, True))
    middle = graph.nodes[1].output
    assert apart.buffer_of(middle).slots == graph.activations[middle].height
    ring = chained.buffers[BufferId(middle, Part.RING)]
    assert (ring.kind, chained.whole(middle) is not None) == (BufferKind.RING, False)
    assert ring.slots < graph.activations[middle].height
    assert chained.arena_bytes < apart.arena_bytes
    assert check(chained).macs == check(apart).macs == graph.macs


def test_rates_decouple() -> None:
    graph = narrow_middle()
    names = tuple(node.name for node in graph.nodes)
    fused = expand(graph, Plan("test", ImagePolicy.ROWS, (StagePlan(names, (4, 4)),)))
    chained = expand(graph, plan_of(graph, 2, feeds=True))
    # Fused, a step of 4 rows asks for 16 new rows of the image; fed row by row, for 2.
    assert chained.buffer_of("image").slots < fused.buffer_of("image").slots


def test_order_that_runs_ahead_of_its_rows_is_caught() -> None:
    graph = narrow_middle()
    program = expand(graph, plan_of(graph, 2, feeds=True))
    chain = program.chains[0]
    eager = replace(chain, order=tuple(sorted(chain.order, reverse=True)))
    with pytest.raises(CheckError):
        check(replace(program, chains=(eager,)))
    short = replace(chain, order=chain.order[:-1])
    with pytest.raises(CheckError, match="row steps"):
        check(replace(program, chains=(short,)))


def test_ring_of_too_few_rows_is_caught() -> None:
    graph = narrow_middle()
    program = expand(graph, plan_of(graph, 2, feeds=True))
    name = BufferId(graph.nodes[1].output, Part.RING)
    ring = program.buffers[name]
    shrunk = {**program.buffers, name: replace(ring, slots=ring.slots - 1)}
    with pytest.raises(CheckError):
        check(replace(program, buffers=shrunk))


def test_pool_cannot_feed_rows() -> None:
    b = Builder(8, 8, 3)
    x = b.node(GlobalAveragePool(), b.conv("image", 4, 3))
    graph = lower(b.graph(b.conv(x, 4)))
    with pytest.raises(ModelError, match="whole tensors"):
        expand(graph, plan_of(graph, 2, feeds=True))


def test_feeding_survives_json() -> None:
    plan = plan_of(narrow_middle(), 2, feeds=True)
    assert Plan.from_json(plan.to_json()) == plan


def test_report_counts_a_chain_once() -> None:
    graph = narrow_middle()
    program = expand(graph, plan_of(graph, 2, feeds=True))
    assert len(program.steps) == 1
    layers = layer_facts(program, (1000,))
    assert [layer.instructions for layer in layers] == [0, 1000]
    assert [layer.counted_with for layer in layers] == [1, 1]
    assert sum(layer.macs for layer in layers) == graph.macs


def test_a_chain_has_no_more_stages_than_its_order_can_number() -> None:
    b, x = Builder(1, 1, 1), "image"
    for _ in range(257):
        x = b.conv(x, 1)
    graph = lower(b.graph(x))
    stages = [StagePlan((node.name,), (1, 0), feeds=True) for node in graph.nodes]
    stages[-1] = replace(stages[-1], feeds=False)
    with pytest.raises(ModelError, match="at most 255"):
        expand(graph, Plan("test", ImagePolicy.ROWS, tuple(stages)))
