"""The memory over time agrees with the planner's own figures, and never claims a byte twice."""

from __future__ import annotations

import pytest

from mcucc.boards.board import load_board
from mcucc.quantize.lower import lower
from mcucc.report.memory import MemoryFacts, memory_facts
from mcucc.report.nodes import node_facts
from mcucc.schedule.plan.buffers import BufferKind, labels
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.search.choose import Schedule
from mcucc.schedule.search.wishes import ScheduleOptions
from tests.fronts import scheduled
from tests.graphs import mobile_net

BOARD = load_board("nucleo-l4r5zi")
INTEGER = lower(mobile_net(33, 29))
PLANS = {
    "layers": ScheduleOptions(schedule="layers"),
    "rows": ScheduleOptions(image=ImagePolicy.ROWS, max_macs=1.2),
}


@pytest.fixture(scope="module", params=sorted(PLANS))
def planned(request: pytest.FixtureRequest) -> tuple[Schedule, MemoryFacts]:
    made = scheduled(INTEGER, BOARD, PLANS[request.param])
    return made, memory_facts(made.program)


def test_the_fullest_moments_are_the_planners_loads(
    planned: tuple[Schedule, MemoryFacts],
) -> None:
    made, memory = planned
    working = [i for i, stage in enumerate(made.program.stages) if stage.actions]
    assert [m.bytes for m in memory.moments] == [made.program.stage_bytes[i] for i in working]
    assert memory.moments[memory.peak].bytes == max(made.program.stage_bytes)
    for moment in memory.moments:
        assert sum(live.bytes for live in moment.live) - moment.shared == moment.bytes


def test_at_one_moment_no_byte_has_two_owners(planned: tuple[Schedule, MemoryFacts]) -> None:
    _, memory = planned
    for moment in memory.moments:
        owned = [b for live in moment.live for b in range(live.offset, live.offset + live.bytes)]
        assert len(owned) - len(set(owned)) == moment.shared


def test_pieces_stay_inside_their_buffer_and_their_step(
    planned: tuple[Schedule, MemoryFacts],
) -> None:
    made, memory = planned
    assert {buffer.name for buffer in memory.buffers} <= set(labels(made.program.buffers).values())
    for buffer in memory.buffers:
        assert (buffer.first, buffer.last) == (buffer.spans[0].step, buffer.spans[-1].step)
        for span in buffer.spans:
            assert [p.begin for p in span.pieces] == sorted(p.begin for p in span.pieces)
            for piece in span.pieces:
                assert 0 <= piece.begin < piece.end <= memory.ticks[span.step]
                assert buffer.offset <= piece.low < piece.high <= buffer.offset + buffer.size


def test_a_tensor_lives_from_its_producer_to_its_last_reader() -> None:
    made = scheduled(INTEGER, BOARD, PLANS["layers"])
    memory = memory_facts(made.program)
    order = [stage.nodes[0] for stage in made.program.steps]
    seen = 0
    for buffer in memory.buffers:
        readers = [i for i, node in enumerate(order) if buffer.tensor in node.inputs]
        if buffer.role is BufferKind.TENSOR and readers:
            producer = next(i for i, node in enumerate(order) if node.output == buffer.tensor)
            assert (buffer.first, buffer.last) == (producer, max(readers))
            seen += 1
    assert seen > 5


def test_nodes_add_up_to_the_network_and_to_the_plan() -> None:
    for options in PLANS.values():
        made = scheduled(INTEGER, BOARD, options)
        nodes = node_facts(made.program, made.layers)
        assert sum(node.macs for node in nodes) == INTEGER.macs
        assert sum(node.executed for node in nodes) == made.program.macs
        assert max(node.before_bytes for node in nodes) == max(made.layers.stage_bytes)
        acting = [stage for stage in made.program.stages if stage.actions]  # parts of chains too
        steps = [[n.name for n in nodes if n.step == s] for s in range(len(acting))]
        assert steps == [
            [n.name for n in stage.nodes if n.name in {node.name for node in nodes}]
            for stage in acting
        ]
