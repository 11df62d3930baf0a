"""Strips below the map, on the same axis: memory before and after, flash, instructions or MACs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcucc.report.facts import LayerFacts, Report
from mcucc.report.format import amount, kernel_words, kilobytes
from mcucc.report.html.axis import WIDTH, LayerAxis
from mcucc.report.nodes import NodeFacts

HEIGHT = 100.0


@dataclass(frozen=True)
class Strip:
    """One strip: paths by class, and its largest value in words."""

    title: str
    most: str
    paths: tuple[tuple[str, str], ...]
    note: str = ""


@dataclass(frozen=True)
class Column:
    """A layer across all strips."""

    left: float
    width: float
    tip: str


def strips(report: Report, axis: LayerAxis) -> tuple[Strip, ...]:
    """The strips in the order they are drawn."""
    return (_memory(report, axis), _flash(report, axis), _work(report, axis))


def columns(report: Report, axis: LayerAxis) -> tuple[Column, ...]:
    """What a tip says of every layer."""
    found = []
    for number, node in enumerate(report.nodes):
        layer = report.layers[node.step]
        together = report.layers[layer.counted_with]
        lines = [
            node.name,
            kernel_words(node),
            f"output {' × '.join(str(n) for n in node.output)}",
            f"SRAM {layer.live_bytes:,} bytes, layer by layer {node.before_bytes:,}",
            f"flash {report.flash.layers.get(node.name, 0):,} bytes",
            f"{node.executed:,} MACs" + _again(node),
        ]
        if layer.instructions is not None:
            steps = [i for i, other in enumerate(report.layers) if _same(other, layer)]
            many = axis.bounds[steps[-1] + 1] - axis.bounds[steps[0]]
            names = "step" if len(steps) == 1 else f"steps {steps[0] + 1} to"
            whose = "" if many == 1 else f" ({names} {steps[-1] + 1}, {many} layers)"
            lines.append(f"{together.instructions:,} instructions{whose}")
        left = axis.layer(number) / WIDTH * 100
        found.append(Column(left, 100 / axis.layers, "\n".join(lines)))
    return tuple(found)


def _same(one: LayerFacts, other: LayerFacts) -> bool:
    """Whether two steps are counted together."""
    return one.counted_with == other.counted_with


def _again(node: NodeFacts) -> str:
    extra = node.executed - node.macs
    return f", {extra:,} of them again" if extra > 0 else ""


def _memory(report: Report, axis: LayerAxis) -> Strip:
    plan = report.plan
    before = [(i, i + 1, node.before_bytes) for i, node in enumerate(report.nodes)]
    now = _by_step(axis, [layer.live_bytes for layer in report.layers])
    most = max(value for _, _, value in (*before, *now))
    same = before == now
    paths = [] if same else [("before", _area(before, axis, most))]
    note = "" if same else f"layer by layer {kilobytes(plan.before.arena)} (grey)"
    return Strip(
        "SRAM of a layer",
        kilobytes(max(value for _, _, value in now)),
        (*paths, ("now", _area(now, axis, most))),
        note,
    )


def _flash(report: Report, axis: LayerAxis) -> Strip:
    layers = report.flash.layers
    values = [(i, i + 1, layers.get(n.name, 0)) for i, n in enumerate(report.nodes)]
    most = max((value for _, _, value in values), default=0)
    return Strip(
        "Flash of a layer",
        kilobytes(most),
        (("flash", _area(values, axis, most)),),
        f"and {kilobytes(sum(report.flash.shared.values()))} that layers share",
    )


def _work(report: Report, axis: LayerAxis) -> Strip:
    """Instructions where they were counted, else MACs. Areas count: a step's is over its layers."""
    counted = _counted(report, axis)
    if counted is None:
        values: list[tuple[int, int, float]] = [
            (i, i + 1, node.executed) for i, node in enumerate(report.nodes)
        ]
        title, unit = "MACs of a layer", "MACs"
    else:
        values = [(a, b, value / (b - a)) for a, b, value in counted]
        title, unit = "Instructions", "instructions a layer"
    most = max((value for _, _, value in values), default=0)
    return Strip(title, amount(most, unit), (("work", _area(values, axis, most)),))


def _counted(report: Report, axis: LayerAxis) -> list[tuple[int, int, int]] | None:
    """Instructions over the layers of the steps counted together; None where none were counted."""
    found = []
    begin = 0
    for number, layer in enumerate(report.layers):
        if layer.instructions is None:
            return None
        if layer.counted_with == number:
            found.append((begin, axis.bounds[number + 1], layer.instructions))
            begin = axis.bounds[number + 1]
    return found


def _by_step(axis: LayerAxis, values: Sequence[float]) -> list[tuple[int, int, float]]:
    bounds = axis.bounds
    return [(bounds[i], bounds[i + 1], value) for i, value in enumerate(values)]


def _area(values: Sequence[tuple[int, int, float]], axis: LayerAxis, most: float) -> str:
    """Bars from `begin` to `end` layers as one path."""
    parts = []
    for begin, end, value in values:
        x, width = axis.layer(begin), axis.layer(end) - axis.layer(begin)
        gap = min(1.0, width * 0.08)
        height = HEIGHT * value / most if most else 0.0
        parts.append(
            f"M{x + gap:.1f} {HEIGHT:g}V{HEIGHT - height:.2f}H{x + width - gap:.1f}V{HEIGHT:g}Z"
        )
    return "".join(parts)
