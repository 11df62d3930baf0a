"""`mcucc plan`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mcucc.cli import options as shared

if TYPE_CHECKING:
    from rich.table import Table

    from mcucc.driver.plan import PlanReport


Point = Annotated[
    int | None, typer.Option(min=1, help="Take this plan of the front, counted from 1.")
]
PrintText = Annotated[
    bool, typer.Option("--print", help="Print the chosen plan and its program as text.")
]
WithBound = Annotated[
    bool,
    typer.Option("--bound", help="Prove what other plans need at least; seconds for a network."),
]


LEFT = ("", "plan", "objective")  # columns of words
FIGURES = ("SRAM", "arena", "image", "F", "M instr.", "slowdown", "stages")
TITLES = (*LEFT[:2], *FIGURES, LEFT[2])


def plan_command(
    model: Annotated[Path, typer.Argument(help="The trained network: .onnx or .tflite.")],
    board: Annotated[
        str | None, typer.Option(help="A board; without one memory has no limit.")
    ] = None,
    data: shared.Data = None,
    preprocess: shared.PreprocessFile = None,
    input_shape: shared.InputShape = None,
    outputs: shared.Outputs = None,
    raw_outputs: shared.RawOutputs = False,
    weights: shared.Weights = None,
    precision: shared.Precision = None,
    wide_bound: shared.WideBound = 1.15,
    quantize: shared.Quantize = "default",
    keep_constant: shared.KeepConstant = False,
    fold_attention: shared.FoldAttention = False,
    optimize: shared.Optimize = "balanced",
    schedule: shared.ScheduleName = "auto",
    image: shared.Image = "resident",
    output: shared.Output = None,
    sram: shared.Sram = None,
    objective: shared.ObjectiveName = None,
    max_slowdown: shared.MaxSlowdown = None,
    max_macs: shared.MaxMacs = None,
    effort: shared.EffortName = "normal",
    point: Point = None,
    plan: Annotated[Path | None, typer.Option(help="Read, check and print this plan file.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write the chosen plan to this file.")] = None,
    print_text: PrintText = False,
    bound: WithBound = False,
    json_output: shared.Json = False,
    verbose: shared.Verbose = False,
) -> None:
    """Print the plans of a network: memory against estimated time, and the one chosen."""
    from mcucc.cli.output import console, print_json, progress_bar
    from mcucc.cli.parse import stage_printer
    from mcucc.driver.plan import plan_model
    from mcucc.schedule.plan.text import schedule_text

    del verbose
    options = shared.schedule_options(
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
        point=point,
    )
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
    network = replace(network, keep_constant=keep_constant, fold_attention=fold_attention)
    with progress_bar() as progress:
        planned = plan_model(model, board, network, options, progress)
    if save is not None:
        planned.save(save)
    show = stage_printer("schedule" if print_text else None, json_output=json_output)
    if show is not None:
        show("schedule", schedule_text(planned.schedule.program))
    found = planned.report(bound=bound)
    if json_output:
        print_json(found.to_dict())
        return
    console.print(_head(found), markup=False, highlight=False)
    console.print(_front(found))
    for line in _notes(found):
        console.print(line, markup=False, highlight=False)
    if save is not None:
        console.print(f"written to {save}", markup=False)


def _head(found: PlanReport) -> str:
    room = "no limit" if found.room is None else f"room for {found.room:,} bytes of arena"
    return (
        f"{found.file} on {found.board} ({found.core}), "
        f"{found.macs:,} MACs, image {found.image.value}, {room}"
    )


def _front(found: PlanReport) -> Table:
    """The front, least memory first, and layer by layer below it."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in TITLES:
        table.add_column(title, justify="left" if title in LEFT else "right")
    rows = [(str(number), row) for number, row in enumerate(found.front, 1)]
    if found.chosen.chosen and not any(row.chosen for _, row in rows):
        same = found.chosen.arena == found.layers.arena
        rows += [] if same and found.layers.chosen else [("given", found.chosen)]
    rows.append(("layers", found.layers))
    for name, row in rows:
        table.add_row(
            ">" if row.chosen else "",
            name,
            f"{row.sram / 1000:.1f} kB",
            f"{row.arena:,}",
            f"{row.image:,}",
            f"{row.factor:.2f}",
            f"{row.instructions / 1e6:.2f}",
            f"{row.slowdown:.2f}",
            str(row.stages),
            ", ".join(row.objectives),
            style="bold" if row.chosen else "",
        )
    return table


def _least(found: PlanReport) -> str:
    """What no other plan can do without, and how far the chosen one is from it."""
    bound, arena = found.bound, found.chosen.arena
    if bound is None:
        return "no bound for other plans: none of this network, or of so many MACs"
    others = (
        f"no plan of at most {bound.factor:.2f} times the MACs (tiles of the menu, this order of "
        "nodes, no chains, no node in two stages) has an arena of less than"
    )
    if not bound.plain:
        return f"arena {arena:,} bytes, of a plan that is none of these: {others} {bound.bytes:,}"
    return f"arena {arena:,} bytes; {others} {bound.bytes:,} ({arena / bound.bytes - 1:.0%})"


def _notes(found: PlanReport) -> list[str]:
    """Peak, bound, what is counted, how good the estimate is."""
    from mcucc.report.format import objective_words, split_words

    plan, fit = found.plan, found.fit
    notes = [
        f"chosen ({plan.schedule}): peak {plan.peak_bytes:,} bytes at {plan.peak_layer}",
        *objective_words(plan),
        f"lower bound {plan.lower_bound:,}, gap {plan.gap:,} bytes: {plan.bound}",
        *([_least(found)] if found.bounded else []),
        *(
            f"stage {stage.name} runs in {stage.strips} column strips"
            for stage in plan.stages
            if stage.strips > 1
        ),
        *(
            f"stage {stage.name} computes {', '.join(stage.again)} a second time"
            for stage in plan.stages
            if stage.again
        ),
        *(f"{split.node}: {split_words(split)}" for stage in plan.stages for split in stage.splits),
        *(f"counted: {line}" for line in found.counted),
        f"instructions: estimated for {found.fitted_core}; {fit.words}",
    ]
    if found.noise:
        notes.append("quantized on noise, as there is no --data: constant channels are kept")
    return notes
