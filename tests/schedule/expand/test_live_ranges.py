"""Live ranges: whatever a program needs is live, and little else.

`needed.py` finds what is needed by a replay of reads and writes that knows none of the formulas.
"""

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
from hypothesis import Phase, assume, given, settings

from mcucc.errors import ModelError
from mcucc.ops.clip import Clip
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.buffers import BufferId, BufferKind, Part
from mcucc.schedule.plan.live_ranges import LiveRange
from mcucc.schedule.plan.plan import EdgePlan, Form, ImagePolicy, Plan, StagePlan
from mcucc.schedule.plan.program import Program
from tests.graphs import Builder
from tests.schedule.expand.needed import needed
from tests.schedule.networks import networks, plans


def missing(program: Program) -> list[str]:
    """Needed bytes that are not live."""
    found = []
    for id, hulls in needed(program).items():
        live = {n: each.at_times for n, each in program.live_ranges[id].items()}
        for (stage, time), (low, high) in hulls.items():
            begin, end = live[stage][time] if stage in live else (0, 0)
            if low < begin or high > end:
                found.append(f"{id}: [{low}, {high}) at {stage}, {time}, live [{begin}, {end})")
    return found


@settings(derandomize=True, deadline=None, max_examples=40, phases=[Phase.generate])
@given(st.data())
def test_whatever_is_needed_is_live(data: st.DataObject) -> None:
    graph = data.draw(networks())
    try:
        program = expand(graph, data.draw(plans(graph)))
    except ModelError:
        assume(False)
        raise
    assert not missing(program)


def test_a_live_range_that_ends_too_soon_is_found() -> None:
    program = two_convolutions(Form.TILE, (1, 4))
    assert not missing(program)
    for id, by_stage in program.live_ranges.items():
        times = by_stage[0].at_times
        last = np.flatnonzero(
            (times[:, 0] < times[:, 1]) & (np.arange(len(times)) < len(times) - 1)
        )
        times[last[-2:]] = 0
        cut = {**program.live_ranges, id: {0: LiveRange.of(times)}}
        if program.buffers[id].kind is not BufferKind.OUTPUT:
            assert missing(replace(program, live_ranges=cut)), id


@st.composite
def extents(draw: st.DrawFn) -> np.ndarray:
    """Bytes by time, with long runs."""
    runs = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 5))
    found = draw(st.lists(runs, min_size=1, max_size=8))
    return np.array([(low, high) for low, high, times in found for _ in range(times)])


@settings(derandomize=True, deadline=None, max_examples=60)
@given(extents())
def test_runs_are_the_times_they_were_made_of(times: np.ndarray) -> None:
    kept = LiveRange.of(times)
    np.testing.assert_array_equal(kept.at_times, times)
    assert kept.ever == any(low < high for low, high in times)
    assert (kept.runs[1:] != kept.runs[:-1]).any(axis=1).all()  # no two equal ones in a row


def two_convolutions(form: Form, tile: tuple[int, int]) -> Program:
    """6 x 8 pixels of 2 channels, then 3x3 of 4 channels, then 3x3 of 1, one stage."""
    b = Builder(6, 8, 2)
    x = b.conv("image", 4, 3)
    y = b.conv(x, 1, 3)
    edges = (EdgePlan(x, form),)
    graph = lower(b.graph(y))
    stage = StagePlan((graph.nodes[0].name, graph.nodes[1].name), tile, edges)
    return expand(graph, Plan("test", ImagePolicy.ROWS, (stage,)))


def only(program: Program, kind: BufferKind) -> tuple[BufferId, np.ndarray]:
    """The one buffer of a kind, and its live bytes in stage 0."""
    (id,) = (b.id for b in program.buffers.values() if b.kind is kind)
    return id, program.live_ranges[id][0].at_times


def by_action(program: Program, times: np.ndarray) -> np.ndarray:
    """Live sizes by (iteration, action) of stage 0."""
    return (times[1:-1, 1] - times[1:-1, 0]).reshape(-1, len(program.stages[0].actions))


def test_a_ring_holds_the_rows_made_and_still_read() -> None:
    program = two_convolutions(Form.RING, (1, 0))
    id, times = only(program, BufferKind.RING)
    assert id.part is Part.RING
    row = 8 * 4
    steps = by_action(program, times)
    actions = [type(a).__name__ for a in program.stages[0].actions]
    assert actions == ["Receive", "Compute", "Compute"]
    # Three rows while the second convolution reads them, two before and after it. A range is one
    # piece: two rows in the last slot and the first one (step 4) count as all three.
    assert (steps[:, 1] // row).tolist() == [1, 2, 3, 3, 3, 3, 2]
    assert (steps[:, 0] // row).tolist() == [0, 1, 2, 2, 3, 2, 2]
    assert times[0].tolist() == times[-1].tolist() == [0, 0]


def test_a_tile_lives_from_its_node_to_its_last_reader() -> None:
    program = two_convolutions(Form.TILE, (1, 4))
    id, times = only(program, BufferKind.TILE)
    size = program.buffers[id].size
    steps = by_action(program, times)
    touched = [
        i
        for i, action in enumerate(program.stages[0].actions)
        if id in (action.target, getattr(action, "source", None))
    ]
    assert set(np.unique(steps)) == {0, size}
    assert not steps[:, : touched[0]].any()
    assert not steps[:, touched[-1] + 1 :].any()


def test_a_column_cache_is_free_between_its_load_and_its_save() -> None:
    program = two_convolutions(Form.TILE, (1, 4))
    id, times = only(program, BufferKind.COLUMN_CACHE)
    actions = program.stages[0].actions
    load = next(i for i, a in enumerate(actions) if getattr(a, "source", None) == id)
    save = next(i for i, a in enumerate(actions) if a.target == id)
    steps = by_action(program, times)
    assert load + 1 < save
    assert not steps[:, load + 1 : save].any()
    assert steps[:, load].any() and steps[:, save].any()


def test_an_image_by_rows_is_never_there_as_a_whole() -> None:
    program = two_convolutions(Form.RING, (1, 0))
    id, times = only(program, BufferKind.IMAGE)
    assert program.buffers[id].slots == 3
    resident = expand(program.graph, replace(program.plan, image=ImagePolicy.RESIDENT))
    _, whole = only(resident, BufferKind.IMAGE)
    assert whole[0].tolist() == [0, 6 * 8 * 2]  # there before the first step
    assert times[0].tolist() == [0, 0]
    # It dies row by row: nothing of it is left in the end.
    assert (np.diff(whole[:-1, 0]) >= 0).all()
    assert whole[-1].tolist() == [0, 0]


def test_a_result_may_be_written_over_an_operand_that_dies() -> None:
    b = Builder(6, 6, 4)
    x = b.conv("image", 4)
    y = b.node(Clip(), x)
    graph = lower(b.graph(b.conv(y, 2)))
    stages = tuple(StagePlan((node.name,), (6, 0)) for node in graph.nodes)
    program = expand(graph, Plan("test", ImagePolicy.RESIDENT, stages))
    assert (BufferId(x), BufferId(y)) in program.in_place
    assert program.buffer_of(x).offset == program.buffer_of(y).offset
    read_again = lower(b.graph(b.conv(y, 2), x))
    stages = tuple(StagePlan((node.name,), (6, 0)) for node in read_again.nodes)
    program = expand(read_again, Plan("test", ImagePolicy.RESIDENT, stages))
    assert not program.in_place
