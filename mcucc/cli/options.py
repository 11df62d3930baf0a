"""Options that several verbs share: how a network is read, and what is asked of its schedule."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mcucc.driver.load import NetworkOptions
    from mcucc.schedule.search.wishes import ScheduleOptions

Data = Annotated[
    Path | None,
    typer.Option(
        help="To calibrate with: pictures, a folder or an .npz; or raw inputs, an .npz or .npy."
    ),
]
PreprocessFile = Annotated[
    Path | None, typer.Option(help="TOML of the preprocessing; default: MODEL's .toml.")
]
InputShape = Annotated[
    list[str] | None, typer.Option(help="NAME=1,3,80,80 for an input with open sizes.")
]
Outputs = Annotated[
    list[str] | None,
    typer.Option(help="NAME,... of tensors to end at instead of the file's outputs."),
]
RawOutputs = Annotated[
    bool,
    typer.Option("--raw-outputs", help="End in the network's own outputs, whatever [output] says."),
]
Weights = Annotated[
    list[str] | None,
    typer.Option(
        help="int8, int4 or ternary: bits of weights, first and last layers stay int8; "
        "LAYER=int4 for one layer; auto (compile): as few as --flash asks for. Can be repeated."
    ),
]
Precision = Annotated[
    list[str] | None,
    typer.Option(
        help="TENSOR=int16: a tensor in 16 bits, and what shares its scale; auto: those that gain "
        "most. Can be given more than once."
    ),
]
WideBound = Annotated[
    float,
    typer.Option(
        "--wide-bound",
        min=1.0,
        help="Of --precision auto and --quantize best: so many times the SRAM and instructions of "
        "int8 at most.",
    ),
]
Quantize = Annotated[
    str,
    typer.Option(
        help="fast: biases corrected, in seconds; default: channels equalised and weights rounded "
        "for what they read, too, where pictures held back say that it is better; best: and "
        "tensors in 16 bits, as --precision auto."
    ),
]
Optimize = Annotated[str, typer.Option(help="speed, balanced or size.")]
KeepConstant = Annotated[
    bool,
    typer.Option(
        "--keep-constant-channels", help="Compute channels that are the same for every picture."
    ),
]
FoldAttention = Annotated[
    bool,
    typer.Option(
        "--fold-attention",
        help="Tokens are keys and values, whose weights join others': less SRAM, more products.",
    ),
]
ScheduleName = Annotated[str, typer.Option(help="auto, layers, patch, stream or msf.")]
Image = Annotated[
    str,
    typer.Option(
        help="resident: the whole image in SRAM; rows: row by row from the camera; "
        "mapped: rows are read from an image that lies elsewhere."
    ),
]
Output = Annotated[
    list[str] | None,
    typer.Option(
        help="whole: outputs lie in SRAM after a run; rows: those that can are handed out row by "
        "row as they are made; NAME=rows: this one. Rows take no room."
    ),
]
Sram = Annotated[
    int | None,
    typer.Option(min=1, help="Bytes of arena, stack and static data; default: the board's."),
]
ObjectiveName = Annotated[
    str | None,
    typer.Option(
        help="balanced: the least memory within 2 % of the fastest plan's time; speed: the fastest "
        "plan that fits; sram: the least memory. Default: balanced; with --sram speed, with a "
        "bound of time or MACs sram."
    ),
]
MaxSlowdown = Annotated[
    float | None,
    typer.Option(
        min=1.0, help="Least memory within so many times the fastest plan's estimated time."
    ),
]
MaxMacs = Annotated[
    float | None,
    typer.Option(min=1.0, help="Least memory within so many times the network's MACs."),
]
EffortName = Annotated[
    str,
    typer.Option(
        "--effort", help="How long plans are searched: quick, normal, thorough. More finds no less."
    ),
]
PlanFile = Annotated[Path | None, typer.Option(help="A plan file, which decides everything.")]
Json = Annotated[bool, typer.Option("--json", help="The result as JSON.")]
Verbose = Annotated[bool, typer.Option(help="Show tracebacks.")]


def network_options(
    *,
    data: Path | None,
    preprocess: Path | None,
    input_shape: list[str] | None,
    outputs: list[str] | None,
    weights: list[str] | None,
    precision: list[str] | None,
    wide_bound: float,
    quantize: str,
    raw_outputs: bool = False,
) -> NetworkOptions:
    """The options that every verb with a model has, as data; McuccError for a wrong value."""
    from mcucc.cli.parse import AUTO, choice, parse_precision, parse_shapes, parse_weights
    from mcucc.driver.load import NetworkOptions
    from mcucc.quantize.quantize import MODES, Mode

    mode = Mode(choice("--quantize", quantize, MODES))
    return NetworkOptions(
        data=data,
        preprocess=preprocess,
        input_shapes=parse_shapes(input_shape or []),
        outputs=tuple(outputs or ()),
        weights=parse_weights(weights or []),
        precision=parse_precision(precision or []),
        wide_bound=wide_bound if mode is Mode.BEST or AUTO in (precision or []) else None,
        mode=mode,
        raw_outputs=raw_outputs,
    )


def schedule_options(
    *,
    optimize: str,
    image: str,
    output: list[str] | None = None,
    schedule: str = "auto",
    sram: int | None = None,
    objective: str | None = None,
    max_slowdown: float | None = None,
    max_macs: float | None = None,
    effort: str = "normal",
    plan: Path | None = None,
    point: int | None = None,
) -> ScheduleOptions:
    """The options as data; McuccError for a value that is not allowed."""
    from mcucc.cli.parse import choice, parse_output
    from mcucc.schedule.plan.plan import ImagePolicy
    from mcucc.schedule.search.limits import EFFORTS, SearchLimits
    from mcucc.schedule.search.named import SCHEDULES
    from mcucc.schedule.search.wishes import IMAGES, OBJECTIVES, ScheduleOptions
    from mcucc.toolchain.firmware import OPTIMIZE

    if objective is not None:
        choice("--objective", objective, OBJECTIVES)
    return ScheduleOptions(
        schedule=choice("--schedule", schedule, tuple(SCHEDULES)),
        image=ImagePolicy(choice("--image", image, IMAGES)),
        output=parse_output(output or []),
        sram=sram,
        objective=objective,
        max_slowdown=max_slowdown,
        max_macs=max_macs,
        limits=SearchLimits.of(choice("--effort", effort, tuple(EFFORTS))),
        point=point,
        plan=plan,
        optimize=choice("--optimize", optimize, tuple(OPTIMIZE)),
    )


On = Annotated[
    str,
    typer.Option(
        "--on",
        "--emulator",
        help="Where to run: auto, qemu, unicorn, renode; a board by gdb:HOST:PORT (a server that "
        "runs), openocd:CONFIG, pyocd:TARGET, jlink:DEVICE, probe-rs:CHIP or st-util; host (run), "
        "none (validate).",
    ),
]
FlashBoard = Annotated[
    bool,
    typer.Option(
        "--flash",
        help="Of a board: code and weights go into its flash, overwriting it; else all into RAM.",
    ),
]
