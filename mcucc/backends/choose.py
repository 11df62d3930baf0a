"""What runs an image: the emulator or server asked for, or the best emulator there is."""

from __future__ import annotations

from mcucc.backends.gdb.backend import Gdb
from mcucc.backends.gdb.servers import parse_server, usages
from mcucc.backends.interface import Emulator
from mcucc.backends.qemu import Qemu
from mcucc.backends.renode import USAGE, parse_renode
from mcucc.backends.unicorn import Unicorn
from mcucc.boards.board import Board
from mcucc.errors import McuccError, ToolError

# What `compile` takes: emulators that count instructions and are at hand.
COUNTING = ("auto", "none", "qemu", "unicorn")


def counting() -> tuple[Emulator, ...]:
    """Emulators that count instructions, the reference first: `auto` takes one of these."""
    return (Qemu(), Unicorn())


def check_on(wanted: str, more: tuple[str, ...] = (), flash: bool = False) -> None:
    """McuccError unless `wanted` names an emulator or a server (or one of `more`), said rightly."""
    if wanted in (*COUNTING, *more):
        if flash:
            what = f"{wanted} has no flash to write"
            raise McuccError(
                what, where="--flash", hint="it goes with --on openocd:CONFIG and such"
            )
    elif parse_renode(wanted, flash) is None and parse_server(wanted, flash) is None:
        listed = ", ".join((*COUNTING, *more, USAGE, *usages()))
        raise McuccError(f"{wanted!r} is no place to run on", where="--on", hint=f"one of {listed}")


def choose_emulator(wanted: str, board: Board, flash: bool = False) -> Emulator | None:
    """What `wanted` names; with `auto` the first that can run a board's images, or None.

    `flash` lets a debugger overwrite the board's flash. Raises ToolError when what was asked for
    cannot run it here.
    """
    check_on(wanted, flash=flash)
    if wanted == "none":
        return None
    if wanted == "auto":
        return next((each for each in counting() if each.unavailable(board) is None), None)
    chosen = _named(wanted, flash)
    why_not = chosen.unavailable(board)
    if why_not is not None:
        hint = "--on auto takes the emulator that there is"
        raise ToolError(why_not, where=wanted.partition(":")[0], hint=hint)
    return chosen


def _named(wanted: str, flash: bool) -> Emulator:
    server = parse_renode(wanted, flash) or parse_server(wanted, flash)
    if server is not None:
        return Gdb(server, flash=flash)
    return next(each for each in counting() if each.name == wanted)
