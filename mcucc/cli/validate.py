"""`mcucc validate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from mcucc.validation import Validation

TITLES = {
    "float": "float network",
    "litert": "LiteRT",
    "quantized": "int8, NumPy",
    "host": "C on this host",
    "emulated": "C emulated",
}


def validate_command(
    folder: Annotated[Path, typer.Argument(help="A folder that compile made.")],
    data: Annotated[Path, typer.Option(help="Pictures, labelled or not: a folder or an .npz.")],
    emulator: Annotated[str, typer.Option(help="auto, qemu, unicorn, renode or none.")] = "auto",
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many pictures.")
    ] = None,
    time_limit: Annotated[float, typer.Option(help="Seconds until an emulator is stopped.")] = 1800,
    json_output: Annotated[bool, typer.Option("--json", help="The table as JSON.")] = False,
    verbose: Annotated[bool, typer.Option(help="Show tracebacks.")] = False,
) -> None:
    """Compute pictures in float, in NumPy, on the host and emulated, and compare every byte.

    A .tflite is computed by LiteRT too. Exit code 1 when integer results differ anywhere; LiteRT's
    must be equal with --rounding double.
    """
    from mcucc.cli.output import console, print_json, progress_bar
    from mcucc.cli.parse import choice
    from mcucc.compiled import open_compiled
    from mcucc.emulate.choose import NAMES as EMULATORS
    from mcucc.validation import validate

    del verbose
    choice("--emulator", emulator, EMULATORS)
    compiled = open_compiled(folder)
    with progress_bar() as progress:
        found = validate(
            compiled,
            data,
            limit=limit,
            emulator=emulator,
            time_limit_s=time_limit,
            progress=progress,
        )
    if json_output:
        print_json(found.to_dict())
    else:
        console.print(_table(found))
        for line in _verdict(found):
            console.print(line, markup=False, highlight=False)
    if not found.passed:
        raise typer.Exit(1)


def _table(found: Validation) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("", "top-1", "agrees with float", "cosine", "largest difference", "equal"):
        table.add_column(title, justify="left" if not title else "right")
    for way in found.ways:
        if way.absent:
            table.add_row(TITLES[way.name], Text(way.absent, style="dim"))
            continue
        equal = Text("-" if way.different_pictures is None else "yes")
        if way.different_pictures:
            equal = Text(f"no, {way.different_pictures} of {found.images} pictures", style="red")
        table.add_row(
            TITLES[way.name],
            _percent(way.top1),
            _percent(way.agreement),
            "-" if way.cosine is None else f"{way.cosine:.4f}",
            "-" if way.largest_difference is None else str(way.largest_difference),
            equal,
        )
    return table


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _verdict(found: Validation) -> list[str]:
    lines = [f"{found.images} pictures, {found.labelled} with a label"]
    for divergence in found.divergences:
        lines.append(
            f"{divergence.way}: first difference in {divergence.layer} (tensor "
            f"{divergence.tensor}, element {divergence.index}): {divergence.found} instead of "
            f"{divergence.expected}, picture {divergence.picture}"
        )
    if found.litert_equal is not None:
        path = "reference kernels" if found.litert_exact else "default path"
        lines.append(
            f"NumPy and LiteRT ({path}) agree on every byte"
            if found.litert_equal
            else f"LiteRT's {path} computes other bytes"
            + ("" if found.litert_exact else ", see docs/numerics-litert.md")
        )
    if found.all_equal is None:
        lines.append("NumPy and host C agree on every byte; nothing was emulated")
    if found.all_equal:
        lines.append("NumPy, host C and emulated C agree on every byte")
    if found.instructions is not None:
        lines.append(f"{found.instructions:,} instructions a picture ({found.emulator})")
    return lines
