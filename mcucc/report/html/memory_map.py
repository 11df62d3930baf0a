"""The memory map: which bytes of the arena hold what, over all steps, and one round of a loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcucc.report.facts import Report
from mcucc.report.format import kilobytes, short_step
from mcucc.report.html.axis import WIDTH, LayerAxis, nice_steps
from mcucc.report.memory import BufferFacts, MemoryFacts, MomentFacts
from mcucc.schedule.plan.buffers import BufferKind

HEIGHT = 420.0
LABEL_LONG, LABEL_SHORT = 60.0, 17.0  # the least box that gets a label, in drawing units
# Drawn first to last: what passes quickly lies below what stays.
PASSING = (BufferKind.SCRATCH, BufferKind.TILE, BufferKind.COLUMN_CACHE)
ROLES = {
    BufferKind.SCRATCH: "scratch of one kernel call",
    BufferKind.TILE: "tile: what one round of a loop computes",
    BufferKind.COLUMN_CACHE: "columns kept from the round before",
    BufferKind.ROW_CACHE: "rows kept from earlier rounds",
    BufferKind.RING: "ring of rows, computed where they stay",
    BufferKind.TENSOR: "whole tensor between steps",
    BufferKind.OUTPUT: "output",
    BufferKind.IMAGE: "image",
}
ORDER = [kind.value for kind in ROLES]


@dataclass(frozen=True)
class Box:
    """A rectangle in per cent of the drawing, from its lower left corner."""

    left: float
    bottom: float
    width: float
    height: float


@dataclass(frozen=True)
class Shape:
    """A buffer: its outline, what a tip says of it, and its label where there is room."""

    path: str
    role: str
    tip: str
    label: str
    box: Box | None
    upright: bool = False


@dataclass(frozen=True)
class Line:
    """A line of the grid or an end of a step: its place in per cent, and its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Band:
    """A step above the map."""

    left: float
    width: float
    text: str
    tip: str


@dataclass(frozen=True)
class LiveRow:
    """A row of the list of what is alive at the peak."""

    role: str
    name: str
    short: str
    low: int
    high: int
    bytes: int


@dataclass(frozen=True)
class MemoryMap:
    """The map, its grid, its steps, and the peak."""

    shapes: tuple[Shape, ...]
    grid: tuple[Line, ...]
    bands: tuple[Band, ...]
    roles: tuple[tuple[str, str], ...]
    peak_at: float
    peak_text: str
    peak_tip: str
    peak_step: str
    peak_live: tuple[LiveRow, ...]
    shared: int


@dataclass(frozen=True)
class Round:
    """One round of a step's loop, action by action, at its fullest moment."""

    step: int
    title: str
    where: str
    shapes: tuple[Shape, ...]
    actions: tuple[str, ...]
    kinds: tuple[str, ...]
    fullest: float
    peak: bool


def memory_map(report: Report, axis: LayerAxis) -> MemoryMap:
    """Geometry of the map."""
    memory, arena = report.memory, max(report.plan.arena, 1)
    shapes = [_buffer(buffer, axis, arena) for buffer in memory.buffers]
    shapes.sort(key=lambda shape: ORDER.index(shape.role))
    used = {shape.role for shape in shapes}
    peak = memory.moments[memory.peak]
    live = tuple(
        LiveRow(
            role=x.role.value,
            name=x.tensor,
            short=axis.short[x.tensor],
            low=x.offset,
            high=x.offset + x.bytes,
            bytes=x.bytes,
        )
        for x in sorted(peak.live, key=lambda x: -x.offset)
    )
    listed = [f"{x.bytes:>7,}  {x.short} ({x.role})" for x in live]
    return MemoryMap(
        shapes=tuple(shapes),
        grid=_grid(arena),
        bands=_bands(report, axis),
        roles=tuple((k.value, text) for k, text in reversed(ROLES.items()) if k.value in used),
        peak_at=axis.at(memory.peak, peak.tick + 0.5) / WIDTH * 100,
        peak_text=f"peak {peak.bytes:,} bytes",
        peak_tip="\n".join([f"Alive at the peak, {peak.bytes:,} bytes", *listed]),
        peak_step=short_step(axis.short, report.plan.stages[memory.peak].nodes),
        peak_live=live,
        shared=peak.shared,
    )


def rounds(report: Report, axis: LayerAxis) -> tuple[Round, ...]:
    """One round of every step whose loop does more than one thing."""
    memory = report.memory
    arena = max(report.plan.arena, 1)
    found = []
    for step, moment in enumerate(memory.moments):
        actions = moment.actions
        if len(actions) < 2:
            continue
        nodes = report.plan.stages[step].nodes
        found.append(
            Round(
                step=step,
                title=f"{step + 1}  {short_step(axis.short, nodes)}",
                where=f"row {moment.row_step + 1}, column {moment.column_step + 1}",
                shapes=_round_shapes(memory, moment, axis, arena),
                actions=tuple(axis.short.get(a.name, a.name) for a in actions),
                kinds=tuple(a.kind for a in actions),
                fullest=100 * (min(max(moment.action, 0), len(actions) - 1) + 0.5) / len(actions),
                peak=step == memory.peak,
            )
        )
    return tuple(found)


def _round_shapes(
    memory: MemoryFacts, moment: MomentFacts, axis: LayerAxis, arena: int
) -> tuple[Shape, ...]:
    buffers = {buffer.name: buffer for buffer in memory.buffers}
    count = len(moment.actions)
    shapes = []
    for body in moment.body:
        buffer = buffers[body.buffer]
        pieces = [
            (WIDTH * p.begin / count, WIDTH * p.end / count, p.low, p.high) for p in body.pieces
        ]
        shapes.append(_shape(buffer, pieces, axis, arena, label=True))
    return tuple(sorted(shapes, key=lambda shape: ORDER.index(shape.role)))


def _grid(arena: int) -> tuple[Line, ...]:
    """Round lines, and one on top that says how large the arena is."""
    values = [value for value in nice_steps(arena) if value < 0.95 * arena]
    lines = [Line(100 * value / arena, f"{value / 1000:g} kB") for value in values]
    return (*lines, Line(100.0, kilobytes(arena)))


def _bands(report: Report, axis: LayerAxis) -> tuple[Band, ...]:
    found = []
    for step, (layer, stage) in enumerate(zip(report.layers, report.plan.stages, strict=True)):
        left, right = axis.layer(axis.bounds[step]), axis.layer(axis.bounds[step + 1])
        tip = f"step {step + 1}: {layer.name}\n{stage.bytes:,} bytes at its fullest"
        found.append(Band(left / WIDTH * 100, (right - left) / WIDTH * 100, str(step + 1), tip))
    return tuple(found)


def _buffer(buffer: BufferFacts, axis: LayerAxis, arena: int) -> Shape:
    pieces = [
        (
            axis.at(span.step, piece.begin),
            axis.at(span.step, piece.end),
            piece.low,
            piece.high,
        )
        for span in buffer.spans
        for piece in span.pieces
    ]
    return _shape(buffer, pieces, axis, arena, label=buffer.role not in PASSING)


def _shape(
    buffer: BufferFacts,
    pieces: list[tuple[float, float, int, int]],
    axis: LayerAxis,
    arena: int,
    *,
    label: bool,
) -> Shape:
    first, last = buffer.first + 1, buffer.last + 1
    when = f"step {first}" if first == last else f"steps {first} to {last}"
    end = buffer.offset + buffer.size
    tip = (
        f"{buffer.tensor}\n{buffer.role.value}, {buffer.size:,} bytes\n"
        f"arena {buffer.offset:,} to {end:,}, {when}"
    )
    box = _roomiest(pieces, arena) if label else None
    return Shape(
        path=_outline(pieces, arena),
        role=buffer.role.value,
        tip=tip,
        label=axis.short[buffer.tensor],
        box=box,
        upright=box is not None and box.width * WIDTH / 100 < LABEL_LONG,
    )


def _outline(pieces: Sequence[tuple[float, float, int, int]], arena: int) -> str:
    """An SVG path: the pieces that follow each other as one outline."""
    runs: list[list[tuple[float, float, int, int]]] = []
    for piece in pieces:
        if runs and abs(runs[-1][-1][1] - piece[0]) < 1e-6:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    parts = []
    for run in runs:
        top = [(x, high) for begin, end, _, high in run for x in (begin, end)]
        bottom = [(x, low) for begin, end, low, _ in reversed(run) for x in (end, begin)]
        points = [f"{x:.1f} {HEIGHT * (1 - y / arena):.1f}" for x, y in (*top, *bottom)]
        parts.append(f"M{'L'.join(points)}Z")
    return "".join(parts)


def _roomiest(pieces: Sequence[tuple[float, float, int, int]], arena: int) -> Box | None:
    """The largest rectangle inside neighbouring pieces that a label fits, lying or upright."""
    best: tuple[float, Box | None] = (0.0, None)
    for i, (left, _, low, high) in enumerate(pieces):
        for j in range(i, len(pieces)):
            if j > i and abs(pieces[j - 1][1] - pieces[j][0]) > 1e-6:
                break
            low, high = max(low, pieces[j][2]), min(high, pieces[j][3])
            width, height = pieces[j][1] - left, HEIGHT * (high - low) / arena
            if height < LABEL_SHORT:
                break
            lying, upright = width >= LABEL_LONG, width >= LABEL_SHORT and height >= LABEL_LONG
            if (lying or upright) and width * height > best[0]:
                across, up = 100 / WIDTH, 100 / HEIGHT
                box = Box(left * across, low / arena * 100, width * across, height * up)
                best = width * height, box
    return best[1]
