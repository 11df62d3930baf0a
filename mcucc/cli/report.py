"""`mcucc report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mcucc.cli import options as shared

if TYPE_CHECKING:
    from mcucc.report.facts import Report


def report_command(
    folder: Annotated[Path, typer.Argument(help="A folder that compile made.")],
    html: Annotated[bool, typer.Option("--html", help="Write report.html there again.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="The layers as CSV.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
    verbose: shared.Verbose = False,
) -> None:
    """Print what is known of a compiled network: verdict, memory, peak, layers."""
    from mcucc.errors import McuccError
    from mcucc.report.stored import read_report, shown_of

    del verbose
    if html + csv + json_output > 1:
        raise McuccError("give one of --html, --json, --csv", where="report")
    report = read_report(folder)
    with shown_of(folder):
        _show(report, folder, html, csv, json_output)


def _show(report: Report, folder: Path, html: bool, csv: bool, json_output: bool) -> None:
    from mcucc.cli.output import console

    if json_output:
        print(report.to_json(), end="")
    elif csv:
        from mcucc.report.csv import layers_csv
        from mcucc.report.format import printable

        print(printable(layers_csv(report)), end="")
    elif html:
        from mcucc.report.html import write_page

        path = write_page(report, folder)
        console.print(f"written to {path}", markup=False, highlight=False, soft_wrap=True)
    else:
        from mcucc.report.terminal import print_layers, print_report

        print_report(report, console)
        console.print()
        print_layers(report, console)
        page = folder / "report.html"
        if page.is_file():
            console.print(f"\nthe page: {page}", markup=False, highlight=False, soft_wrap=True)
