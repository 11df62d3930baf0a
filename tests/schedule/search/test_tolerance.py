"""Costs are compared as well as they are known: half an instruction, half a per cent of time."""

from dataclasses import replace

import pytest

from mcucc.boards.board import load_board
from mcucc.driver.choice import schedule_facts
from mcucc.quantize.lower import lower
from mcucc.report.format import saving_words
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.search.candidate import Candidate, pareto
from mcucc.schedule.search.choose import ScheduleOptions
from mcucc.schedule.search.costs import MACS, TOLERANCE, cost_model
from tests.fronts import scheduled
from tests.graphs import mobile_net

BOARD = load_board("nucleo-l4r5zi")
COST = cost_model(BOARD.core.value)


def test_of_plans_equal_but_for_rounding_the_smaller_stays() -> None:
    small = Candidate(0, 1, 14_000, 26_864_430.000000004, (1, 0))
    large = Candidate(0, 1, 55_000, 26_864_430.0, (1, 0))
    faster = Candidate(0, 1, 56_000, 26_864_429.0, (1, 0))
    assert pareto([large, small]) == [small]
    assert pareto([large, faster, small]) == [small, faster]


def test_an_estimated_bound_has_a_tolerance_a_counted_one_has_none() -> None:
    assert COST.limit(1.0) == pytest.approx(1.0 + TOLERANCE)
    assert MACS.limit(1.1) == 1.1


def test_a_plan_of_the_fastest_time_is_within_a_slowdown_of_one() -> None:
    options = ScheduleOptions(image=ImagePolicy.ROWS, max_slowdown=1.0)
    graph = lower(mobile_net(33, 29))
    made = scheduled(graph, BOARD, options)
    assert 1.0 <= made.slowdown(made.program) <= COST.limit(1.0)
    known = (*made.front, *made.slower)
    within = [p for p in known if made.slowdown(p.program) <= COST.limit(1.0)]
    assert made.program.arena_bytes == min(p.bytes for p in within)


def test_one_per_cent_more_time_is_looked_up_and_said() -> None:
    """The least memory of the plans known within 1.01 times the chosen one's time."""
    options = ScheduleOptions(image=ImagePolicy.ROWS, max_slowdown=1.0)
    made = scheduled(lower(mobile_net(33, 29)), BOARD, options)
    time = made.estimate(made.program)
    saving = made.saving()
    assert saving is not None
    assert saving.bytes < made.program.arena_bytes
    assert time < saving.cost <= 1.01 * time
    facts = schedule_facts(made)
    assert facts.saving is not None
    assert facts.saving.arena == saving.bytes
    words = saving_words(facts)
    start = f"1 % more time: {saving.bytes:,} bytes of arena instead of {facts.arena:,}"
    assert words.startswith(start)
    (advice,) = (word for word in words.replace(")", " ").split() if word.startswith("1.0"))
    again = scheduled(
        lower(mobile_net(33, 29)), BOARD, replace(options, max_slowdown=float(advice))
    )
    assert again.program.arena_bytes <= saving.bytes


def test_nothing_is_said_where_more_time_buys_nothing() -> None:
    made = scheduled(lower(mobile_net()), BOARD, ScheduleOptions(schedule="layers"))
    assert made.saving() is None
    facts = schedule_facts(made)
    assert facts.saving is None
    assert saving_words(facts) == ""
