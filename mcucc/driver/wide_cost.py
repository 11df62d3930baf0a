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
from mcucc.schedule.search.costs import cost_model, program_cost
from mcucc.schedule.search.front import SearchOptions, search
from mcucc.schedule.search.limits import SearchLimits
from mcucc.schedule.search.wishes import ScheduleOptions


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
    return Widening(_Measure(board, optimize, image, bound), bound)


class _Measure:
    """Costs of networks; the first one's are those that the others are held against."""

    def __init__(self, board: Board, optimize: str, image: ImagePolicy, bound: float) -> None:
        self._board, self._optimize, self._image, self._bound = board, optimize, image, bound
        self._model = cost_model(target_of(board).core)
        self._first: WideCost | None = None

    def __call__(self, integer: IntegerGraph) -> WideCost:
        graph = bind(integer, self._board, self._optimize)
        layers = expand(graph, layers_plan(graph, self._image))
        size = layers.arena_bytes
        cost = WideCost(size, size, program_cost(layers, self._model))
        if self._first is not None and not replace(cost, least_bytes=0).within(
            self._bound, self._first
        ):
            return cost  # beyond the bound already: no search is needed
        limits = SearchLimits.of("quick")
        options = SearchOptions(image=self._image, limits=limits)
        least = min(point.bytes for point in search(graph, options).points)
        cost = replace(cost, least_bytes=min(least, size))
        self._first = self._first or cost
        return cost
