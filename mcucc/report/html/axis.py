"""The axis all drawings share: the layers of the network in order of execution, 0 to WIDTH.

A step of the plan covers its layers; inside it, time runs from its left to its right end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mcucc.report.facts import Report
from mcucc.report.format import short_names

WIDTH = 1000.0


@dataclass(frozen=True)
class LayerAxis:
    """`bounds` are the first layer of each step and, last, their number; `ticks` divide a step.

    `short` are short different names of layers and tensors.
    """

    bounds: tuple[int, ...]
    ticks: tuple[int, ...]
    short: Mapping[str, str]

    @property
    def layers(self) -> int:
        """Layers on the axis."""
        return self.bounds[-1]

    def at(self, step: int, tick: float) -> float:
        """The place of a tick of a step."""
        begin, end = self.bounds[step], self.bounds[step + 1]
        return WIDTH * (begin + (end - begin) * tick / self.ticks[step]) / self.layers

    def layer(self, number: int) -> float:
        """The left end of a layer."""
        return WIDTH * number / self.layers


def axis_of(report: Report) -> LayerAxis:
    """The axis of a report."""
    steps = [node.step for node in report.nodes]
    count = len(report.layers)
    bounds = [sum(at < step for at in steps) for step in range(count + 1)]
    return LayerAxis(tuple(bounds), tuple(report.memory.ticks), short_names(report))


def nice_steps(most: float, lines: int = 7) -> list[int]:
    """Round values from 0 on for grid lines up to `most`."""
    if most <= 0:
        return [0]
    size = 1
    while most / size > 10 * lines:
        size *= 10
    step = next(size * factor for factor in (1, 2, 5, 10, 20) if most / (size * factor) <= lines)
    return list(range(0, int(most) + 1, step))
