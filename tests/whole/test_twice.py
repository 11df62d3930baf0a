"""Drawn networks with gates compute NumPy's bytes, their gated tensors made once and made twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import Phase, given, settings

from mcucc.boards.board import load_board
from mcucc.driver.target import bind
from mcucc.errors import ModelError
from mcucc.ir import Graph
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.hard_sigmoid import HardSigmoid
from mcucc.ops.hard_swish import HardSwish
from mcucc.ops.mul import Mul
from mcucc.ops.sigmoid import Sigmoid
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.layers import whole_stage
from mcucc.schedule.plan.plan import EdgePlan, Form, ImagePolicy, Plan, StagePlan
from mcucc.schedule.plan.spans import Reuse
from mcucc.schedule.twice.gated import as_planned, computed_twice, gated_tensors
from tests.graphs import Builder
from tests.whole.batch import Case, run_batch

BOARD = load_board("nucleo-l4r5zi")


@st.composite
def gated_networks(draw: st.DrawFn) -> Graph:
    """One to three bottlenecks with gates, some of them added to their input."""
    b = Builder(draw(st.integers(5, 13)), draw(st.integers(5, 13)), draw(st.integers(1, 3)))
    channels = draw(st.sampled_from([4, 5]))
    x = b.conv("image", channels, 3, draw(st.integers(1, 2)))
    for _ in range(draw(st.integers(1, 3))):
        wide, stride = draw(st.sampled_from([7, 8, 12])), draw(st.integers(1, 2))
        y = b.depthwise(b.conv(x, wide), draw(st.sampled_from([3, 5])), stride)
        if draw(st.booleans()):
            y = b.node(HardSwish(), y)
        gate = b.conv(b.conv(b.node(GlobalAveragePool(), y), 3), wide)
        gate = b.node(draw(st.sampled_from([HardSigmoid(), Sigmoid()])), gate)
        y = b.conv(b.node(Mul(), y, gate), channels)
        x = b.add(x, y) if stride == 1 and draw(st.booleans()) else y
    return b.graph(b.classifier(x, 4) if draw(st.booleans()) else x, name="gated")


@st.composite
def cases(draw: st.DrawFn) -> tuple[Case, Case]:
    """A network layer by layer, and with some gated tensors made twice in stages of their own."""
    integer = lower(draw(gated_networks()))
    graph = bind(integer, BOARD, "balanced")
    chosen = [each for each in gated_tensors(graph) if draw(st.integers(0, 3))]
    twice = computed_twice(graph, chosen)
    image = draw(st.sampled_from(ImagePolicy))
    apart = {each.nodes[0]: each.nodes for each in chosen}
    tile, form = (draw(st.integers(1, 3)), draw(st.integers(0, 4))), draw(st.sampled_from(Form))
    reuse = draw(st.sampled_from(Reuse))
    edges = tuple(EdgePlan(name, form, reuse, reuse) for name in graph.activations)
    stages: list[StagePlan] = []
    nodes = list(twice.nodes)
    while nodes:
        first = nodes[0]
        count = len(apart.get(first.again or first.name, ())) + 1
        part, nodes = nodes[:count], nodes[count:]
        plain = as_planned(twice, StagePlan(tuple(node.name for node in part), tile))
        alone = replace(whole_stage(twice, first), nodes=plain.nodes, again=plain.again)
        stages.append(replace(plain, edges=edges) if count > 1 else alone)
    once = Plan("once", image, tuple(whole_stage(graph, node) for node in graph.nodes))
    return (
        Case(integer, expand(graph, once)),
        Case(integer, expand(graph, Plan("twice", image, tuple(stages)))),
    )


@pytest.mark.slow
@pytest.mark.host
def test_networks_with_gates_equal_numpy_with_and_without_clones(tmp_path: Path) -> None:
    drawn: list[Case] = []

    @settings(derandomize=True, deadline=None, max_examples=6, phases=[Phase.generate])
    @given(st.data())
    def collect(data: st.DataObject) -> None:
        try:
            once, twice = data.draw(cases())
            drawn.extend([twice, once] if len(drawn) < 3 else [twice])
        except ModelError:
            return  # tiles whose rates do not fit the strides are refused

    collect()
    assert sum(any(s.again for s in case.program.plan.stages) for case in drawn) >= 4
    for case, output in zip(drawn, run_batch(drawn, tmp_path), strict=True):
        assert output == case.expected(case.pictures(2)), case.words()
