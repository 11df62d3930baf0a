"""Which emulator runs an image: the one asked for, or the best there is."""

from __future__ import annotations

from mcucc.backends.interface import Emulator
from mcucc.backends.qemu import Qemu
from mcucc.backends.renode import Renode
from mcucc.backends.unicorn import Unicorn
from mcucc.boards.board import Board
from mcucc.errors import McuccError, ToolError

NAMES = ("auto", "none", "qemu", "unicorn", "renode")


def emulators() -> tuple[Emulator, ...]:
    """All emulators, the reference first."""
    return (Qemu(), Unicorn(), Renode())


def choose_emulator(wanted: str, board: Board) -> Emulator | None:
    """The emulator named `wanted`; with `auto` the first that can run a board's images, or None.

    Raises ToolError when the one asked for cannot run it here.
    """
    if wanted not in NAMES:
        raise McuccError(
            f"{wanted!r} is no emulator", where="--emulator", hint=f"one of {', '.join(NAMES)}"
        )
    if wanted == "none":
        return None
    for emulator in emulators():
        why_not = emulator.unavailable(board)
        if emulator.name == wanted and why_not is not None:
            raise ToolError(why_not, where=wanted, hint="--emulator auto takes what there is")
        if why_not is None and wanted in ("auto", emulator.name):
            return emulator
    return None
