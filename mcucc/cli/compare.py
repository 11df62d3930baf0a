"""`mcucc compare`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mcucc.cli import options as shared

if TYPE_CHECKING:
    from rich.table import Table

    from mcucc.report.compare import Change, Comparison, LayerChange


def compare_command(
    before: Annotated[Path, typer.Argument(metavar="DIR_A", help="A folder that compile made.")],
    after: Annotated[Path, typer.Argument(metavar="DIR_B", help="Another one.")],
    fail_on_regression: Annotated[
        bool,
        typer.Option("--fail-on-regression", help="Exit 1 when SRAM, flash or instructions grew."),
    ] = False,
    tolerance: Annotated[
        float, typer.Option(min=0.0, help="Per cent that may be added without a regression.")
    ] = 0.0,
    json_output: shared.Json = False,
    verbose: shared.Verbose = False,
) -> None:
    """Compare two compiled networks: what changed in SRAM, flash, instructions, by layer."""
    from mcucc.cli.output import console, print_json
    from mcucc.report.compare import compare_reports
    from mcucc.report.stored import read_report, shown_of

    del verbose
    first, second = read_report(before), read_report(after)
    with shown_of(after):
        found = compare_reports(first, second)
    worse = found.regressions(tolerance)
    if json_output:
        print_json(_document(found, worse))
    else:
        for line in found.differing:
            console.print(f"differs: {line}", style="yellow", markup=False, highlight=False)
        console.print(_totals(found))
        for table in _details(found):
            console.print()
            console.print(table)
        for change in worse:
            console.print(f"{change.figure} grew", style="red", highlight=False)
    if fail_on_regression and worse:
        raise typer.Exit(1)


def _totals(found: Comparison) -> Table:
    table = _table("")
    for change in found.totals:
        _row(table, change.figure, change)
    return table


def _details(found: Comparison) -> Iterable[Table]:
    """The layers by figure, then the steps' instructions; the largest change first."""
    for title, layers in (("layer", found.layers), ("step", found.steps)):
        rows = [(layer, change) for layer in layers for change in layer.changes]
        rows.sort(key=lambda row: -abs((row[1].after or 0) - (row[1].before or 0)))
        short = _short([layer.name for layer in layers])
        for figure in dict.fromkeys(change.figure for _, change in rows):
            table = _table(f"{figure} of a {title}")
            for layer, change in rows:
                if change.figure == figure:
                    _row(table, f"{_status(layer)}{short[layer.name]}", change)
            yield table


def _short(names: list[str]) -> dict[str, str]:
    from mcucc.base.names import short_paths

    parts = dict.fromkeys(part for name in names for part in name.split(" .. "))
    short = short_paths(parts)
    return {name: " … ".join(short[part] for part in name.split(" .. ")) for name in names}


def _status(layer: LayerChange) -> str:
    return "" if layer.status == "changed" else f"({layer.status}) "


def _table(title: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(title, overflow="ellipsis", no_wrap=True, ratio=1)
    for head in ("before", "after", "change", "%"):
        table.add_column(head, justify="right", no_wrap=True)
    return table


def _row(table: Table, name: str, change: Change) -> None:
    from rich.text import Text

    style = ""
    if change.difference:
        style = "red" if change.difference > 0 else "green"
    table.add_row(
        Text(name),
        *("–" if value is None else f"{value:,}" for value in (change.before, change.after)),
        Text("" if not change.difference else f"{change.difference:+,}", style=style),
        Text("" if change.percent is None else f"{change.percent:+.1f}", style=style),
    )


def _document(found: Comparison, worse: tuple[Change, ...]) -> dict[str, Any]:
    def plain(change: Change) -> dict[str, Any]:
        return {
            "figure": change.figure,
            "before": change.before,
            "after": change.after,
            "difference": change.difference,
        }

    def plain_layers(layers: tuple[LayerChange, ...]) -> list[dict[str, Any]]:
        return [
            {**dataclasses.asdict(layer), "changes": [plain(change) for change in layer.changes]}
            for layer in layers
        ]

    return {
        "differing": list(found.differing),
        "totals": [plain(change) for change in found.totals],
        "layers": plain_layers(found.layers),
        "steps": plain_layers(found.steps),
        "regressions": [change.figure for change in worse],
    }
