"""Sinks of several maps: heads of detectors that take rows as they are made and store no map."""

from collections import Counter
from dataclasses import replace

import pytest

from mcucc.ir.integer import IntegerGraph
from mcucc.ops.max_pool import MaxPool
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.buffers import BufferKind
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.check_network import CheckError
from mcucc.schedule.plan.plan import EdgePlan, Form, ImagePolicy, Plan, StagePlan
from mcucc.schedule.plan.program import Compute, Program
from mcucc.schedule.plan.spans import EMPTY
from tests.graphs import Builder, same
from tests.schedule.parts import head

TILES = ((1, 0), (1, 2), (2, 3), (3, 0))


def pyramid() -> IntegerGraph:
    """Two scales, at each a sink of two or three maps."""
    b = Builder(12, 10, 3)
    x = b.conv("image", 4, 3, 2)
    fine = head(b, b.conv(x, 2, 3), b.conv(x, 4), name="fine")
    y = b.conv(x, 6, 3, 2)
    scores = b.conv(y, 2, 3)
    pooled = b.node(MaxPool(same(3)), scores)
    coarse = head(b, scores, b.conv(y, 4), pooled, name="coarse")
    return lower(b.graph(fine, coarse))


def streamed(tile: tuple[int, int], form: Form = Form.TILE, strips: int = 1) -> Program:
    """All of it in one stage."""
    graph = pyramid()
    names = tuple(node.name for node in graph.nodes)
    edges = tuple(EdgePlan(node.output, form) for node in graph.nodes)
    image = ImagePolicy.ROWS if strips == 1 else ImagePolicy.MAPPED
    return expand(graph, Plan("test", image, (StagePlan(names, tile, edges, strips=strips),)))


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("tile", TILES)
def test_sinks_at_two_scales_share_a_stage_and_no_map_is_stored(
    tile: tuple[int, int], form: Form
) -> None:
    program = streamed(tile, form)
    check(program)
    kinds = Counter(buffer.kind for buffer in program.buffers.values())
    assert kinds[BufferKind.TENSOR] == 0
    assert kinds[BufferKind.OUTPUT] == kinds[BufferKind.SCRATCH] == 2


def test_strips_hand_a_sink_every_column_once() -> None:
    program = streamed((1, 1), strips=2)
    check(program)
    (stage,) = program.stages
    assert len(stage.strips) == 2


def test_the_maps_of_a_sink_come_at_one_rate() -> None:
    for stage in (streamed((1, 2)).stages[0], streamed((1, 2), strips=2).stages[0]):
        made = {a.node: a for a in stage.actions if isinstance(a, Compute)}
        assert sum(end - begin for begin, end in made["fine"].rows) == 6
        assert sum(end - begin for begin, end in made["fine"].columns) == 5
        assert made["fine"].rows == made["conv_1"].rows == made["conv_2"].rows


def with_action(program: Program, node: str, change: dict[str, object]) -> Program:
    """The program of one stage with an action that differs."""
    (stage,) = program.stages
    actions = [
        replace(a, **change) if isinstance(a, Compute) and a.node == node else a
        for a in stage.actions
    ]
    return replace(program, stages=(replace(stage, actions=tuple(actions)),))


@pytest.mark.parametrize("node", ["fine", "coarse"])
def test_a_head_row_that_is_read_too_late_is_caught(node: str) -> None:
    program = streamed((1, 0))
    (stage,) = program.stages
    (action,) = (a for a in stage.actions if isinstance(a, Compute) and a.node == node)
    late = (EMPTY, *action.rows[:-1])
    assert action.rows[-1] != EMPTY and action.rows[0] == EMPTY
    with pytest.raises(CheckError, match="those bytes hold something else"):
        check(with_action(program, node, {"rows": late}))
    with pytest.raises(CheckError, match="those bytes hold something else"):
        check(with_action(program, node, {"rows": (*action.rows[1:], action.rows[-1])}))


def test_rows_left_out_or_taken_twice_are_caught() -> None:
    program = streamed((1, 0))
    (action,) = (a for a in program.stages[0].actions if getattr(a, "node", "") == "fine")
    fewer = (*action.rows[:-1], EMPTY)
    with pytest.raises(CheckError, match="does not take every pixel once"):
        check(with_action(program, "fine", {"rows": fewer}))


def test_maps_of_two_sizes_are_no_head() -> None:
    program = streamed((1, 0))
    graph = program.graph
    nodes = [
        replace(node, inputs=(node.inputs[0], "image")) if node.name == "fine" else node
        for node in graph.nodes
    ]
    stage = program.stages[0]
    own = {node.name: node for node in nodes}
    stage = replace(stage, nodes=tuple(own[node.name] for node in stage.nodes))
    graph = replace(graph, nodes=tuple(nodes))
    broken = replace(program, network=graph, graph=graph, stages=(stage,))
    with pytest.raises(CheckError, match="several sizes"):
        check(broken)
