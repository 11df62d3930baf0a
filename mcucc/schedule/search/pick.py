"""The one way to pick a plan from a front: within bounds, by an objective."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeVar

from mcucc.schedule.search.costs import ALIKE, ROUNDING


class Objective(Enum):
    """What is wanted of a plan, whatever bounds it.

    The fastest plan; the least memory within a little more than the fastest one's time; the least
    memory. Of plans that are equal in it, the one that is better in the other.
    """

    SPEED = "speed"
    BALANCED = "balanced"
    SRAM = "sram"


class _Plan(Protocol):
    """Bytes, cost, and executed MACs over the network's."""

    @property
    def bytes(self) -> int: ...

    @property
    def cost(self) -> float: ...

    @property
    def factor(self) -> float: ...


P = TypeVar("P", bound=_Plan)


@dataclass(frozen=True)
class Bounds:
    """What a plan must keep to: bytes, executed MACs over the network's, cost."""

    bytes: float = float("inf")
    macs: float = float("inf")
    cost: float = float("inf")


def within(plans: Iterable[P], bounds: Bounds) -> list[P]:
    """The plans that keep to the bounds, costs and MACs as exactly as they are known."""
    return [
        plan
        for plan in plans
        if plan.bytes <= bounds.bytes
        and plan.factor <= bounds.macs + ROUNDING
        and plan.cost <= bounds.cost + ALIKE
    ]


def least_memory(plans: Sequence[P], bounds: Bounds = Bounds()) -> P | None:
    """The plan of least bytes within the bounds; None where there is none."""
    return min(within(plans, bounds), key=lambda p: (p.bytes, p.cost), default=None)


def least_cost(plans: Sequence[P], bounds: Bounds = Bounds()) -> P | None:
    """The plan of least cost within the bounds; None where there is none."""
    return min(within(plans, bounds), key=lambda p: (p.cost, p.bytes), default=None)


def best(plans: Sequence[P], objective: Objective, balanced: float) -> P | None:
    """The plan that an objective takes; None of none.

    `balanced`: how many times the cost of the fastest of these plans the balanced one may have.
    """
    fastest = least_cost(plans)
    if fastest is None or objective is Objective.SPEED:
        return fastest
    if objective is Objective.SRAM:
        return least_memory(plans)
    return least_memory(plans, Bounds(cost=balanced * fastest.cost))
