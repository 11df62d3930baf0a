"""`mcucc validate`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mcucc.cli import options as shared

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from mcucc.driver.folder import CompiledFolder
    from mcucc.driver.validate import Validation
    from mcucc.evaluate.ways import Divergence, WayResult

TITLES = {
    "float": "float network",
    "litert": "LiteRT",
    "onnxruntime": "ONNX Runtime",
    "quantized": "int8, NumPy",
    "host": "C on this host",
    "emulated": "C emulated",
}
COLUMNS = ("top-1", "agrees with float", "cosine", "worst slice", "largest difference", "equal")
ORACLES = ("litert", "onnxruntime")


def validate_command(
    folder: Annotated[Path, typer.Argument(help="A folder that compile made.")],
    data: Annotated[
        Path,
        typer.Option(help="Pictures, a folder or an .npz; or raw inputs, an .npz or .npy."),
    ],
    on: shared.On = "auto",
    flash: shared.FlashBoard = False,
    labels: Annotated[
        list[Path] | None,
        typer.Option(
            help="Boxes or masks of the pictures: COCO JSON, a folder of VOC .xml, YOLO .txt or "
            "mask .png. Default: those beside the pictures."
        ),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            help="Columns of labels.csv that make groups: distance,light. Default: all of few "
            "values."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many pictures.")
    ] = None,
    layers: Annotated[
        bool, typer.Option("--layers", help="What each layer costs, and what to do about it.")
    ] = False,
    time_limit: Annotated[float, typer.Option(help="Seconds until an emulator is stopped.")] = 1800,
    json_output: Annotated[bool, typer.Option("--json", help="The table as JSON.")] = False,
    verbose: Annotated[bool, typer.Option(help="Show tracebacks.")] = False,
) -> None:
    """Compute pictures in float, in NumPy, on the host and emulated, and compare every byte.

    By labels also how right the answers of [output] are, written into the folder as validate.html
    and validate.json. A quantized file is computed by LiteRT or ONNX Runtime too. Exit code 1 when
    integer results differ anywhere, or a layer of the file by more than rounding explains.
    """
    from mcucc.backends.choose import check_on
    from mcucc.cli.board_lines import print_board
    from mcucc.cli.output import console, print_json, progress_bar
    from mcucc.driver.folder import open_compiled
    from mcucc.driver.validate import validate
    from mcucc.report.answers import print_answers
    from mcucc.report.groups import print_groups
    from mcucc.report.noise import print_noise

    del verbose
    check_on(on, flash=flash)
    compiled = open_compiled(folder)
    with progress_bar() as progress:
        found = validate(
            compiled,
            data,
            limit=limit,
            emulator=on,
            flash=flash,
            time_limit_s=time_limit,
            progress=progress,
            layers=layers,
            labels=labels or (),
            groups=None if groups is None else [name.strip() for name in groups.split(",")],
        )
    page = _write_page(compiled, data, found)
    if json_output:
        print_json(found.to_dict())
    else:
        console.print(_table(found))
        if found.board is not None:
            print_board(found.board, console)
        for line in _verdict(found):
            console.print(line, markup=False, highlight=False)
        print_answers([answer for answer in found.answers if not answer.implied], console)
        for answer in found.answers:
            for line in answer.notes if answer.implied else ():
                console.print(line, markup=False, highlight=False)
            print_groups(answer.groups, console)
        if found.layers is not None:
            console.print()
            print_noise(found.layers, console)
        if page is not None:
            console.print(f"\nthe page: {page}", markup=False, highlight=False, soft_wrap=True)
    if not found.passed:
        raise typer.Exit(1)


def _write_page(compiled: CompiledFolder, data: Path, found: Validation) -> Path | None:
    """The page's path; where it cannot be written a warning, as the figures are printed anyway."""
    from mcucc.driver.validation_page import write_validation
    from mcucc.errors import OutputError
    from mcucc.report.answers import Cells
    from mcucc.report.html.validation import ValidationFacts

    heads, rows = _rows(found)
    shown = tuple(
        (
            _title(found, way.name),
            *([way.absent] if row is None else [row[head].plain for head in heads]),
        )
        for way, row in zip(found.ways, rows, strict=True)
    )
    ways = Cells(tuple(heads), shown)
    verdict = tuple(_verdict(found))
    facts = ValidationFacts(compiled.manifest.name, data.name, found.passed, ways, verdict)
    try:
        return write_validation(compiled, found, facts)
    except OutputError as error:
        warnings.warn(str(error), stacklevel=2)
        return None


def _rows(found: Validation) -> tuple[list[str], list[dict[str, Text] | None]]:
    """A row a way (None: absent), and the columns that any way has a value in."""
    rows = [None if way.absent else _cells(way, found.images) for way in found.ways]
    known = [row for row in rows if row is not None]
    return [title for title in COLUMNS if any(row[title].plain != "-" for row in known)], rows


def _table(found: Validation) -> Table:
    """A row a way; columns that no way has a value in are left out."""
    from rich.table import Table
    from rich.text import Text

    shown, rows = _rows(found)
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", no_wrap=True)
    for title in shown:
        table.add_column(title, justify="right")
    for way, row in zip(found.ways, rows, strict=True):
        cells = [Text(way.absent, style="dim")] if row is None else [row[t] for t in shown]
        table.add_row(_title(found, way.name), *cells)
    return table


def _cells(way: WayResult, images: int) -> dict[str, Text]:
    """One row by column; "-" where there is nothing to say."""
    from rich.text import Text

    equal = Text("-" if way.different_pictures is None else "yes")
    if way.different_pictures:
        equal = Text(f"no, {way.different_pictures} of {images} pictures", style="red")
    plain = (
        _percent(way.top1),
        _percent(way.agreement),
        "-" if way.cosine is None else f"{way.cosine:.4f}",
        "-" if way.worst is None else way.worst.shown,
        "-" if way.largest_difference is None else str(way.largest_difference),
    )
    return dict(zip(COLUMNS, (*map(Text, plain), equal), strict=True))


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _verdict(found: Validation) -> list[str]:
    placed = found.answers and not found.labelled  # their labels are told with the answers
    label = "" if placed else f", {found.labelled} with a label"
    lines = [f"{found.images} pictures{label}"]
    lines += [_divergence(divergence) for divergence in found.divergences]
    if found.wrong_float is not None:
        lines.append(f"the import is wrong: {found.wrong_float}")
    if found.changed_layer:
        lines.append(
            f"the folder was compiled from another network than its model file gives today, first "
            f"in layer {found.changed_layer}: compile again"
        )
    lines += _oracle(found)
    lines += _slices(found)
    lines += [constant.told for constant in found.constants]
    if found.all_equal is None:
        lines.append("NumPy and host C agree on every byte; nothing was emulated")
    if found.all_equal:
        emulated = "C on the board" if _on_board(found) else "emulated C"
        lines.append(f"NumPy, host C and {emulated} agree on every byte")
    if found.instructions is not None:
        by = found.emulator if found.board is None else found.board.emulator or found.emulator
        lines.append(f"{found.instructions:,} instructions a picture ({by})")
    return lines


def _on_board(found: Validation) -> bool:
    return found.board is not None and not found.board.place.emulated


def _title(found: Validation, way: str) -> str:
    return "C on the board" if way == "emulated" and _on_board(found) else TITLES[way]


def _divergence(divergence: Divergence) -> str:
    place = (
        f"{divergence.way}: first difference in {divergence.layer} (tensor {divergence.tensor}, "
        f"element {divergence.index})"
    )
    if divergence.way in ORACLES:
        title = TITLES[divergence.way]
        values = f"{divergence.found} where {title} computes {divergence.expected}"
        return f"{place}: {values}, beyond what rounding explains, picture {divergence.picture}"
    return (
        f"{place}: {divergence.found} instead of {divergence.expected}, "
        f"picture {divergence.picture}"
    )


def _oracle(found: Validation) -> list[str]:
    """What the runtime that has the file says, or that nothing was asked."""
    if not found.oracle:
        return []
    title = TITLES[found.oracle]
    (way,) = (way for way in found.ways if way.name == found.oracle)
    if found.oracle_equal is None:
        return [f"the import was compared with nothing: {way.absent}"]
    path = {"litert": "reference kernels" if found.oracle_exact else "default path"}
    title += f" ({path[found.oracle]})" if found.oracle in path else ""
    if found.oracle_equal:
        return [f"NumPy and {title} agree on every byte"]
    if any(divergence.way == found.oracle for divergence in found.divergences):
        return [f"{title} computes another network: do not trust this one"]
    return [
        f"{title} rounds otherwise: no layer differs by more than its arithmetic explains, outputs "
        f"by at most {way.largest_difference} steps (docs/numerics-litert.md)"
    ]


def _slices(found: Validation) -> list[str]:
    """Where the int8 outputs are least like the float network's, and what is lost altogether."""
    from mcucc.report.format import dead_words, slice_words

    worst = next((way.worst for way in found.ways if way.name == "quantized"), None)
    if worst is None or not worst.output:
        return []
    lines = [f"worst slice: {slice_words(worst)}"]
    if worst.dead:
        lines.append(f"warning: {dead_words(worst)}")
    return lines
