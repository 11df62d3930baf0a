"""What a schedule costs in time: a linear model with the constants of `mcucc.kernels.costs`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from mcucc.ir.integer import IntegerNode
from mcucc.ir.kernel import Granularity
from mcucc.ir.kernel_id import KernelId
from mcucc.kernels.costs import KernelCost, core_costs
from mcucc.schedule.expand.work import NodeWork, work_of
from mcucc.schedule.plan.program import Compute, Copy, Program
from mcucc.schedule.plan.spans import reads
from mcucc.schedule.plan.spans import total as sum_of

# A plan whose estimated time passes a bound by less than this share keeps to it: the estimate
# itself is off by more (`Fit`). Bounds on MACs, which are counted, have no such tolerance.
TOLERANCE = 0.005
# Costs that differ by less than half an instruction (or MAC) are equal: sums of floats in another
# order differ in their last digits, and a plan is not to be thrown away for those.
ALIKE = 0.5
ROUNDING = 1e-9  # the same for ratios of MACs, which are whole numbers


@dataclass(frozen=True)
class Price:
    """Costs of a pixel and a call of a node; of a pixel that a block takes, a call that takes it.

    A call makes some pixels of one row.
    """

    pixel: float
    call: float
    taken_pixel: float = 0.0
    taken_call: float = 0.0

    def of(self, rows: int, columns: int, calls: int, taken: tuple[int, int]) -> float:
        """The cost of rows x columns pixels in all, of which a block takes `taken` ones."""
        tall, wide = taken
        own = rows * columns * self.pixel + calls * self.call
        across = calls // max(1, rows)
        return own + tall * (wide * self.taken_pixel + across * self.taken_call)


@dataclass(frozen=True)
class CostModel:
    """Costs of kernels by the text of their keys, and of copies by byte and by row.

    `anything` is what a node costs that calls no kernel.
    """

    name: str
    kernels: Mapping[str, KernelCost]
    anything: KernelCost
    per_copied_byte: float = 0.0
    per_copied_row: float = 0.0

    @property
    def counts(self) -> bool:
        """Whether the costs are exact counts (of MACs), not estimates."""
        return self.name == "macs"

    def limit(self, factor: float) -> float:
        """Up to how many times the least cost a plan may have where `factor` times is asked for."""
        return factor if self.counts else factor * (1.0 + TOLERANCE)

    @property
    def unit(self) -> str:
        """What the figures count."""
        return "MACs" if self.counts else f"instructions on {self.name}, estimated"

    def price(self, work: NodeWork, channels: int) -> Price:
        """What a node with so many channels costs."""
        if not work.parts:
            cost = self.kernel(work.key)
            pixel = cost.per_mac * work.macs + cost.per_output * channels + cost.per_pixel
            return Price(pixel, cost.per_call + cost.per_call_channel * channels)
        found = [0.0, 0.0, 0.0, 0.0]
        for part in work.parts:
            cost, where = self.kernel(part.key), 2 * part.of_input
            each = cost.per_call + cost.per_call_channel * (part.channels // part.calls)
            found[where] += cost.per_mac * part.macs + cost.per_output * part.channels
            found[where] += part.calls * cost.per_pixel
            found[where + 1] += part.calls * each
        return Price(*found)

    def kernel(self, key: KernelId | None) -> KernelCost:
        """The constants of a C kernel; None: of a node that calls none.

        Packed weights cost what bytes do where they were not fitted. Raises KeyError for a kernel
        without constants: benchmarks.fit_costs fits it.
        """
        if key is None or self.counts:
            return self.anything
        return self.kernels.get(key.text) or self.kernels[replace(key, bits=8).text]


MACS = CostModel("macs", {}, KernelCost(1.0, 0.0, 0.0, 0.0))


@cache
def cost_model(core: str) -> CostModel:
    """The model of a core, by the name gcc knows; a core never fitted costs what another does."""
    costs = core_costs(core)
    return CostModel(
        core, costs.kernels, costs.anything, costs.per_copied_byte, costs.per_copied_row
    )


def program_cost(program: Program, model: CostModel) -> float:
    """The model's figure for every step of a program, in whatever order the stages come."""
    return math.fsum(stage_costs(program, model))


def stage_costs(program: Program, model: CostModel) -> list[float]:
    """The figure of each stage."""
    found = []
    for stage in program.stages:
        total = 0.0
        nodes = {node.name: node for node in stage.nodes}
        for action in stage.actions:
            rows = sum_of(action.rows)
            columns = sum_of(action.columns)
            calls = rows * sum(begin < end for begin, end in action.columns)
            if isinstance(action, Copy):
                pixel_bytes = program.buffers[action.source].pixel_bytes
                total += model.per_copied_byte * rows * columns * pixel_bytes
                total += model.per_copied_row * calls
            elif isinstance(action, Compute):
                node = nodes[action.node]
                sink = node.kernel.granularity is Granularity.SINK  # its pixels are the input's
                counted = node.inputs[0] if sink else node.output
                channels = program.graph.activations[counted].channels
                work = work_of(node)
                taken = _taken(program, node, action) if work.parts else (0, 0)
                total += model.price(work, channels).of(rows, columns, calls, taken)
        found.append(total)
    return found


def _taken(program: Program, node: IntegerNode, action: Compute) -> tuple[int, int]:
    """Rows and columns of its input that a block reads over all steps."""
    down, across = node.kernel.windows(0)
    x = program.graph.activations[node.inputs[0]]
    return (
        sum_of([reads([(rows, down)], x.height) for rows in action.rows]),
        sum_of([reads([(columns, across)], x.width) for columns in action.columns]),
    )
