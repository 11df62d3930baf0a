"""`mcucc run`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer


def run_command(
    folder: Annotated[Path, typer.Argument(help="A folder that compile made.")],
    input_file: Annotated[
        Path,
        typer.Option(
            "--input", help="A picture, camera bytes .npy, or raw inputs .npy or .npz (one sample)."
        ),
    ],
    emulator: Annotated[str, typer.Option(help="auto, qemu, unicorn, renode or host.")] = "auto",
    top: Annotated[
        int, typer.Option(min=1, help="How many scores, or different indices, to print.")
    ] = 5,
    time_limit: Annotated[float, typer.Option(help="Seconds until an emulator is stopped.")] = 300,
    json_output: Annotated[bool, typer.Option("--json", help="Outputs as JSON.")] = False,
    verbose: Annotated[bool, typer.Option(help="Show tracebacks.")] = False,
) -> None:
    """Run one picture or sample through a compiled network."""
    import numpy as np

    from mcucc.backends.choose import NAMES as EMULATORS
    from mcucc.cli.output import console, print_json
    from mcucc.cli.parse import choice
    from mcucc.driver.constant_outputs import constants_of, values_of
    from mcucc.driver.folder import open_compiled
    from mcucc.driver.run import run_samples
    from mcucc.driver.samples import sample_of
    from mcucc.ops.arg_max import index_entries

    del verbose
    choice("--emulator", emulator, ("host", *(name for name in EMULATORS if name != "none")))
    compiled = open_compiled(folder)
    sample = sample_of(input_file, compiled)
    result = run_samples(compiled, [sample], emulator, time_limit)
    outputs = {name: value[0] for name, value in result.outputs.items()}
    constants = constants_of(compiled)
    if json_output:
        print_json(
            {
                "outputs": {name: value.tolist() for name, value in outputs.items()},
                "quantization": {
                    name: {
                        "scale": compiled.integer.activations[name].scale,
                        "zero_point": compiled.integer.activations[name].zero_point,
                    }
                    for name in outputs
                },
                **({"constant_outputs": values_of(constants)} if constants else {}),
                "instructions": result.instructions,
                "emulator": result.emulator,
            }
        )
        return
    counted = f", {result.instructions:,} instructions" if result.instructions else ""
    console.print(f"{input_file.name} on {result.emulator}{counted}", markup=False)
    for name, value in outputs.items():
        a = compiled.integer.activations[name]
        shape = "x".join(str(n) for n in a.shape)
        console.print(f"{name}: {shape}, scale {a.scale:.6g}, zero point {a.zero_point}")
        flat = value.reshape(-1).astype(int)
        if index_entries(compiled.integer, name) is not None:
            for line in index_lines((flat - a.zero_point).tolist(), top):
                console.print(line, markup=False)
            continue
        for index in sorted(range(flat.size), key=lambda i: (-flat[i], i))[:top]:
            real = a.scale * (flat[index] - a.zero_point)
            place = [index] if a.height * a.width == 1 else np.unravel_index(index, a.shape)
            shown = ", ".join(str(axis) for axis in place)  # of a map: row, column, channel
            console.print(f"  [{shown}] {flat[index]:>4} = {real:.4f}", markup=False)
    for table in constants:
        words = f"{table.name}: {table.size}, the same for every picture: {table.symbol}"
        console.print(f"{words} of {compiled.manifest.name}_constants.h", markup=False)


def index_lines(indices: list[int], top: int) -> list[str]:
    """What an ArgMax chose: place by place where they are few, else which indices how often."""
    if len(indices) <= top:
        return [f"  [{place}] index {index}" for place, index in enumerate(indices)]
    counts = Counter(indices)
    often = sorted(counts, key=lambda index: (-counts[index], index))[:top]
    return [f"  index {index:>4}: {counts[index]:,} of {len(indices):,}" for index in often]
