"""`mcucc run`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mcucc.cli import options as shared

if TYPE_CHECKING:
    from mcucc.codegen.constant_outputs import ConstantTable
    from mcucc.driver.answered import Answered
    from mcucc.driver.folder import CompiledFolder
    from mcucc.driver.run import Run


def run_command(
    folder: Annotated[Path, typer.Argument(help="A folder that compile made.")],
    input_file: Annotated[
        Path,
        typer.Option(
            "--input",
            help="A picture or a folder of pictures; camera bytes .npy, .bin or .raw, or raw "
            "inputs .npy or .npz (one sample).",
        ),
    ],
    on: shared.On = "auto",
    flash: shared.FlashBoard = False,
    draw: Annotated[
        Path | None,
        typer.Option(help="Draw the answers: a .png, of a folder of pictures a folder."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Of a folder only the first so many pictures.")
    ] = None,
    top: Annotated[
        int, typer.Option(min=1, help="How many scores, or different indices, to print.")
    ] = 5,
    time_limit: Annotated[float, typer.Option(help="Seconds until an emulator is stopped.")] = 300,
    json_output: Annotated[bool, typer.Option("--json", help="Outputs as JSON.")] = False,
    verbose: Annotated[bool, typer.Option(help="Show tracebacks.")] = False,
) -> None:
    """Run a picture or sample, or a folder of pictures, through a compiled network."""
    from mcucc.backends.choose import check_on
    from mcucc.cli.board_lines import print_board
    from mcucc.cli.output import console, print_json, progress_bar
    from mcucc.driver.answered import answered, check_drawing, write_drawings
    from mcucc.driver.constant_outputs import constants_of
    from mcucc.driver.folder import open_compiled
    from mcucc.driver.run import run_samples
    from mcucc.driver.samples import samples_in

    del verbose
    check_on(on, ("host",), flash)
    compiled = open_compiled(folder)
    if draw is not None:
        check_drawing(compiled, input_file, draw)
    samples = samples_in(input_file, compiled, limit)
    with progress_bar() as progress:
        result = run_samples(compiled, samples, on, time_limit, progress, flash)
    found = answered(compiled, samples, result.outputs)
    if draw is not None:
        write_drawings(found, draw, several=input_file.is_dir())
    constants = constants_of(compiled)
    if json_output:
        make = _many_as_json if input_file.is_dir() else _as_json
        print_json(make(compiled, result, found, constants))
        return
    counted = f", {result.instructions:,} instructions" if result.instructions else ""
    console.print(f"{input_file.name} on {result.emulator}{counted}", highlight=False)
    if result.board is not None:
        print_board(result.board, console, steps=True)
    lines = (
        _many_lines(compiled, result, found)
        if input_file.is_dir()
        else _lines(compiled, result, found[0], constants, top)
    )
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def _as_json(
    compiled: CompiledFolder,
    result: Run,
    found: Sequence[Answered],
    constants: Sequence[ConstantTable],
) -> dict[str, Any]:
    """Of one sample."""
    from mcucc.driver.constant_outputs import values_of

    return {
        **({"answers": found[0].to_dict()} if compiled.answers else {}),
        "outputs": {name: value[0].tolist() for name, value in result.outputs.items()},
        "quantization": _quantization(compiled),
        **({"constant_outputs": values_of(constants)} if constants else {}),
        "instructions": result.instructions,
        "emulator": result.emulator,
        **({} if result.board is None else {"board": result.board.to_dict()}),
    }


def _many_as_json(
    compiled: CompiledFolder,
    result: Run,
    found: Sequence[Answered],
    constants: Sequence[ConstantTable],
) -> dict[str, Any]:
    """Of a folder: answers a picture, or the outputs where nothing says what they mean."""
    from mcucc.driver.constant_outputs import values_of

    rows: list[dict[str, Any]] = []
    for index, each in enumerate(found):
        outputs = {name: value[index].tolist() for name, value in result.outputs.items()}
        said = {"answers": each.to_dict()} if compiled.answers else {"outputs": outputs}
        rows.append({"picture": each.sample.name, **said})
    return {
        "pictures": rows,
        **({} if compiled.answers else {"quantization": _quantization(compiled)}),
        **({"constant_outputs": values_of(constants)} if constants else {}),
        "instructions": result.instructions,
        "emulator": result.emulator,
        **({} if result.board is None else {"board": result.board.to_dict()}),
    }


def _quantization(compiled: CompiledFolder) -> dict[str, Any]:
    found = ((name, compiled.integer.activations[name]) for name in compiled.integer.outputs)
    return {name: {"scale": a.scale, "zero_point": a.zero_point} for name, a in found}


def _many_lines(compiled: CompiledFolder, result: Run, found: Sequence[Answered]) -> list[str]:
    """A line a picture: what was found, or the largest value of each output."""
    lines = []
    for index, each in enumerate(found):
        outputs = {name: value[index] for name, value in result.outputs.items()}
        rest = [_largest(compiled, name, outputs) for name in _unsaid(compiled)]
        said = [each.brief()] if compiled.answers else []
        lines.append(f"{each.sample.name}: {'; '.join(said + rest)}")
    return lines


def _lines(
    compiled: CompiledFolder,
    result: Run,
    found: Answered,
    constants: Sequence[ConstantTable],
    top: int,
) -> list[str]:
    """Of one sample: answers, then the outputs that nothing is said of."""
    outputs = {name: value[0] for name, value in result.outputs.items()}
    lines = found.lines(top)
    for name in _unsaid(compiled):
        a = compiled.integer.activations[name]
        shape = "x".join(str(n) for n in a.shape)
        lines.append(f"{name}: {shape}, scale {a.scale:.6g}, zero point {a.zero_point}")
        lines += [f"  {line}" for line in _values(compiled, name, outputs, top)]
    for table in constants:
        words = f"{table.name}: {table.size}, the same for every picture: {table.symbol}"
        lines.append(f"{words} of {compiled.manifest.name}_constants.h")
    return lines


def _unsaid(compiled: CompiledFolder) -> list[str]:
    """Outputs that are no answer."""
    said = {answer.output for answer in compiled.answers}
    return [name for name in compiled.integer.outputs if name not in said]


def _largest(compiled: CompiledFolder, name: str, outputs: Mapping[str, Any]) -> str:
    return f"{name} {_values(compiled, name, outputs, 1)[0].strip()}"


def _values(compiled: CompiledFolder, name: str, outputs: Mapping[str, Any], top: int) -> list[str]:
    """The largest values of an output with their places; of an ArgMax what it chose."""
    import numpy as np

    from mcucc.ops.arg_max import index_entries

    a = compiled.integer.activations[name]
    flat = outputs[name].reshape(-1).astype(int)
    if index_entries(compiled.integer, name) is not None:
        return index_lines((flat - a.zero_point).tolist(), top)
    lines = []
    for index in sorted(range(flat.size), key=lambda i: (-flat[i], i))[:top]:
        real = a.scale * (flat[index] - a.zero_point)
        place = [index] if a.height * a.width == 1 else np.unravel_index(index, a.shape)
        shown = ", ".join(str(axis) for axis in place)  # of a map: row, column, channel
        lines.append(f"[{shown}] {flat[index]:>4} = {real:.4f}")
    return lines


def index_lines(indices: list[int], top: int) -> list[str]:
    """What an ArgMax chose: place by place where they are few, else which indices how often."""
    if len(indices) <= top:
        return [f"[{place}] index {index}" for place, index in enumerate(indices)]
    counts = Counter(indices)
    often = sorted(counts, key=lambda index: (-counts[index], index))[:top]
    return [f"index {index:>4}: {counts[index]:,} of {len(indices):,}" for index in often]
