"""Names from a model file are any text: buffers of different tensors never become one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from mcucc.boards.board import load_board
from mcucc.codegen.model_names import Names
from mcucc.driver.target import bind
from mcucc.ir.integer import IntegerGraph
from mcucc.ops.conv2d import Conv2d
from mcucc.quantize.lower import lower
from mcucc.report.memory import memory_facts
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.plan.buffers import BufferId, Part, labels
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.plan import EdgePlan, Form, ImagePolicy, Plan, StagePlan
from tests.graphs import Builder, same
from tests.whole.batch import Case, run_batch

SUFFIXES = ("", *(f".{part.value}" for part in Part if part.value), ".sums", ".kept", "_", ".a")
NAMES = st.lists(st.sampled_from(SUFFIXES), min_size=1, max_size=2).map(lambda s: "a" + "".join(s))


def network() -> IntegerGraph:
    """Rings, tiles with both caches, scratch and sums: every part of a tensor that there is."""
    b = Builder(16, 16, 3)
    x = b.conv("image", 4, 3)
    x = b.add(x, b.depthwise(b.conv(x, 4, 3), 3))
    return bind(lower(b.graph(b.classifier(b.conv(x, 4, 3, 2), 3))), BOARD, "balanced")


BOARD = load_board("nucleo-l4r5zi")
GRAPH = network()


def renamed(graph: IntegerGraph, names: Mapping[str, str]) -> IntegerGraph:
    """The network with other names of tensors; nodes are called as what they make."""
    nodes = [
        replace(
            node,
            name=names[node.output],
            inputs=tuple(names[x] for x in node.inputs),
            output=names[node.output],
        )
        for node in graph.nodes
    ]
    return replace(
        graph,
        nodes=tuple(nodes),
        activations={names[n]: replace(a, name=names[n]) for n, a in graph.activations.items()},
        inputs=tuple(names[n] for n in graph.inputs),
        outputs=tuple(names[n] for n in graph.outputs),
    )


def fused(graph: IntegerGraph, forms: Mapping[int, Form]) -> Plan:
    """All that streams in one stage, each tensor held in its own way."""
    nodes = PlannerGraph(graph, ImagePolicy.ROWS).nodes
    names = [node.name for node in graph.nodes]
    end = next(i for i, node in enumerate(nodes) if not node.streams)
    edges = [EdgePlan(node.output, forms[i]) for i, node in enumerate(graph.nodes[:end])]
    stages = [StagePlan(tuple(names[:end]), (2, 3), tuple(edges))]
    return Plan(
        "drawn", ImagePolicy.ROWS, (*stages, *(StagePlan((n,), (1, 0)) for n in names[end:]))
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[IntegerGraph, Plan]:
    tensors = list(GRAPH.activations)
    found = draw(st.lists(NAMES, min_size=len(tensors), max_size=len(tensors), unique=True))
    graph = renamed(GRAPH, dict(zip(tensors, found, strict=True)))
    forms = draw(st.lists(st.sampled_from(Form), min_size=len(tensors), max_size=len(tensors)))
    return graph, fused(graph, dict(enumerate(forms)))


@settings(derandomize=True, deadline=None, max_examples=8)
@given(cases())
def test_names_never_make_buffers_one(case: tuple[IntegerGraph, Plan]) -> None:
    graph, plan = case
    program = expand(graph, Plan.from_json(plan.to_json()))
    assert check(program).macs == graph.macs
    names = Names("net", program)
    constants = {names.buffer(buffer) for buffer in program.buffers.values()}
    assert len(constants) == len(program.buffers)
    memory = memory_facts(program)
    listed = [buffer.name for buffer in memory.buffers]
    assert len(set(listed)) == len(listed)
    for moment in memory.moments:
        assert {body.buffer for body in moment.body} <= set(listed)
        assert len({live.buffer for live in moment.live}) == len(moment.live)


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("second", ["a.rows", "a.tile", "a.ring", "a.columns", "a.scratch"])
def test_three_convolutions_of_which_one_is_called_as_a_part_of_another(
    second: str, form: Form
) -> None:
    b = Builder(10, 10, 3)
    for name, x in (("a", "image"), (second, "a"), ("b", second)):
        constants = b.weights((4, 3, 3, b.tensors[x].shape[3]), 0, x, name)
        b.node(Conv2d(same(3)), x, *constants, name=name)
    graph = lower(b.graph("b"))
    edges = {name: EdgePlan(name, form) for name in ("a", second, "b")}
    for cuts in ((("a", second), ("b",)), (("a", second, "b"),), (("a",), (second, "b"))):
        stages = (StagePlan(s, (1, 4), tuple(edges[name] for name in s)) for s in cuts)
        check(expand(graph, Plan("drawn", ImagePolicy.ROWS, tuple(stages))))


def test_buffers_print_as_people_know_them_and_are_told_apart() -> None:
    cache, tensor = BufferId("a", Part.ROWS), BufferId("a.rows")
    assert str(cache) == str(tensor) == "a.rows"
    assert cache != tensor
    assert labels([cache, tensor, BufferId("a")]) == {
        BufferId("a"): "a",
        tensor: "a.rows",
        cache: "a.rows_",
    }


@pytest.mark.slow
@pytest.mark.host
def test_c_gives_the_bytes_whatever_the_names(tmp_path: Path) -> None:
    tensors = list(GRAPH.activations)
    found = [f"a{suffix}" for suffix in SUFFIXES] + ["a.rows_", "a.rows.rows"]
    names = dict(zip(tensors, found, strict=False))
    graph = renamed(GRAPH, names)
    drawn = [
        Case(graph, expand(graph, fused(graph, dict.fromkeys(range(len(tensors)), form))))
        for form in Form
    ]
    for case, bytes_ in zip(drawn, run_batch(drawn, tmp_path), strict=True):
        assert bytes_ == case.expected(case.pictures(2))
