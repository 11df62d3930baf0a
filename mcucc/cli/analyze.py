"""`mcucc analyze`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mcucc.cli import options as shared

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from mcucc.driver.analyze import Analysis, Verdict

LONGEST = 1000  # letters of a line


def analyze_command(
    model: Annotated[Path, typer.Argument(help="The network: .onnx or .tflite.")],
    board: Annotated[
        str, typer.Option(help="A board's name, the path of a TOML file, or all.")
    ] = "all",
    data: shared.Data = None,
    preprocess: shared.PreprocessFile = None,
    input_shape: shared.InputShape = None,
    outputs: shared.Outputs = None,
    raw_outputs: shared.RawOutputs = False,
    weights: shared.Weights = None,
    precision: shared.Precision = None,
    wide_bound: shared.WideBound = 1.15,
    quantize: shared.Quantize = "default",
    optimize: shared.Optimize = "balanced",
    image: shared.Image = "resident",
    json_output: shared.Json = False,
    verbose: shared.Verbose = False,
) -> None:
    """Say whether a network fits a board, what is short, what would help; then its layers.

    Needs no pictures and no compiler. Exit code 0 whether it fits or not.
    """
    from mcucc.cli.output import console, print_json, progress_bar
    from mcucc.driver.analyze import analyze

    del verbose
    schedule = shared.schedule_options(optimize=optimize, image=image)
    network = shared.network_options(
        data=data,
        preprocess=preprocess,
        input_shape=input_shape,
        outputs=outputs,
        raw_outputs=raw_outputs,
        weights=weights,
        precision=precision,
        wide_bound=wide_bound,
        quantize=quantize,
    )
    with progress_bar() as progress:
        found = analyze(model, board, network, schedule, progress)
    if json_output:
        print_json(dataclasses.asdict(found))
        return
    if board == "all":
        console.print(_fitting(found))
        console.print(_boards(found))
        for line in _notes(found):
            console.print(line)
        return
    (verdict,) = found.verdicts
    for line in _verdict(verdict):
        console.print(line)
    for line in _notes(found):
        console.print(line)
    console.print()
    console.print(_layers(found, console.width))


def _verdict(verdict: Verdict) -> list[Text]:
    from rich.text import Text

    way = verdict.way
    least = verdict.least
    sram = f"SRAM {way.sram / 1000:,.1f} of {verdict.sram / 1000:,.1f} kB"
    if least is not None:
        sram += f" (at least {least.sram / 1000:,.1f})"
    words = Text("fits " if verdict.fits else "does not fit ")
    words.stylize("bold green" if verdict.fits else "bold red")
    words.append(f"{verdict.board}: ", style="bold")
    words.append(
        f"{sram}, flash about {way.flash / 1000:,.0f} of {verdict.flash / 1000:,.0f} kB",
        style="not bold",
    )
    lines = [words, *(Text(f"  {line}", style="red") for line in verdict.short)]
    lines += [Text.assemble(("  what helps: ", "dim"), line) for line in verdict.helps]
    return lines


def _shortened(text: str) -> str:
    """A table without the end of long lines, such as thousands of anchors: --json has them."""
    lines = text.splitlines()
    return "\n".join(x if len(x) <= LONGEST else f"{x[:LONGEST]} .. (--json: whole)" for x in lines)


def _notes(found: Analysis) -> list[Text]:
    from rich.text import Text

    from mcucc.report.format import recognised_words

    shape = ", ".join("x".join(str(n) for n in shape) for shape in found.input)
    way = found.verdicts[0].way
    notes = [f"{found.model}, input {shape}, {found.macs:,} MACs, {found.params:,} parameters"]
    if len(found.verdicts) == 1:
        notes.append(
            f"schedule {way.schedule}: arena {way.arena:,} bytes, peak {way.peak_bytes:,} at "
            f"{way.peak_layer}"
        )
    notes.append(
        f"SRAM: arena of the plan and {way.stack} bytes estimated for the stack; "
        f"flash: weights, tables, and code estimated ({way.code / 1000:.0f} kB); compile measures"
    )
    if found.synthetic:
        notes.append("quantized on noise: sizes are right, values are not; compile takes --data")
    lines = [Text(note, style="dim") for note in notes]
    if found.recognised is not None:
        lines += [Text(line) for line in recognised_words(found.recognised)]
        lines += [Text("as a table of its TOML:", style="dim"), Text(_shortened(found.output))]
    if found.proposed is not None:
        made = found.proposed
        lines.append(Text(f"the outputs look like this (a proposal): {made.why}"))
        if made.assumed:
            lines.append(Text(f"assumed, for you to check: {made.assumed}"))
        lines += [Text("for the model's TOML, docs/answers.md:", style="dim"), Text(made.output)]
    return lines


def _fitting(found: Analysis) -> Text:
    from rich.text import Text

    fitting = sum(verdict.fits for verdict in found.verdicts)
    rows = sum(verdict.least_fits for verdict in found.verdicts)
    more = f", {rows} more with options" if rows else ""
    text = f"fits {fitting} of {len(found.verdicts)} boards{more}"
    return Text(text, style="bold green" if fitting + rows else "bold red")


def _boards(found: Analysis) -> Table:
    """A line a board: memory as compile would take it, and the verdict."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("board", "SRAM kB", "of", "flash kB", "of", ""):
        table.add_column(title, justify="left" if title in ("board", "") else "right")
        table.columns[-1].no_wrap = bool(title)
    for verdict in found.verdicts:
        least = verdict.least
        text = Text("fits", style="green")
        if least is not None and verdict.least_fits:
            text = Text(f"{least.sram / 1000:,.1f} kB with {least.options}", style="yellow")
        elif not verdict.fits:
            words = "; ".join(line.split(";")[0] for line in verdict.short)
            text = Text(words, style="red")
        elif verdict.way.schedule != "layers":
            text.append(", layers fused", style="dim")
        shown = least if least is not None and not verdict.least_fits else verdict.way
        table.add_row(
            verdict.board,
            f"{shown.sram / 1000:,.1f}",
            f"{verdict.sram / 1000:,.1f}",
            f"{verdict.way.flash / 1000:,.0f}",
            f"{verdict.flash / 1000:,.0f}",
            text,
        )
    return table


def _layers(found: Analysis, width: int) -> Table:
    from mcucc.base.names import short_paths
    from mcucc.report.layer_table import layer_table

    short = short_paths(dict.fromkeys(node.name for node in found.layers))
    rows = [
        [
            str(number),
            short[node.name],
            f"{node.op} ({node.variant})",
            "x".join(str(n) for n in node.output),
            f"{node.macs:,}",
            f"{node.weight_bytes:,}",
            f"{node.before_bytes:,}",
        ]
        for number, node in enumerate(found.layers, 1)
    ]
    return layer_table(["", "layer", "op", "output", "MACs", "weights", "live"], rows, width)
