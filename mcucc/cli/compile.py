"""`mcucc compile`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from mcucc.cli import options as shared

TimeLimit = Annotated[float, typer.Option(min=0.1, help="Seconds until an emulator is stopped.")]
Compiler = Annotated[str | None, typer.Option(help="The cross compiler; default: found on PATH.")]
Flash = Annotated[
    str | None,
    typer.Option(help="Bytes of code, weights and tables, 400000 or 400kB; default: the board's."),
]
LinePeriod = Annotated[
    float | None,
    typer.Option(
        min=0.01,
        max=1e9,
        help="Of --image rows: microseconds between two lines of the sensor; line buffers count.",
    ),
]
CyclesPerInstruction = Annotated[
    float, typer.Option(min=0.1, max=1000, help="Of --line-period: clock cycles an instruction.")
]
COnly = Annotated[bool, typer.Option("--c-only", help="The C library alone, without firmware.")]
Export = Annotated[
    list[str] | None,
    typer.Option(help="Also the library for arduino, platformio, zephyr, esp-idf, cmake."),
]
PrintAfter = Annotated[
    str | None, typer.Option(help="Print the network after a stage (all: every stage).")
]


def compile_command(
    model: Annotated[Path, typer.Argument(help="The trained network: .onnx or .tflite.")],
    board: Annotated[str, typer.Option(help="A board's name, or the path of a TOML file.")],
    out: Annotated[Path, typer.Option(help="The folder to write; replaced if compile made it.")],
    data: shared.Data = None,
    preprocess: shared.PreprocessFile = None,
    name: Annotated[str | None, typer.Option(help="Prefix of the C names.")] = None,
    input_shape: shared.InputShape = None,
    outputs: shared.Outputs = None,
    raw_outputs: shared.RawOutputs = False,
    weights: shared.Weights = None,
    precision: shared.Precision = None,
    wide_bound: shared.WideBound = 1.15,
    quantize: shared.Quantize = "default",
    observer: Annotated[str | None, typer.Option(help="How ranges are found.")] = None,
    calibrate: Annotated[int, typer.Option(min=1, help="Pictures to calibrate with.")] = 100,
    rounding: Annotated[str, typer.Option(help="single or double.")] = "single",
    keep_constant: shared.KeepConstant = False,
    fold_attention: shared.FoldAttention = False,
    optimize: shared.Optimize = "balanced",
    schedule: shared.ScheduleName = "auto",
    image: shared.Image = "resident",
    output: shared.Output = None,
    sram: shared.Sram = None,
    flash: Flash = None,
    objective: shared.ObjectiveName = None,
    max_slowdown: shared.MaxSlowdown = None,
    max_macs: shared.MaxMacs = None,
    effort: shared.EffortName = "normal",
    line_period: LinePeriod = None,
    cycles_per_instruction: CyclesPerInstruction = 1.0,
    plan: shared.PlanFile = None,
    emulator: Annotated[str, typer.Option(help="auto, qemu, unicorn or none.")] = "auto",
    time_limit: TimeLimit = 300,
    compiler: Compiler = None,
    c_only: COnly = False,
    export: Export = None,
    print_after: PrintAfter = None,
    json_output: shared.Json = False,
    verbose: shared.Verbose = False,
) -> None:
    """Compile a network into C and firmware for a board."""
    from mcucc.backends.choose import COUNTING
    from mcucc.cli.output import console, progress_bar
    from mcucc.cli.parse import choice, parse_bytes, stage_printer
    from mcucc.driver.compile import CompileOptions, compile_model
    from mcucc.driver.rows import Sensor
    from mcucc.exports import export_names
    from mcucc.numerics.fixed_point import Rounding
    from mcucc.quantize.observers import OBSERVERS
    from mcucc.report.terminal import print_report

    del verbose
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
    options = CompileOptions(
        board=board,
        out=out,
        name=name,
        emulator=choice("--emulator", emulator, COUNTING),
        time_limit_s=time_limit,
        compiler=compiler,
        c_only=c_only,
        sensor=Sensor(line_period, cycles_per_instruction),
        flash=None if flash is None else parse_bytes("--flash", flash),
        exports=tuple(choice("--export", name, export_names()) for name in export or ()),
        schedule=shared.schedule_options(
            schedule=schedule,
            image=image,
            output=output,
            sram=sram,
            objective=objective,
            max_slowdown=max_slowdown,
            max_macs=max_macs,
            effort=effort,
            plan=plan,
            optimize=optimize,
        ),
        network=replace(
            network,
            observer=choice("--observer", observer or network.observer, OBSERVERS),
            calibrate=calibrate,
            rounding=Rounding(choice("--rounding", rounding, [r.value for r in Rounding])),
            keep_constant=keep_constant,
            fold_attention=fold_attention,
            print_after=stage_printer(print_after, json_output=json_output),
        ),
    )
    with progress_bar() as progress:
        report = compile_model(model, options, progress)
    if json_output:
        print(report.to_json(), end="")
    else:
        print_report(report, console)
        console.print(f"written to {out}", markup=False)
