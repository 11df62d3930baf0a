"""Boards as data: memories, core, limits."""

from mcucc.boards.board import Board, board_names, load_board

__all__ = ["Board", "board_names", "load_board"]
