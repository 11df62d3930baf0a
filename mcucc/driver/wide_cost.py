"""What wider tensors cost on a board: arenas and instructions, for the quantizer's choice."""

from __future__ import annotations

from dataclasses import replace

from mcucc.boards.board import Board
from mcucc.driver.load import NetworkOptions
from mcucc.driver.target import bind, target_of
from mcucc.ir.integer import IntegerGraph
from mcucc.quantize.precision import WideCost, Widening
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.search.choose import ScheduleOptions
from mcucc.schedule.search.costs import cost_model, program_cost
from mcucc.schedule.search.front import SearchOptions, search
from mcucc.schedule.search.limits import SearchLimits

EFFORT = 20_000  # of the search for the least arena: a few seconds


def with_widening(
    options: NetworkOptions, board: Board, schedule: ScheduleOptions
) -> NetworkOptions:
    """The options, with what tensors are chosen by where they ask for that."""
    if options.wide_bound is None:
        return options
    made = widening(board, schedule.optimize, schedule.image, options.wide_bound)
    return replace(options, widen=made)


def widening(board: Board, optimize: str, image: ImagePolicy, bound: float) -> Widening:
    """Choose by what a board's core and kernels make of it."""

    def measure(integer: IntegerGraph) -> WideCost:
        graph, model = bind(integer, board, optimize), cost_model(target_of(board).core)
        layers = expand(graph, layers_plan(graph, image))
        options = SearchOptions(image=image, least_width=4, limits=SearchLimits.of_effort(EFFORT))
        least = min(point.bytes for point in search(graph, options).points)
        least = min(least, layers.arena_bytes)
        return WideCost(layers.arena_bytes, least, program_cost(layers, model))

    return Widening(measure, bound)
