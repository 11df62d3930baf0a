"""Groups of pictures as rows of text: the same in the terminal and on the page."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mcucc.evaluate.groups import BOOTSTRAP, LEVEL, MCNEMAR, Figure, GroupRow
from mcucc.evaluate.judged_groups import GroupTable

WAYS = {"float": "float", "quantized": "int8"}
TESTS = {
    MCNEMAR: "lost: pictures that only float gets right, won: that only int8 does; p: exact "
    "McNemar test of these (two-sided binomial)",
    BOOTSTRAP: "p: paired bootstrap of the pictures (two-sided, fixed seed)",
}
INTERVALS = {"top1": "Wilson", "f1": "Wilson, of TP / (TP + FP + FN)"}
DRAWN = "bootstrap of the pictures, fixed seed"
LOST = "worse"


@dataclass(frozen=True)
class GroupCells:
    """A row of the table; `lost`: int8 loses this group."""

    cells: tuple[str, ...]
    lost: bool


def heads_of(table: GroupTable) -> tuple[str, ...]:
    """The columns."""
    (first, *_) = table.rows
    ways = tuple(WAYS.get(way, way) for way in first.figures)
    changed = ("lost", "won") if first.changed is not None else ()
    return ("", "count", *ways, *changed, *(("p", "") if first.test else ()))


def rows_of(table: GroupTable) -> tuple[GroupCells, ...]:
    """The rows, all pictures first; a column's name stands above its values."""
    (first, *groups) = table.rows
    width = len(heads_of(table))
    found = [GroupCells(("all", f"{first.count:,}", *_cells(first, first)), first.lost)]
    column = ""
    for row in groups:
        if row.column != column:
            column = row.column
            found.append(GroupCells((f"by {column}", *[""] * (width - 1)), False))
        cells = (f"  {row.value}", f"{row.count:,}", *_cells(row, first))
        found.append(GroupCells(cells, row.lost))
    return tuple(found)


def _cells(row: GroupRow, first: GroupRow) -> tuple[str, ...]:
    figures = tuple(_figure(figure) for figure in row.figures.values())
    changed = tuple(map(str, row.changed)) if row.changed is not None else ()
    told = ("–" if row.p is None else _chance(row.p), LOST if row.lost else "")
    return (*figures, *changed, *(told if first.test else ()))


def _figure(figure: Figure) -> str:
    if figure.value is None:
        return "–"
    if figure.interval is None:
        return f"{100 * figure.value:.1f}"
    low, high = (100 * end for end in figure.interval)
    return f"{100 * figure.value:.1f} ({low:.1f}–{high:.1f})"


def _chance(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def footnotes_of(table: GroupTable) -> list[str]:
    """What the brackets and the marks mean."""
    lines = [f"percent; in brackets: 95 % confidence ({INTERVALS.get(table.key, DRAWN)})"]
    (first, *groups) = table.rows
    if first.test:
        lines.append(
            f"{TESTS[first.test]}; {LOST}: int8 loses, p below {LEVEL:g} (of the groups by Holm's "
            f"correction for {len(groups)})"
        )
    return lines


def print_groups(tables: tuple[GroupTable, ...], console: Console) -> None:
    """A table a measure; the groups that int8 loses in red."""
    for made in tables:
        console.print()
        console.print(f"groups of pictures, {made.title}", style="bold", highlight=False)
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
        for place, head in enumerate(heads_of(made)):
            table.add_column(head, justify="right" if place else "left", no_wrap=True)
        for row in rows_of(made):
            table.add_row(*map(Text, row.cells), style="bold red" if row.lost else "")
        console.print(table)
        for line in footnotes_of(made):
            console.print(line, style="dim", highlight=False)
