"""What the schedule needs to know of a board."""

from __future__ import annotations

from mcucc.boards.board import Board
from mcucc.ir.integer import IntegerGraph
from mcucc.kernels.select import isa_of, select_all
from mcucc.schedule.search.target import Target


def target_of(board: Board) -> Target:
    """The board's core and the memory that its arena is in."""
    core = board.core.value
    isa = isa_of(core, sorted(option.value for option in board.isa))
    return Target(core, isa, board.arena.size, holds_stack=board.arena == board.data)


def bind(integer: IntegerGraph, board: Board, optimize: str) -> IntegerGraph:
    """The network with every kernel bound to the fastest variant that the board's core has."""
    return select_all(integer, target_of(board).isa, optimize)
