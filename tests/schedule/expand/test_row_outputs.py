"""Outputs that leave by rows: what is held of them, what a step hands out, what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mcucc.errors import ModelError
from mcucc.ir.integer import IntegerGraph
from mcucc.ops.depth_to_space import DepthToSpace
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.check import CheckError, check
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.plan import ImagePolicy, Plan, StagePlan
from mcucc.schedule.plan.program import Deliver, Program, Stage
from mcucc.schedule.plan.row_outputs import RowOutputs, keeps_whole
from mcucc.schedule.plan.spans import EMPTY
from tests.graphs import Builder

EVERY = RowOutputs(every=True)


def larger() -> IntegerGraph:
    """Two convolutions and one output of twice the rows and columns: 24 x 16 x 3."""
    b = Builder(12, 8, 3)
    x = b.conv(b.conv("image", 4, 3), 12, 3)
    return lower(b.graph(b.node(DepthToSpace(2), x, name="shuffled")))


def two_maps() -> IntegerGraph:
    """A map that is read again, one in the middle that is not, and one at the end."""
    b = Builder(12, 8, 3)
    read = b.conv("image", 4, 3)
    side = b.conv(read, 2, 1)
    return lower(b.graph(read, side, b.conv(read, 3, 3)))


def by_rows(graph: IntegerGraph, tile: tuple[int, int], strips: int = 1) -> Program:
    """All nodes in one stage, every output that can by rows."""
    names = tuple(node.name for node in graph.nodes)
    stage = StagePlan(names, tile, strips=strips)
    image = ImagePolicy.ROWS if strips == 1 else ImagePolicy.RESIDENT
    return expand(graph, Plan("test", image, (stage,), EVERY.chosen(graph)))


def delivered(program: Program) -> dict[str, list[tuple[int, int]]]:
    """The rows handed out at each step that hands some out, by output."""
    found: dict[str, list[tuple[int, int]]] = {}
    for stage in program.stages:
        for turn in range(stage.turns):
            for _, action, rows, _ in stage.performed(turn):
                if isinstance(action, Deliver):
                    found.setdefault(action.tensor, []).append(rows)
    return found


@pytest.mark.parametrize(("tile", "held"), [((2, 0), 2), ((4, 0), 4), ((4, 4), 4), ((24, 0), 24)])
def test_a_stage_holds_the_rows_of_one_row_of_tiles(tile: tuple[int, int], held: int) -> None:
    graph = larger()
    program = by_rows(graph, tile)
    check(program)
    (output,) = graph.outputs
    assert program.buffer_of(output).slots == held
    assert delivered(program)[output] == [(row, row + held) for row in range(0, 24, held)]
    whole = expand(graph, replace(program.plan, row_outputs=()))
    assert (program.arena_bytes < whole.arena_bytes) == (held < 24)


def test_strips_make_parts_of_rows_so_all_are_held_until_the_last_one_has_completed_them() -> None:
    graph = larger()
    program = by_rows(graph, (4, 4), strips=2)
    check(program)
    (output,) = graph.outputs
    assert program.buffer_of(output).slots == 24
    (stage,) = program.stages
    turns = [
        turn
        for turn in range(stage.turns)
        if any(isinstance(action, Deliver) for _, action, _, _ in stage.performed(turn))
    ]
    assert min(turns) >= stage.row_steps  # none in the first strip


def test_layer_by_layer_makes_the_last_layer_row_by_row() -> None:
    graph = larger()
    (output,) = graph.outputs
    program = expand(graph, layers_plan(graph, row_outputs=(output,)))
    check(program)
    assert program.buffer_of(output).slots == 2  # a row of the convolution makes two
    whole = expand(graph, layers_plan(graph))
    assert program.arena_bytes < whole.arena_bytes


def test_an_output_in_the_middle_leaves_while_the_rest_of_the_stage_goes_on() -> None:
    graph = two_maps()
    read, side, last = graph.outputs
    program = by_rows(graph, (1, 0))
    check(program)
    assert program.plan.row_outputs == (side, last)
    assert program.buffer_of(read).slots == 12
    assert program.buffer_of(side).slots == program.buffer_of(last).slots == 1
    assert [len(rows) for rows in delivered(program).values()] == [12, 12]


def test_what_cannot_leave_is_refused_with_the_reason() -> None:
    graph = two_maps()
    read, _, last = graph.outputs
    with pytest.raises(ModelError, match=f"output {read} cannot leave by rows: it is read by"):
        RowOutputs(named=(read,)).chosen(graph)
    with pytest.raises(ModelError, match="nothing cannot leave by rows: it is no output"):
        expand(graph, replace(layers_plan(graph), row_outputs=("nothing",)))
    assert RowOutputs(named=(last,)).chosen(graph) == (last,)
    b = Builder(6, 6, 2)
    pool = lower(b.graph(b.node(GlobalAveragePool(), b.conv("image", 4, 3))))
    assert "complete only after" in (keeps_whole(pool, pool.outputs[0]) or "")
    with pytest.raises(ModelError, match="complete only after"):
        EVERY.chosen(pool)


def test_plan_files_name_outputs_that_leave_and_older_ones_have_none() -> None:
    plan = by_rows(larger(), (2, 0)).plan
    assert Plan.from_json(plan.to_json()) == plan
    whole = replace(plan, row_outputs=())
    assert "row_outputs" not in whole.to_json()
    assert Plan.from_json(whole.to_json()) == whole


def _handing(stage: Stage) -> int:
    return next(i for i, each in enumerate(stage.actions) if isinstance(each, Deliver))


def _with(program: Program, rows: tuple[tuple[int, int], ...]) -> Program:
    (stage,) = program.stages
    at = _handing(stage)
    changed = replace(stage.actions[at], rows=rows)
    actions = (*stage.actions[:at], changed, *stage.actions[at + 1 :])
    return replace(program, stages=(replace(stage, actions=actions),))


def test_the_checker_catches_rows_left_out_handed_out_twice_early_and_overwritten() -> None:
    program = by_rows(larger(), (4, 4))
    (stage,) = program.stages
    at = _handing(stage)
    rows = stage.actions[at].rows
    first = next(step for step, each in enumerate(rows) if each != EMPTY)
    with pytest.raises(CheckError, match="20 of 24 rows"):
        check(_with(program, (*rows[:-1], EMPTY)))
    with pytest.raises(CheckError, match="not handed out whole and in order"):
        check(_with(program, (*rows[:first], EMPTY, *rows[first + 1 :])))
    with pytest.raises(CheckError, match="not handed out whole and in order"):
        check(_with(program, (*rows[:-1], rows[-2])))
    with pytest.raises(CheckError, match="whoever takes the rows reads row 4"):
        check(_with(program, (*rows[:first], (0, 8), *rows[first + 1 :])))
    early = stage.actions[at - 1 :: -1][0], stage.actions[at]
    swapped = (*stage.actions[: at - 1], early[1], early[0], *stage.actions[at + 1 :])
    with pytest.raises(CheckError, match="whoever takes the rows reads row 0"):
        check(replace(program, stages=(replace(stage, actions=swapped),)))
    columns = tuple((0, 16) for _ in stage.actions[at].columns)
    each = replace(stage.actions[at], columns=columns)
    actions = (*stage.actions[:at], each, *stage.actions[at + 1 :])
    with pytest.raises(CheckError, match="whoever takes the rows reads row 0"):
        check(replace(program, stages=(replace(stage, actions=actions),)))
    ring = program.buffer_of(program.graph.outputs[0])
    fewer = {**program.buffers, ring.id: replace(ring, slots=ring.slots - 1)}
    with pytest.raises(CheckError, match="whoever takes the rows reads"):
        check(replace(program, buffers=fewer))
