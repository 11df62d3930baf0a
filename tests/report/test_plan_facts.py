"""What report.json says of a plan agrees with the plan."""

from mcucc.boards import load_board
from mcucc.quantize.lower import lower
from mcucc.report.plan import plan_facts
from mcucc.schedule.choose import ScheduleOptions, schedule
from mcucc.schedule.plan import ImagePolicy
from tests.graphs import mobile_net

BOARD = load_board("nucleo-l4r5zi")
INTEGER = lower(mobile_net(33, 29))


def test_stages_of_a_fused_plan_add_up() -> None:
    made = schedule(INTEGER, BOARD, ScheduleOptions(image=ImagePolicy.ROWS, max_macs=1.2))
    facts = plan_facts(made)
    working = [stage for stage in made.program.stages if stage.actions]
    assert [stage.nodes for stage in facts.stages] == [
        tuple(node.name for node in stage.nodes) for stage in working
    ]
    assert max(stage.bytes for stage in facts.stages) == facts.peak_bytes
    assert sum(stage.macs for stage in facts.stages) == made.program.macs
    assert sum(stage.macs_once for stage in facts.stages) == INTEGER.macs
    fused = max(facts.stages, key=lambda stage: len(stage.nodes))
    inside = {edge.tensor for edge in fused.edges}
    outputs = [node.output for stage in working for node in stage.nodes]
    made_there = [name for name in outputs if name in inside]
    assert made_there
    assert len(made_there) == len(inside) < len(fused.nodes)
    assert facts.gap == facts.arena - facts.lower_bound


def test_the_front_names_the_chosen_point_and_its_figures() -> None:
    made = schedule(INTEGER, BOARD, ScheduleOptions(image=ImagePolicy.ROWS, max_macs=1.2))
    facts = plan_facts(made)
    (chosen,) = [point for point in facts.front if point.chosen]
    assert chosen.arena == facts.arena == made.program.arena_bytes
    assert chosen.macs == made.program.macs
    assert [point.arena for point in facts.front] == sorted(point.arena for point in facts.front)
    assert all(point.factor == point.macs / INTEGER.macs for point in facts.front)
    assert facts.before.schedule == "layers"
    assert facts.before.macs == INTEGER.macs
    assert facts.before.arena > facts.arena


def test_without_a_search_there_is_no_front() -> None:
    facts = plan_facts(schedule(INTEGER, BOARD, ScheduleOptions(schedule="layers")))
    assert facts.front == ()
    assert facts.before.arena == facts.arena
    assert all(stage.macs == stage.macs_once for stage in facts.stages)
