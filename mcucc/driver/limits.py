"""Whether a network fits its board, and what to say when it does not."""

from __future__ import annotations

from mcucc.boards.board import Board
from mcucc.driver.room import table_bytes
from mcucc.errors import FitError
from mcucc.report.facts import Report
from mcucc.schedule.plan.program import Program
from mcucc.toolchain.firmware import Firmware
from mcucc.toolchain.layout import LEAST_STACK_BYTES


class TooLarge(FitError):
    """The linked and measured network is too large; `beside` the arena are so many bytes of that.

    A plan that leaves them room may exist.
    """

    def __init__(self, what: str, *, where: str, beside: int) -> None:
        super().__init__(what, where=where)
        self.beside = beside


def check_arena(program: Program, board: Board) -> None:
    """FitError before any compiler runs when arena and least stack exceed the arena's memory."""
    shared = board.data == board.arena
    stack = LEAST_STACK_BYTES if shared else 0
    missing = program.arena_bytes + stack - board.arena.size
    if missing <= 0:
        return
    beside = f" beside {stack:,} bytes of stack" if shared else ""
    raise FitError(
        f"the arena needs {program.arena_bytes:,} bytes{beside}, {board.arena.name} has "
        f"{board.arena.size:,}: {missing:,} too many\n{describe_peak(program)}",
        where=board.name,
        hint="a board with more SRAM, or a network with smaller early layers",
    )


def check_weights(program: Program, board: Board) -> None:
    """FitError before any compiler runs when the constants alone are larger than their memory."""
    sizes = table_bytes(program.graph)
    total, largest = sum(sizes.values()), max(sizes, key=lambda name: sizes[name], default="")
    missing = total - board.weights.size
    if missing > 0:
        raise FitError(
            f"the weights need {total:,} bytes, {board.weights.name} has "
            f"{board.weights.size:,}: {missing:,} too many\n"
            f"  the largest, {sizes[largest]:,} bytes, are those of {largest}",
            where=board.name,
            hint="a board with more flash, or a network with fewer channels",
        )


def describe_peak(program: Program) -> str:
    """The stage of the peak and what is alive there."""
    peak = program.peak_stage
    live = ", ".join(f"{place.tensor} {place.size:,}" for place in program.live(peak))
    return (
        f"  the peak, {program.stage_bytes[peak]:,} bytes, is at "
        f"{program.stages[peak].title}; alive there: {live}"
    )


def does_not_fit(program: Program, report: Report, board: Board, limit: int) -> TooLarge:
    """By how much the linked and measured network exceeds the board, or the SRAM asked for."""
    sram, flash = report.sram, report.flash.total
    buffers = f", {sram.line_buffers:,} line buffers" if sram.line_buffers else ""
    lines = [
        f"needs {used:,} bytes of {what}, {owner} {there:,}: {used - there:,} too many"
        for what, used, owner, there in (
            (
                f"SRAM ({sram.stack:,} of them stack{buffers})",
                sram.total,
                "--sram allows" if limit < board.ram_bytes else "the board has",
                limit,
            ),
            ("flash", flash, "the board has", board.flash_bytes),
        )
        if used > there
    ]
    what = "\n".join([*lines, describe_peak(program)])
    beside = sram.beside_arena if flash <= board.flash_bytes else 0
    return TooLarge(what, where=board.name, beside=beside)


def too_much_flash(report: Report, limit: int, board: Board) -> FitError:
    """The linked network is larger than the flash it was allowed."""
    total = report.flash.total
    return FitError(
        f"needs {total:,} bytes of flash, --flash allows {limit:,}: {total - limit:,} too many",
        where=board.name,
        hint="--weights auto takes as few bits as it needs; int4 and ternary say them",
    )


def stack_too_small(program: Program, firmware: Firmware) -> FitError:
    """The emulated stack left the room that the arena leaves it."""
    board = firmware.board
    room = f"{firmware.layout.stack_bytes:,} bytes"
    place = f"the arena of {program.arena_bytes:,} leaves in {board.data.name}"
    if board.data != board.arena:
        place = f"{board.data.name} has for it"
    return FitError(
        f"the stack needs more than the {room} that {place}\n{describe_peak(program)}",
        where=board.name,
        hint="a board with more SRAM, or a network with smaller early layers",
    )
