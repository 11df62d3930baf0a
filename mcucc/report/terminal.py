"""The report as a person reads it in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mcucc.report.facts import Report
from mcucc.report.format import (
    answer_words,
    border_words,
    chosen_words,
    constant_output_words,
    dead_words,
    kernel_words,
    kilobytes,
    merged_words,
    objective_words,
    precision_words,
    recognised_words,
    row_words,
    short_names,
    short_step,
    split_output_words,
    weight_words,
)
from mcucc.report.layer_table import layer_table
from mcucc.report.noise import print_summary


def print_report(report: Report, console: Console) -> None:
    """Verdict first, then memory, the peak, and the work."""
    sram, flash, plan = report.sram, report.flash, report.plan
    board = report.board
    fits = report.fits
    words = "fits " if fits else "does not fit "
    if report.incomplete:
        words = f"as far as known {words}"
    verdict = Text(words, style="bold green" if fits else "bold red")
    verdict.append(f"{board.name}: ", style="bold")
    verdict.append(
        f"SRAM {sram.total / 1000:,.1f} of {kilobytes(board.sram)}, "
        f"flash {flash.total / 1000:,.1f} of {kilobytes(board.flash)}",
        style="not bold",
    )
    console.print(verdict)
    _print(console, f"{report.model.file}, {report.model.macs:,} MACs", style="dim")
    if report.incomplete:
        _print(console, report.incomplete, style="yellow")
    console.print()
    console.print(_memory(report))
    console.print()
    _print(console, _plan(report))
    for line in objective_words(plan):
        _print(console, line)
    _peak(report, console)
    console.print()
    _print(console, _work(report))
    removed = report.constant_channels
    if removed is not None and removed.layers:
        _print(
            console,
            f"{removed.constant:,} of {removed.channels:,} channels are the same for every "
            f"picture and are not computed: {removed.macs_before:,} MACs became "
            f"{removed.macs_after:,}",
        )
    for line in (
        *answer_words(report),
        *recognised_words(report.recognised),
        *merged_words(report),
        *chosen_words(report),
        *row_words(report),
        *weight_words(report),
        *precision_words(report),
        *border_words(report),
    ):
        _print(console, line)
    for split in report.split_outputs:
        _print(console, split_output_words(split), style="yellow")
    for constant in report.constant_outputs:
        _print(console, constant_output_words(constant, report.model.name))
    slices = report.worst_slice
    if slices is not None and slices.dead:
        _print(console, f"warning: {dead_words(slices)}", style="yellow")
    for warning in report.warnings:
        _print(console, f"warning: {warning}", style="yellow")
    if report.diagnosis is not None:
        print_summary(report.diagnosis, console)
    if plan.before.arena != plan.arena:
        _print(
            console,
            f"layer by layer the arena would be {plan.before.arena:,} bytes, "
            f"{plan.before.arena / max(plan.arena, 1):.1f} times as much",
        )


def print_layers(report: Report, console: Console) -> None:
    """A line a layer; what is known of a whole step stands at its first layer."""
    short = short_names(report)
    fused = len(report.layers) < len(report.nodes)
    counted = report.instructions.total is not None
    heads = ["step" if fused else "", "layer", "op", "output", "MACs", "flash", "SRAM"]
    heads += ["instr."] if counted else []
    rows = []
    step = -1
    for number, node in enumerate(report.nodes, 1):
        first, step = node.step != step, node.step
        layer = report.layers[step]
        row = [
            (str(step + 1) if first else "") if fused else str(number),
            short[node.name],
            kernel_words(node),
            "x".join(str(n) for n in node.output),
            f"{node.executed:,}",
            f"{report.flash.layers.get(node.name, 0):,}",
            f"{layer.live_bytes:,}" if first else "",
        ]
        shown = first and layer.counted_with == step
        rows.append(row + ([f"{layer.instructions:,}" if shown else ""] if counted else []))
    console.print(layer_table(heads, rows, console.width))


def _print(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style=style))


def _plan(report: Report) -> str:
    plan = report.plan
    gap = f"{plan.gap:,} above" if plan.gap else "exactly"
    return (
        f"schedule {plan.schedule}, {len(report.layers)} steps; arena {plan.arena:,} "
        f"bytes, {gap} the least for these steps"
    )


def _peak(report: Report, console: Console) -> None:
    plan, memory = report.plan, report.memory
    if not plan.stages:
        return
    short, live = short_names(report), memory.moments[memory.peak].live
    where = short_step(short, plan.stages[memory.peak].nodes)
    _print(console, f"peak {plan.peak_bytes:,} bytes in step {memory.peak + 1}, {where}:")
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1, 0, 1))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(no_wrap=True, overflow="ellipsis")
    for each in sorted(live, key=lambda each: -each.bytes):
        name = short.get(each.tensor, each.tensor)
        table.add_row(f"{each.bytes:,}", each.role.value, Text(name))
    console.print(table)


def _work(report: Report) -> str:
    counted, macs = report.instructions, report.macs
    again = f" (F = {macs.factor:.2f})" if macs.executed != macs.network else ""
    if counted.total is None:
        return f"{macs.executed:,} MACs{again}; instructions not counted: {counted.source}"
    return (
        f"{counted.total:,} instructions on {counted.source} for "
        f"{macs.executed:,} MACs{again}, {counted.total / max(macs.executed, 1):.2f} a MAC"
    )


def _memory(report: Report) -> Table:
    sram, flash = report.sram, report.flash
    stack = None if sram.stack_source == "unknown" else sram.stack
    code = None if report.tools["compiler"] == "none" else flash.code
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("SRAM")
    table.add_column("bytes", justify="right")
    table.add_column("  flash")
    table.add_column("bytes", justify="right")
    left: list[tuple[str, int | None]] = [
        ("arena", sram.arena),
        (f"  image ({sram.image_policy.value})", sram.image),
        ("  output (rows)" if sram.row_outputs else "  output", sram.output),
        ("  scratch, at most", sram.scratch),
        ("static", sram.static),
        (f"stack ({sram.stack_source})", stack),
        *([("line buffers", sram.line_buffers)] if sram.line_buffers else []),
        ("total", sram.total),
    ]
    right: list[tuple[str, int | None]] = [
        ("weights", flash.values),
        ("tables, names", flash.weights - flash.values),
        ("code", code),
    ]
    right += [("", None)] * (len(left) - len(right) - 1)
    right.append(("total", flash.total))
    for (name, size), (other, other_size) in zip(left, right, strict=True):
        style = "bold" if name == "total" else ""
        row = (name, _figure(name, size), f"  {other}", _figure(other, other_size))
        table.add_row(*(Text(cell, style) for cell in row))
    return table


def _figure(name: str, size: int | None) -> str:
    if size is None:
        return "unknown" if name else ""
    return f"{size:,}"
