"""The SRAM that a plan needs, as far as that is known before it is compiled, and what there is."""

from __future__ import annotations

from dataclasses import dataclass

from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.program import Program
from mcucc.schedule.search.costs import CostModel
from mcucc.schedule.search.rows import line_bytes
from mcucc.schedule.search.stack import stack_of

TOO_MUCH = 128  # by which the estimate of the stack may be above the measured one


@dataclass(frozen=True)
class Need:
    """Bytes of SRAM: the arena, which is exact, and beside it the stack and, where a camera's pace
    is known, the line buffers of its driver, which are estimates."""

    arena: int
    stack: int
    lines: int = 0

    @property
    def beside(self) -> int:
        """What is not the arena."""
        return self.stack + self.lines

    @property
    def total(self) -> int:
        """All of it."""
        return self.arena + self.beside


@dataclass(frozen=True)
class Room:
    """What SRAM there is, and how the need of a plan is estimated.

    Everything together is within `total` bytes, the arena within the `memory` it is in, which is
    also that of what is beside it where `shared`. `period` is the time between two lines of the
    camera in instructions, by `cost`; code is compiled for `optimize`. `more` bytes are added to
    every plan's stack, and every run takes `slower` times as long: what compile measured of one of
    them above (or below) its estimate.
    """

    total: int
    memory: int
    shared: bool
    cost: CostModel
    period: float | None = None
    more: int = 0
    slower: float = 1.0
    optimize: str = "balanced"

    def need(self, program: Program) -> Need:
        """What a plan needs."""
        lines = 0
        if self.period is not None and program.plan.image is ImagePolicy.ROWS:
            lines = line_bytes(program, self.cost, self.period)
        stack = stack_of(program, self.cost.name, self.optimize) + self.more
        return Need(program.arena_bytes, stack, lines)

    def keeps_up(self, program: Program, cost: float) -> bool:
        """Whether a run of an estimated cost takes no longer than the camera's frame."""
        if self.period is None or program.plan.image is not ImagePolicy.ROWS:
            return True
        lines = program.graph.activations[program.graph.inputs[0]].height
        return cost * self.slower <= self.period * lines

    def arena(self, beside: int) -> int:
        """Bytes that an arena may have with so many beside it.

        The library has no static data (.data, .bss): its state is the arena.
        """
        return min(self.total - beside, self.memory - (beside if self.shared else 0))

    def missing(self, need: Need) -> int:
        """Bytes that a plan needs beyond what there is; not positive where it fits."""
        return need.arena - self.arena(need.beside)
