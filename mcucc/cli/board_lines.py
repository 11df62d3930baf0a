"""A run on a board in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from mcucc.driver.on_board import OnBoard, StepCycles


def print_board(board: OnBoard, console: Console, *, steps: bool = False) -> None:
    """Where it ran and what was counted; with `steps` a row a step."""
    from mcucc.report.layer_table import layer_table

    for line in board.lines():
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if steps and board.steps:
        heads = ("step", "layers", "kernels", "instructions", "cycles", "each")
        rows = [_row(index, step) for index, step in enumerate(board.steps)]
        console.print(layer_table(heads, rows, console.width))


def _row(index: int, step: StepCycles) -> tuple[str, ...]:
    instructions = step.instructions
    known = "-" if instructions is None else f"{instructions:,}"
    each = f"{step.cycles / instructions:.3f}" if instructions else "-"
    return (str(index), step.name, step.kernels, known, f"{step.cycles:,}", each)
