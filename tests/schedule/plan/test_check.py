"""The checker: every legal plan passes, every broken program is caught."""

from collections import Counter
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import Phase, assume, given, settings

from mcucc.errors import ModelError
from mcucc.ir.integer import IntegerGraph
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.buffers import BufferId, BufferKind
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.check_network import CheckError
from mcucc.schedule.plan.plan import EdgePlan, Form, ImagePolicy, Plan, StagePlan
from mcucc.schedule.plan.program import Compute, Copy, Program
from mcucc.schedule.plan.spans import EMPTY, Reuse
from tests.fronts import QUICK_ARENA
from tests.graphs import Builder, mobile_net
from tests.schedule.networks import networks, plans


def test_every_drawn_plan_passes() -> None:
    seen: Counter[str] = Counter()

    @settings(derandomize=True, deadline=None, max_examples=250, phases=[Phase.generate])
    @given(st.data())
    def passes(data: st.DataObject) -> None:
        graph = data.draw(networks())
        plan = data.draw(plans(graph))
        try:
            program = expand(graph, plan, QUICK_ARENA)
        except ModelError:
            assume(False)
            raise
        seen["split"] += any(stage.splits for stage in plan.stages)
        seen["strips"] += any(stage.strips > 1 for stage in plan.stages)
        seen["chain"] += len(program.chains) < len(program.stages)
        seen["again"] += program.factor > 1.0
        heads = {n.name for n in graph.nodes if n.output.startswith("detecthead")}
        fused = [stage for stage in program.stages if len(stage.nodes) > 1]
        seen["head"] += any(heads & stage.sinks.keys() for stage in fused)
        seen["two sinks"] += any(len(stage.sinks) > 1 for stage in fused)
        checked = check(program)
        assert checked.macs == program.macs
        assert program.lower_bound <= program.arena_bytes
        assert checked.touched <= program.arena_bytes

    passes()
    assert min(seen.values()) > 20, f"hardly drawn: {seen}"


@settings(derandomize=True, deadline=None, max_examples=60, phases=[Phase.generate])
@given(st.data())
def test_caching_everything_repeats_no_work(data: st.DataObject) -> None:
    graph = data.draw(networks())
    plan = data.draw(plans(graph))
    stages = tuple(replace(s, edges=(), splits=(), strips=1) for s in plan.stages)
    try:
        program = expand(graph, replace(plan, stages=stages), QUICK_ARENA)
    except ModelError:
        assume(False)
        raise
    assert program.macs <= graph.macs
    check(program)


def test_a_row_of_the_image_that_nothing_reads_harms_nobody() -> None:
    """A camera hands over every row: one that a stride skips must not fall on what is alive."""
    b = Builder(12, 14, 4)
    x = b.conv("image", 1, 1, 2)
    y = b.conv(x, 2, 1, 2)
    pool = b.node(GlobalAveragePool(), y)
    stages = StagePlan((x,), (4, 0), (), True), StagePlan((y,), (2, 0)), StagePlan((pool,), (2, 1))
    graph = lower(b.graph(x, y, pool))
    check(expand(graph, Plan("test", ImagePolicy.ROWS, stages)))


def fused_program(tile: tuple[int, int] = (1, 4), form: Form = Form.TILE) -> Program:
    """All of a small network up to its pool in one stage."""
    graph: IntegerGraph = lower(mobile_net())
    names = [node.name for node in graph.nodes]
    cut = next(i for i, name in enumerate(names) if name.startswith("globalaveragepool")) + 1
    edges = tuple(EdgePlan(node.output, form) for node in graph.nodes[:cut])
    stages = [StagePlan(tuple(names[:cut]), tile, edges)]
    stages += [StagePlan((name,), (1, 0)) for name in names[cut:]]
    return expand(graph, Plan("test", ImagePolicy.ROWS, tuple(stages)))


@pytest.mark.parametrize("tile", [(1, 0), (1, 2), (2, 3), (1, 4)])
@pytest.mark.parametrize("form", list(Form))
def test_whole_network_in_one_stage(tile: tuple[int, int], form: Form) -> None:
    program = fused_program(tile, form)
    assert check(program).macs == program.graph.macs
    assert any(place.kind is BufferKind.SCRATCH for place in program.buffers.values())


def survives(program: Program, buffer: BufferId, move: int) -> bool:
    """Whether the checker takes the program with one buffer elsewhere."""
    old = program.buffers[buffer]
    moved = {**program.buffers, buffer: replace(old, offset=old.offset + move)}
    try:
        check(replace(program, buffers=moved))
    except CheckError:
        return False
    return True


def test_shifted_offset_is_caught() -> None:
    program = fused_program()
    assert len(program.buffers) > 25
    # Live ranges are of whole steps: of a few buffers no byte is needed where the move would hurt.
    lower = {str(b) for b in program.buffers if survives(program, b, -4)}
    assert lower == {"conv_0.columns", "conv_3.tile"}
    # Others have free bytes above them as long as they are alive; test_mutants computes with them.
    harmless = {str(b) for b in program.buffers if survives(program, b, 4)}
    tiles = ("conv_3", "add_4", "conv_5", "conv_7", "conv_10", "add_11")
    assert harmless == {*(f"{tile}.tile" for tile in tiles), "conv_0.columns", "fc_14"}


def test_scratch_that_is_not_aligned_is_caught() -> None:
    program = fused_program()
    scratch = next(p for p in program.buffers.values() if p.kind is BufferKind.SCRATCH)
    moved = replace(scratch, offset=scratch.offset + 1)
    with pytest.raises(CheckError, match="scratch holds words"):
        check(replace(program, buffers={**program.buffers, moved.id: moved}))


def test_buffers_on_top_of_each_other_are_caught() -> None:
    program = fused_program()
    caches = [p for p in program.buffers.values() if p.kind is BufferKind.ROW_CACHE]
    moved = replace(caches[0], offset=caches[1].offset)
    with pytest.raises(CheckError, match="hold something else"):
        check(replace(program, buffers={**program.buffers, moved.id: moved}))


def test_dropped_cache_row_is_caught() -> None:
    program = fused_program()
    cache = next(
        p for p in program.buffers.values() if p.kind is BufferKind.ROW_CACHE and p.slots > 1
    )
    smaller = replace(cache, slots=cache.slots - 1)
    with pytest.raises(CheckError):
        check(replace(program, buffers={**program.buffers, cache.id: smaller}))


def test_missing_copy_is_caught() -> None:
    program = fused_program()
    stage = program.stages[0]
    copies = [i for i, a in enumerate(stage.actions) if isinstance(a, Copy)]
    assert copies
    for i in copies:
        actions = stage.actions[:i] + stage.actions[i + 1 :]
        stages = (replace(stage, actions=actions), *program.stages[1:])
        with pytest.raises(CheckError):
            check(replace(program, stages=stages))


def test_swapped_steps_are_caught() -> None:
    program = fused_program()
    stage = program.stages[0]
    computes = [i for i, a in enumerate(stage.actions) if isinstance(a, Compute)]
    first, second = computes[0], computes[1]
    actions = list(stage.actions)
    actions[first], actions[second] = actions[second], actions[first]
    with pytest.raises(CheckError):
        check(
            replace(program, stages=(replace(stage, actions=tuple(actions)), *program.stages[1:]))
        )


def test_skipped_rows_are_caught() -> None:
    program = fused_program()
    stage = program.stages[0]
    index = next(i for i, a in enumerate(stage.actions) if isinstance(a, Compute))
    action = stage.actions[index]
    busy = next(t for t, (begin, end) in enumerate(action.rows) if begin < end)
    rows = (*action.rows[:busy], EMPTY, *action.rows[busy + 1 :])
    actions = (*stage.actions[:index], replace(action, rows=rows), *stage.actions[index + 1 :])
    with pytest.raises(CheckError):
        check(replace(program, stages=(replace(stage, actions=actions), *program.stages[1:])))


def test_smaller_arena_is_caught() -> None:
    program = fused_program()
    with pytest.raises(CheckError, match="leaves the arena"):
        check(replace(program, arena_bytes=program.arena_bytes - 1))


def test_wrong_mac_count_is_caught() -> None:
    program = fused_program()
    with pytest.raises(CheckError, match="MACs"):
        check(replace(program, macs=program.macs + 1))


def test_recomputed_edges_execute_more() -> None:
    program = fused_program()
    stage = program.plan.stages[0]
    edges = tuple(replace(e, rows=Reuse.RECOMPUTE) for e in stage.edges)
    plan = replace(program.plan, stages=(replace(stage, edges=edges), *program.plan.stages[1:]))
    again = expand(program.graph, plan)
    assert check(again).macs > program.macs
