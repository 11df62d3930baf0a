"""Costs are compared as well as they are known: half an instruction, half a per cent of time."""

import pytest

from mcucc.boards.board import load_board
from mcucc.quantize.lower import lower
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.search.costs import MACS, TOLERANCE, cost_model
from mcucc.schedule.search.join import Draft, pareto
from mcucc.schedule.search.wishes import ScheduleOptions
from tests.fronts import scheduled
from tests.graphs import mobile_net

BOARD = load_board("nucleo-l4r5zi")
COST = cost_model(BOARD.core.value)


def test_of_plans_equal_but_for_rounding_the_smaller_stays() -> None:
    small = Draft(14_000, 26_864_430.000000004, ())
    large = Draft(55_000, 26_864_430.0, ())
    faster = Draft(56_000, 26_864_429.0, ())
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
    assert made.need(made.program).total == min(offer.bytes for offer in made.front)
