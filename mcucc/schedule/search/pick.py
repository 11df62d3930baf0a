"""The one way to pick a plan from a front."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mcucc.schedule.search.costs import ALIKE, ROUNDING
from mcucc.schedule.search.front import Point


@dataclass(frozen=True)
class Bounds:
    """What a plan must keep to: arena bytes, executed MACs over the network's, cost."""

    arena: float = float("inf")
    macs: float = float("inf")
    cost: float = float("inf")


def within(points: Iterable[Point], bounds: Bounds) -> list[Point]:
    """The points that keep to the bounds, costs and MACs as exactly as they are known."""
    return [
        point
        for point in points
        if point.bytes <= bounds.arena
        and point.factor <= bounds.macs + ROUNDING
        and point.cost <= bounds.cost + ALIKE
    ]


def least_memory(points: Sequence[Point], bounds: Bounds = Bounds()) -> Point | None:
    """The point of least bytes within the bounds; None where there is none."""
    return min(within(points, bounds), key=lambda p: (p.bytes, p.cost), default=None)


def least_cost(points: Sequence[Point], bounds: Bounds = Bounds()) -> Point | None:
    """The point of least cost within the bounds; None where there is none."""
    return min(within(points, bounds), key=lambda p: (p.cost, p.bytes), default=None)
