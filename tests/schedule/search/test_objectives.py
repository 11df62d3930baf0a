"""What each objective takes of a front, how wishes combine, and which contradict each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mcucc.boards.board import load_board
from mcucc.driver.choice import schedule_facts
from mcucc.driver.target import target_of
from mcucc.errors import McuccError, ModelError
from mcucc.quantize.lower import lower
from mcucc.report.format import objective_words
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.search.choose import Schedule, choose_again, judged_for
from mcucc.schedule.search.costs import cost_model
from mcucc.schedule.search.need import Need, Room
from mcucc.schedule.search.pick import Objective, best
from mcucc.schedule.search.wishes import ScheduleOptions, check_wishes
from tests.fronts import quick, scheduled
from tests.graphs import mobile_net

BOARD = load_board("nucleo-l4r5zi")
COST = cost_model(BOARD.core.value)
ROWS = ScheduleOptions(image=ImagePolicy.ROWS, limits=quick())


@dataclass(frozen=True)
class Plan:
    bytes: int
    cost: float
    factor: float = 1.0


FRONT = [Plan(9_000, 150.0), Plan(15_000, 101.9), Plan(20_000, 101.0), Plan(90_000, 100.0)]


def made(options: ScheduleOptions = ROWS) -> Schedule:
    return scheduled(lower(mobile_net(33, 29)), BOARD, options)


def test_each_objective_takes_its_plan() -> None:
    taken = {objective: best(FRONT, objective, 1.02) for objective in Objective}
    assert taken == {
        Objective.SPEED: FRONT[3],
        Objective.BALANCED: FRONT[1],
        Objective.SRAM: FRONT[0],
    }
    assert all(best([], objective, 1.02) is None for objective in Objective)


def test_of_equal_plans_the_one_better_in_the_other_is_taken() -> None:
    slow, large = Plan(9_000, 160.0), Plan(95_000, 100.0)
    assert best([slow, *FRONT, large], Objective.SRAM, 1.02) is FRONT[0]
    assert best([large, *FRONT, slow], Objective.SPEED, 1.02) is FRONT[3]


@pytest.mark.parametrize(
    ("wishes", "aim"),
    [
        ({}, Objective.BALANCED),
        ({"sram": 13_000}, Objective.SPEED),
        ({"max_slowdown": 1.1}, Objective.SRAM),
        ({"max_macs": 1.0, "sram": 13_000}, Objective.SRAM),
        ({"sram": 13_000, "objective": "balanced"}, Objective.BALANCED),
        ({"max_slowdown": 1.1, "objective": "speed"}, Objective.SPEED),
    ],
)
def test_what_other_wishes_mean(wishes: dict[str, object], aim: Objective) -> None:
    options = replace(ScheduleOptions(), **wishes)
    check_wishes(options)
    assert options.aim is aim


@pytest.mark.parametrize(
    ("wishes", "where"),
    [
        ({"objective": "beauty"}, "--objective"),
        ({"objective": "balanced", "max_slowdown": 1.1}, "--max-slowdown"),
        ({"objective": "sram", "point": 1}, "--point"),
        ({"schedule": "layers", "max_macs": 1.0}, "--schedule"),
        ({"plan": Path("plan.json"), "objective": "sram"}, "--plan"),
    ],
)
def test_contradictions_are_one_error(wishes: dict[str, object], where: str) -> None:
    with pytest.raises(McuccError) as caught:
        check_wishes(replace(ScheduleOptions(), **wishes))
    assert caught.value.where == where


def test_the_default_is_balanced_among_the_plans_that_fit() -> None:
    plain = made()
    fastest = min(offer.cost for offer in plain.front)
    within = [o for o in plain.front if o.cost <= COST.limit(1.02) * fastest]
    assert plain.need(plain.program).total == min(o.bytes for o in within)
    assert plain.program is not plain.layers
    # Where the fastest plans do not fit, balanced is about the fastest that does.
    tight = replace(ROWS, sram=within[0].bytes - 1, objective="balanced")
    chosen = choose_again(plain, target_of(BOARD), tight)
    assert chosen is not None
    left = [offer for offer in plain.front if offer.bytes < within[0].bytes]
    fastest = min(offer.cost for offer in left)
    least = min(o.bytes for o in left if o.cost <= COST.limit(1.02) * fastest)
    assert chosen.need(chosen.program).total == least


def test_the_report_says_what_every_objective_takes() -> None:
    plain = made()
    facts = schedule_facts(plain)
    said = {each.objective: each for each in facts.objectives}
    assert list(said) == ["speed", "balanced", "sram"]
    assert said["balanced"].chosen and said["balanced"].arena == plain.program.arena_bytes
    assert said["sram"].sram == min(offer.bytes for offer in plain.front)
    assert said["speed"].slowdown == 1.0
    lines = objective_words(facts)
    assert [line.split(":")[0] for line in lines] == [f"--objective {name}" for name in said]
    assert lines[1].endswith("(this plan)")
    assert f"SRAM {said['sram'].sram / 1000:.1f} kB" in lines[2]
    layers = schedule_facts(made(replace(ROWS, schedule="layers")))
    assert layers.objectives == () and objective_words(layers) == []


@pytest.mark.parametrize("objective", [each.value for each in Objective])
def test_line_buffers_weigh_whatever_the_objective(objective: str) -> None:
    plain = made()
    height = plain.program.graph.activations[plain.program.graph.inputs[0]].height
    period = 1.1 * max(offer.cost for offer in plain.front) / height  # all keep up
    wanted = replace(ROWS, objective=objective, line_period=period)
    chosen = choose_again(plain, target_of(BOARD), wanted) or replace(plain)
    needs = {o.program: room(period).need(o.program) for o in plain.front}
    assert all(need.lines > 0 for need in needs.values())
    offers = [Plan(needs[o.program].total, o.cost) for o in plain.front]
    taken = best(offers, Objective(objective), COST.limit(1.02))
    assert taken is not None
    assert needs[chosen.program].total == taken.bytes
    # A budget that the arena and the stack keep to and the lines do not is not kept to.
    need = needs[chosen.program]
    assert room(period, total=need.total - 1).missing(need) == 1


def test_the_same_plans_by_the_costs_of_another_core() -> None:
    plain = made()
    other = load_board("stm32h743")
    judged = judged_for(plain, target_of(other), ROWS)
    assert judged.cost.name == "cortex-m7" != plain.cost.name
    assert {o.program for o in judged.front} <= {o.program for o in plain.front}
    assert all(o.cost == judged.estimate(o.program) for o in judged.front)
    costs = [offer.cost for offer in judged.front]
    assert costs == sorted(costs, reverse=True)


def room(period: float | None = None, total: int = 10**9) -> Room:
    return Room(total, 10**9, True, COST, period)


def test_what_is_beside_the_arena_is_in_its_memory_only_where_they_share_it() -> None:
    need = Need(arena=1_000, stack=300, lines=50)
    assert need.total == 1_350
    shared, apart = Room(10**9, 1_200, True, COST), Room(10**9, 1_200, False, COST)
    assert (shared.missing(need), apart.missing(need) <= 0) == (150, True)
    assert Room(1_300, 1_200, False, COST).missing(need) == 50


def test_a_network_without_layers_is_refused() -> None:
    integer = lower(mobile_net(33, 29))
    nothing = replace(integer, nodes=(), outputs=integer.inputs)
    for schedule in ("auto", "layers"):
        with pytest.raises(ModelError, match="computes nothing"):
            scheduled(nothing, BOARD, replace(ROWS, schedule=schedule))
