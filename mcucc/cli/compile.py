"""`mcucc compile`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer


def compile_command(
    model: Annotated[Path, typer.Argument(help="The trained network: .onnx or .tflite.")],
    board: Annotated[str, typer.Option(help="A board's name, or the path of a TOML file.")],
    out: Annotated[Path, typer.Option(help="The folder to write; replaced if compile made it.")],
    data: Annotated[
        Path | None, typer.Option(help="Pictures to calibrate with: a folder or an .npz.")
    ] = None,
    preprocess: Annotated[
        Path | None, typer.Option(help="TOML of the preprocessing; default: MODEL's .toml.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Prefix of the C names.")] = None,
    input_shape: Annotated[
        list[str] | None, typer.Option(help="NAME=1,3,80,80 for an input with open sizes.")
    ] = None,
    observer: Annotated[str | None, typer.Option(help="How ranges are found.")] = None,
    calibrate: Annotated[int, typer.Option(min=1, help="Pictures to calibrate with.")] = 100,
    rounding: Annotated[str, typer.Option(help="single or double.")] = "single",
    optimize: Annotated[str, typer.Option(help="speed, balanced or size.")] = "balanced",
    schedule: Annotated[str, typer.Option(help="auto, layers, patch or stream.")] = "auto",
    image: Annotated[
        str, typer.Option(help="resident: the whole image in SRAM; rows: row by row.")
    ] = "resident",
    sram: Annotated[
        int | None, typer.Option(help="Arena bytes to keep within; default: the board's.")
    ] = None,
    max_slowdown: Annotated[
        float | None, typer.Option(help="Least memory within so many times the MACs.")
    ] = None,
    plan: Annotated[Path | None, typer.Option(help="A plan file that decides all.")] = None,
    emulator: Annotated[str, typer.Option(help="auto, qemu, unicorn or none.")] = "auto",
    print_after: Annotated[
        str | None, typer.Option(help="Print the network after a stage (all: every stage).")
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
    verbose: Annotated[bool, typer.Option(help="Show tracebacks.")] = False,
) -> None:
    """Compile a network into C and firmware for a board."""
    from mcucc.build import OPTIMIZE, CompileOptions, compile_model
    from mcucc.cli.output import console, print_json, progress_bar
    from mcucc.cli.parse import choice, parse_shapes, stage_printer
    from mcucc.emulate.choose import NAMES as EMULATORS
    from mcucc.network import NetworkOptions
    from mcucc.numerics import Rounding
    from mcucc.quantize.observers import OBSERVERS
    from mcucc.report.terminal import print_report
    from mcucc.schedule.choose import SCHEDULES, ScheduleOptions
    from mcucc.schedule.plan import ImagePolicy

    del verbose
    defaults = NetworkOptions()
    options = CompileOptions(
        board=board,
        out=out,
        name=name,
        optimize=choice("--optimize", optimize, OPTIMIZE),
        emulator=choice("--emulator", emulator, EMULATORS),
        schedule=ScheduleOptions(
            schedule=choice("--schedule", schedule, SCHEDULES),
            image=ImagePolicy(choice("--image", image, ("resident", "rows"))),
            sram=sram,
            max_slowdown=max_slowdown,
            plan=plan,
        ),
        network=NetworkOptions(
            data=data,
            preprocess=preprocess,
            input_shapes=parse_shapes(input_shape or []),
            observer=choice("--observer", observer or defaults.observer, OBSERVERS),
            calibrate=calibrate,
            rounding=Rounding(choice("--rounding", rounding, [r.value for r in Rounding])),
            print_after=stage_printer(print_after, sys.stderr if json_output else sys.stdout),
        ),
    )
    with progress_bar() as progress:
        report = compile_model(model, options, progress)
    if json_output:
        print_json(json.loads(report.to_json()))
    else:
        print_report(json.loads(report.to_json()), console)
        console.print(f"written to {out}", markup=False)
