"""`--weights auto`: as many bits of weights as flash has room for, when it is linked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeVar

from mcucc.driver.load import LoadedModel
from mcucc.driver.manifest import Quantization
from mcucc.quantize.quantize import Room
from mcucc.report.facts import Report

ROUNDS = 3  # each knows what the one before took when it was linked
SLACK = 0.02  # of the flash, left when bits are looked for no longer


class Reported(Protocol):
    """Something built, and what is known of it."""

    @property
    def report(self) -> Report:
        """What linking told."""


Built = TypeVar("Built", bound=Reported)


def most_bits(
    room: Room,
    limit: int,
    load: Callable[[Room], LoadedModel],
    build: Callable[[LoadedModel], Built],
) -> Built:
    """The network whose linked firmware takes at most `limit` bytes of flash, and not much less.

    What is known before linking is an estimate: each round knows how far the one before was off.
    """
    best: Built | None = None
    before: Quantization | None = None
    for _ in range(ROUNDS):
        network = load(room)
        if network.quantization == before:
            break
        made, before = build(network), network.quantization
        slack = limit - made.report.flash.total
        if best is None or _better(made.report, best.report, limit):
            best = made
        if 0 <= slack <= SLACK * limit:
            break
        room = replace(room, bytes=room.bytes + slack)
    assert best is not None
    return best


def _better(made: Report, best: Report, limit: int) -> bool:
    """Whether it fits and keeps more bits, or is nearer to fitting."""
    total, other = made.flash.total, best.flash.total
    return other < total <= limit or (limit < other and total < other)
