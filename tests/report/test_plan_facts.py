"""What report.json says of a plan agrees with the plan."""

from pathlib import Path

from mcucc.boards.board import load_board
from mcucc.driver.choice import schedule_facts
from mcucc.driver.target import target_of
from mcucc.quantize.lower import lower
from mcucc.report.format import split_words
from mcucc.report.nodes import node_facts
from mcucc.report.plan import SplitFacts
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.search.choose import schedule
from mcucc.schedule.search.wishes import ScheduleOptions
from tests.fronts import scheduled
from tests.graphs import mobile_net
from tests.schedule.split.test_splits import network, split_plan

BOARD = load_board("nucleo-l4r5zi")
INTEGER = lower(mobile_net(33, 29))


def test_stages_of_a_fused_plan_add_up() -> None:
    made = scheduled(INTEGER, BOARD, ScheduleOptions(image=ImagePolicy.ROWS, max_macs=1.2))
    facts = schedule_facts(made)
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
    made = scheduled(INTEGER, BOARD, ScheduleOptions(image=ImagePolicy.ROWS, max_macs=1.2))
    facts = schedule_facts(made)
    (chosen,) = [point for point in facts.front if point.chosen]
    assert chosen.arena == facts.arena == made.program.arena_bytes
    assert chosen.macs == made.program.macs
    costs = [point.cost for point in facts.front]
    assert costs == sorted(costs, reverse=True)
    assert all(point.factor == point.macs / INTEGER.macs for point in facts.front)
    assert facts.before.schedule == "layers"
    assert facts.before.macs == INTEGER.macs
    assert facts.before.arena > facts.arena


def test_without_a_search_there_is_no_front() -> None:
    facts = schedule_facts(scheduled(INTEGER, BOARD, ScheduleOptions(schedule="layers")))
    assert facts.front == ()
    assert facts.before.arena == facts.arena
    assert all(stage.macs == stage.macs_once for stage in facts.stages)


def test_splits_are_named_with_their_groups(tmp_path: Path) -> None:
    graph = network()
    made_plan = split_plan(graph, (2, 0), 8)
    path = tmp_path / "plan.json"
    path.write_text(made_plan.to_json())
    made = schedule(graph, target_of(BOARD), ScheduleOptions(image=ImagePolicy.ROWS, plan=path))
    (split,) = [split for stage in schedule_facts(made).stages for split in stage.splits]
    assert split == SplitFacts(made_plan.stages[1].splits[0].node, 3, 8)
    assert split_words(split) == "split into 3 groups of 8 channels"
    block, end = (
        n for n in node_facts(made.program, made.layers) if n.name in made_plan.stages[1].nodes
    )
    assert block.macs == graph.macs - sum(
        graph.macs_of(node) for node in (graph.nodes[0], graph.nodes[-1])
    )
    assert block.executed > block.macs
    assert (end.macs, bool(end.requantization)) == (0, True)
