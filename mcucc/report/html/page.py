"""The page: figures, map, strips, plan, table, put into the template.

Names of a model are untrusted text: the template escapes everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mcucc.base.templates import environment
from mcucc.evaluate.diagnosis import remedies, summary
from mcucc.report.facts import Report
from mcucc.report.format import (
    amount,
    answer_words,
    border_words,
    chosen_words,
    constant_output_words,
    dead_words,
    kernel_words,
    kilobytes,
    merged_words,
    objective_words,
    printable,
    recognised_words,
    row_words,
    slice_words,
    split_output_words,
)
from mcucc.report.html.axis import LayerAxis, axis_of
from mcucc.report.html.memory_map import HEIGHT, memory_map, rounds
from mcucc.report.html.plan import front_plot, stage_rows
from mcucc.report.html.strips import columns, strips
from mcucc.report.noise import noise_rows


@dataclass(frozen=True)
class BarPart:
    """A part of a bar, in per cent."""

    kind: str
    share: float


@dataclass(frozen=True)
class Figure:
    """A headline figure, what it is of, and a bar of its parts."""

    title: str
    value: str
    of: str
    parts: tuple[BarPart, ...]
    lines: tuple[tuple[str, str], ...]
    over: bool = False


@dataclass(frozen=True)
class Row:
    """A layer in the table."""

    number: int
    name: str
    op: str
    output: str
    step: int
    macs: int
    again: int
    flash: int
    live: int
    before: int
    instructions: int | None


def report_page(report: Report) -> str:
    """The text of report.html."""
    axis = axis_of(report)
    templates = environment(_finalized, keep_trailing_newline=False)
    templates.filters["kilobytes"] = kilobytes
    fused = len(report.layers) < len(report.nodes)
    return templates.get_template("report/page.html.j2").render(
        report=report,
        figures=_figures(report),
        map=memory_map(report, axis),
        map_height=HEIGHT,
        rounds=rounds(report, axis) if fused else (),
        strips=strips(report, axis),
        columns=columns(report, axis),
        stages=stage_rows(report, axis) if fused else (),
        objectives=objective_words(report.plan),
        front=front_plot(report),
        rows=_rows(report, axis),
        camera_rows=report.camera_rows,
        camera_words=row_words(report),
        fused=fused,
        borders=[
            *answer_words(report),
            *recognised_words(report.recognised),
            *merged_words(report),
            *chosen_words(report),
            *border_words(report),
        ],
        slices=_slices(report),
        constants=[
            constant_output_words(each, report.model.name) for each in report.constant_outputs
        ],
        splits=[split_output_words(split) for split in report.split_outputs],
        noise=() if report.diagnosis is None else noise_rows(report.diagnosis),
        noise_lines=() if report.diagnosis is None else summary(report.diagnosis),
        remedies=() if report.diagnosis is None else remedies(report.diagnosis),
    )


def _finalized(value: object) -> object:
    return printable(value) if type(value) is str else value


def _slices(report: Report) -> list[str]:
    """What the int8 outputs lose, on the first calibration pictures."""
    worst = report.worst_slice
    if worst is None or not worst.output:
        return []
    lines = [f"Worst slice of the outputs, on calibration pictures: {slice_words(worst)}"]
    return [*lines, f"Warning: {dead_words(worst)}"] if worst.dead else lines


def write_page(report: Report, folder: Path) -> Path:
    """Write report.html into a compiled folder; returns its path."""
    path = folder / "report.html"
    path.write_text(report_page(report), encoding="utf-8")
    return path


def _figures(report: Report) -> tuple[Figure, ...]:
    return (_sram(report), _flash(report), _macs(report), _instructions(report))


def _sram(report: Report) -> Figure:
    sram, there = report.sram, report.board.sram
    parts = [("arena", sram.arena), ("stack", sram.stack), ("static", sram.static)]
    parts += [("line buffers", sram.line_buffers)] if sram.line_buffers else []
    image = (f"– image, {sram.image_policy.value}", f"{sram.image:,} bytes")
    arena, *rest = _lines(report, parts)
    return Figure(
        title="SRAM",
        value=kilobytes(sram.total),
        of=f"of {kilobytes(there)}",
        parts=_parts(parts, there),
        lines=(arena, image, *rest),
        over=sram.total > there,
    )


def _flash(report: Report) -> Figure:
    flash, there = report.flash, report.board.flash
    tables = flash.weights - flash.values
    parts = [("weights", flash.values), ("tables, names", tables), ("code", flash.code)]
    return Figure(
        title="Flash",
        value=kilobytes(flash.total),
        of=f"of {kilobytes(there)}",
        parts=_parts(parts, there),
        lines=_lines(report, parts),
        over=flash.total > there,
    )


def _lines(report: Report, parts: Sequence[tuple[str, int]]) -> tuple[tuple[str, str], ...]:
    """A line a part; code is unknown where nothing was compiled, stack where nothing ran."""
    unknown = ["code"] if report.tools["compiler"] == "none" else []
    unknown += ["stack"] if report.sram.stack_source == "unknown" else []
    return tuple(
        (name, "not known" if name in unknown else f"{size:,} bytes") for name, size in parts
    )


def _macs(report: Report) -> Figure:
    macs = report.macs
    again = macs.executed - macs.network
    return Figure(
        title="MACs",
        value=amount(macs.executed),
        of=f"F = {macs.factor:.2f}",
        parts=(),
        lines=(("network", f"{macs.network:,}"), ("again", f"{again:,}")),
    )


def _instructions(report: Report) -> Figure:
    counted, macs = report.instructions, report.macs.executed
    if counted.total is None:
        return Figure("Instructions", "–", counted.source, (), ())
    return Figure(
        title="Instructions",
        value=amount(counted.total),
        of=f"{counted.total / max(macs, 1):.2f} a MAC",
        parts=(),
        lines=(("exactly", f"{counted.total:,}"), ("counted on", counted.source)),
    )


def _parts(parts: list[tuple[str, int]], there: int) -> tuple[BarPart, ...]:
    whole = max(there, sum(size for _, size in parts), 1)
    return tuple(BarPart(name, 100 * size / whole) for name, size in parts)


def _rows(report: Report, axis: LayerAxis) -> tuple[Row, ...]:
    rows = []
    for number, node in enumerate(report.nodes):
        layer = report.layers[node.step]
        counted = [other.step for other in report.nodes].count(node.step)
        together = [other.counted_with for other in report.layers]
        alone = counted == together.count(layer.counted_with) == 1
        rows.append(
            Row(
                number=number + 1,
                name=node.name,
                op=kernel_words(node),
                output="×".join(str(n) for n in node.output),
                step=node.step + 1,
                macs=node.macs,
                again=node.executed - node.macs,
                flash=report.flash.layers.get(node.name, 0),
                live=layer.live_bytes,
                before=node.before_bytes,
                instructions=layer.instructions if alone else None,
            )
        )
    return tuple(rows)
