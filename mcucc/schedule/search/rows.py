"""Line buffers of a plan before it is measured: when it would ask for rows, by the cost model."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from mcucc.schedule.plan.line_buffers import line_buffers
from mcucc.schedule.plan.program import Program, Receive
from mcucc.schedule.search.costs import CostModel, stage_costs


def estimated_requests(program: Program, cost: CostModel) -> list[int]:
    """Estimated instructions before each row that is asked for: a turn of a stage is taken for as
    long as any other of it."""
    found: list[int] = []
    now, done = 0.0, Counter[int]()
    costs = stage_costs(program, cost)
    for chain in program.chains:
        for number in chain.order:
            stage = program.stages[number]
            for _, action, rows, _ in stage.performed(done[number]):
                if isinstance(action, Receive):
                    found += [round(now)] * (rows[1] - rows[0])
            done[number] += 1
            now += costs[number] / stage.turns
    return found


def line_bytes(program: Program, cost: CostModel, period: float) -> int:
    """Bytes of the lines that a driver must hold, lines being `period` instructions apart."""
    x = program.graph.activations[program.graph.inputs[0]]
    lines = line_buffers(estimated_requests(program, cost), Fraction(period))
    return lines * x.width * x.channels
