"""`mcucc boards`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from mcucc.boards.board import Board


WIDE, MEDIUM = 120, 96  # columns of a terminal that shows titles, and what emulates a board


def boards_command(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names or TOML files; default: all boards.")
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Everything known, as JSON.")] = False,
    verbose: Annotated[bool, typer.Option(help="Show tracebacks.")] = False,
) -> None:
    """List the boards: core, SRAM, flash, clock, and what emulates them."""
    from rich.table import Table

    from mcucc.boards.board import board_names, load_board
    from mcucc.cli.output import console, print_json

    del verbose
    boards = [load_board(name) for name in names or board_names()]
    if json_output:
        print_json([facts_of(board) for board in boards])
        return
    # What does not fit into a narrow terminal is left out: --json has it.
    shown = 7 if console.width >= WIDE else 6 if console.width >= MEDIUM else 5
    table = Table(box=None, pad_edge=False, header_style="dim")
    columns = (
        ("board", False),
        ("core", False),
        ("SRAM kB", True),
        ("flash kB", True),
        ("MHz", True),
        ("emulated on", False),
        ("", False),
    )
    for title, right in columns[:shown]:
        table.add_column(title, justify="right" if right else "left", no_wrap=bool(title))
    for board in boards:
        row = (
            board.name,
            " ".join([board.core.value, *isa_names(board)]),
            f"{board.ram_bytes / 1000:,.1f}",
            f"{board.flash_bytes / 1000:,.1f}",
            f"{board.clock_hz / 1e6:g}",
            board.machine or "- (C only)",
            board.title,
        )
        table.add_row(*row[:shown])
    console.print(table)


def isa_names(board: Board) -> list[str]:
    """The options of the instruction set, sorted."""
    return sorted(option.value for option in board.isa)


def facts_of(board: Board) -> dict[str, Any]:
    """A board as JSON; sizes in bytes, None where nothing emulates it."""
    roles = {"code": board.code, "weights": board.weights}
    roles |= {"data": board.data, "arena": board.arena}
    return {
        "name": board.name,
        "title": board.title,
        "core": board.core.value,
        "isa": isa_names(board),
        "clock_hz": board.clock_hz,
        "sram": board.ram_bytes,
        "flash": board.flash_bytes,
        "memories": [
            {
                "name": memory.name,
                "kind": memory.kind.value,
                "origin": memory.origin,
                "size": memory.size,
                "holds": [role for role, place in roles.items() if place == memory],
            }
            for memory in board.memories
        ],
        "emulated_on": board.machine,
        "source": vars(board.source),
    }
