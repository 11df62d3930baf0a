"""Whether compiler and emulator are there, before anything takes time."""

from __future__ import annotations

from mcucc.backends.choose import choose_emulator
from mcucc.boards.board import Board
from mcucc.errors import ToolError
from mcucc.toolchain.machines import machine_of
from mcucc.toolchain.targets import cross_compiler, no_firmware


def check_tools(board: Board, *, c_only: bool, compiler: str | None, emulator: str) -> str:
    """Why the C library is all there will be, "" when firmware is built and measured.

    Raises ToolError, before anything takes time, when compiler or emulator are not there.
    """
    if c_only:
        return "--c-only"
    reason = no_firmware(board)
    if reason is not None:
        return reason
    machine_of(board)
    try:
        cross_compiler(board, compiler)
    except ToolError as error:
        hint = f"{error.hint}, or give --compiler PATH; --c-only writes the C library alone"
        raise ToolError(error.what, where=error.where, hint=hint) from error
    choose_emulator(emulator, board)
    return ""
