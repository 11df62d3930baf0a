"""Plans for a sensor's pace: the line buffers that bursts of row requests need are memory, too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mcucc.boards.board import load_board
from mcucc.driver.target import target_of
from mcucc.ir.integer import IntegerGraph
from mcucc.quantize.lower import lower
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.program import Program
from mcucc.schedule.search.choose import choose_again
from mcucc.schedule.search.limits import NORMAL
from mcucc.schedule.search.rows import estimated_requests, line_bytes
from mcucc.schedule.search.wishes import ScheduleOptions
from tests.fronts import quick, scheduled
from tests.graphs import Builder

BOARD = load_board("nucleo-l4r5zi")


def bursting() -> IntegerGraph:
    """Plans that keep fewer rows of it ask for more of them at once."""
    b = Builder(48, 24, 3, seed=5)
    x = b.depthwise(b.conv("image", 8, 3, 2), 3, 2)
    x = b.depthwise(b.conv(x, 12, 1), 5, 2)
    return lower(b.graph(b.classifier(b.conv(x, 16, 1), 4), name="bursting"))


WANTED = ScheduleOptions(image=ImagePolicy.ROWS, max_slowdown=2.0, limits=quick(NORMAL))


@pytest.mark.parametrize("times", [0.25, 1.0, 1.5, 2.0, 4.0])
def test_arena_and_line_buffers_are_least_together_of_plans_that_keep_up(times: float) -> None:
    made = scheduled(bursting(), BOARD, WANTED)
    height = made.program.graph.activations[made.program.graph.inputs[0]].height
    period = times * min(offer.cost for offer in made.front) / height
    again = choose_again(made, target_of(BOARD), replace(WANTED, line_period=period)) or made

    def together(program: Program) -> int:
        return program.arena_bytes + line_bytes(program, made.cost, period)

    kept = [offer for offer in made.front if offer.cost <= period * height]
    assert bool(kept) == (times >= 1.0)
    if kept:
        assert together(again.program) == min(together(offer.program) for offer in kept)
    else:
        assert made.estimate(again.program) == min(offer.cost for offer in made.front)
    assert len({together(point.program) for point in made.front}) > 1


def test_a_run_that_was_slower_than_estimated_is_judged_by_what_was_counted() -> None:
    made = scheduled(bursting(), BOARD, WANTED)
    height = made.program.graph.activations[made.program.graph.inputs[0]].height
    wanted = replace(WANTED, line_period=1.01 * made.estimate(made.program) / height)
    assert choose_again(made, target_of(BOARD), wanted) is None
    again = choose_again(made, target_of(BOARD), replace(wanted, slower=1.1))
    assert again is not None
    assert again.estimate(again.program) < made.estimate(made.program)


def test_estimated_requests_are_in_order_and_within_the_run() -> None:
    made = scheduled(bursting(), BOARD, WANTED)
    asked = estimated_requests(made.program, made.cost)
    height = made.program.graph.activations[made.program.graph.inputs[0]].height
    assert 0 < len(asked) <= height and asked == sorted(asked) and asked[0] == 0
    assert asked[-1] < made.estimate(made.program)
