"""The plan drawn: its stages as chains of layers, and the front it was chosen from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mcucc.report.facts import LayerFacts, Report
from mcucc.report.format import amount, kernel_words, kilobytes, short_step, split_words
from mcucc.report.html.axis import LayerAxis
from mcucc.report.nodes import NodeFacts
from mcucc.report.plan import StageFacts
from mcucc.schedule.plan.plan import Form
from mcucc.schedule.plan.spans import Reuse

# What stands for an op in the chain; other ops show their first letter.
GLYPHS = {
    "Add": "+",
    "Mul": "×",
    "DepthwiseConv2d": "D",
    "Conv2d": "C",
    "DetectHead": "H",
    "FullyConnected": "F",
    "SplitBlock": "S",
    "FinishSums": "Σ",
}
HELD = {
    Form.RING: "ring of rows",
    Form.TILE: "tile, caches beside it",
    Form.SLIDE: "tile whose columns move along, rows beside it",
}


@dataclass(frozen=True)
class ChainLink:
    """A layer of a chain and how its output is held: "" where it leaves the stage."""

    glyph: str
    held: str
    again: bool
    tip: str


@dataclass(frozen=True)
class StageRow:
    """A stage: `again` is the share of MACs computed again, `share` its bytes of the arena."""

    number: int
    title: str
    name: str
    chain: tuple[ChainLink, ...]
    tile: str
    splits: str
    bytes: int
    share: float
    again: float
    instructions: str
    peak: bool


@dataclass(frozen=True)
class Dot:
    """A plan of the front, in per cent of the plot."""

    x: float
    y: float
    chosen: bool
    tip: str


@dataclass(frozen=True)
class FrontPlot:
    """The front: dots, the line below which nothing was found, the ends of both axes."""

    dots: tuple[Dot, ...]
    line: str
    x_ends: tuple[str, str]
    y_ends: tuple[str, str]


def stage_rows(report: Report, axis: LayerAxis) -> tuple[StageRow, ...]:
    """Every step of the plan."""
    plan = report.plan
    nodes = {node.name: node for node in report.nodes}
    most = max(stage.bytes for stage in plan.stages)
    rows = []
    for number, (stage, layer) in enumerate(zip(plan.stages, report.layers, strict=True)):
        high, wide = stage.tile
        once = stage.macs_once
        rows.append(
            StageRow(
                number=number + 1,
                title=short_step(axis.short, stage.nodes),
                name=stage.name,
                chain=_chain(stage, nodes),
                tile=(f"{high} × {wide}" if wide else f"{high} row{'s' if high > 1 else ''}")
                + (f", {stage.strips} strips" if stage.strips > 1 else ""),
                splits=" · ".join(map(split_words, stage.splits)),
                bytes=stage.bytes,
                share=100 * stage.bytes / most if most else 0.0,
                again=100 * (stage.macs - once) / once if once else 0.0,
                instructions=_counted(layer, number),
                peak=number == report.memory.peak,
            )
        )
    return tuple(rows)


def _counted(layer: LayerFacts, number: int) -> str:
    if layer.counted_with != number:
        return f"interleaved, counted with step {layer.counted_with + 1}"
    instructions = layer.instructions
    return "" if instructions is None else amount(instructions, "instructions")


def _chain(stage: StageFacts, nodes: Mapping[str, NodeFacts]) -> tuple[ChainLink, ...]:
    # A tensor has its producer's name, or the stage's edges in the order of its nodes.
    edges = iter(stage.edges)
    waiting = next(edges, None)
    links = []
    for name in stage.nodes:
        node = nodes.get(name)
        if node is None:  # another name of the same bytes
            continue
        kind = node.op.split()[0]
        held: Form | None = None
        again = ""
        if waiting is not None and waiting.tensor == node.tensor:
            held = waiting.form
            ways = (("rows", waiting.rows), ("columns", waiting.columns))
            again = " and ".join(axis for axis, way in ways if way is Reuse.RECOMPUTE)
            waiting = next(edges, None)
        lines = [name, kernel_words(node)]
        if node.again:
            lines.append(f"computes {node.again} a second time")
        if held is not None:
            lines.append(f"held as {HELD[held]}" + (f"; {again} computed again" if again else ""))
        glyph = GLYPHS.get(kind, kind[:1])
        links.append(ChainLink(glyph, held.value if held else "", bool(again), "\n".join(lines)))
    return tuple(links)


def front_plot(report: Report) -> FrontPlot | None:
    """The front as a plot; None where it has less than two plans."""
    front = report.plan.front
    if len(front) < 2:
        return None
    unit = report.plan.cost_unit
    low, high = min(p.cost for p in front), max(p.cost for p in front)
    least, most = min(p.arena for p in front), max(p.arena for p in front)
    across, up = (high - low) or 1.0, (most - least) or 1.0
    dots = tuple(
        Dot(
            x=100 * (point.cost - low) / across,
            y=100 * (point.arena - least) / up,
            chosen=point.chosen,
            tip=f"{point.arena:,} bytes of arena\n{point.macs:,} MACs, F = "
            f"{point.factor:.3f}\n{point.slowdown:.2f} times the estimated time of the "
            "fastest plan" + ("\nchosen" if point.chosen else ""),
        )
        for point in front
    )
    ordered = sorted(dots, key=lambda dot: dot.x)
    steps = [f"M{ordered[0].x:.2f} {100 - ordered[0].y:.2f}"]
    steps += [f"H{dot.x:.2f}V{100 - dot.y:.2f}" for dot in ordered[1:]]
    return FrontPlot(
        dots,
        "".join(steps),
        (amount(low), amount(high, unit)),
        (kilobytes(least), kilobytes(most)),
    )
