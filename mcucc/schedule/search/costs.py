"""What a schedule costs in time: a linear model with the constants of `mcucc.kernels.costs`."""

from __future__ import annotations

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

    def node(
        self,
        work: NodeWork,
        channels: int,
        rows: int,
        columns: int,
        calls: int,
        taken: tuple[int, int] = (0, 0),
    ) -> float:
        """The work of a node that computes rows x columns pixels in all, in so many calls.

        A block reads `taken` rows and columns of its input in all.
        """
        if not work.parts:
            return self._calls(work.key, rows * columns, work.macs, channels, calls)
        across = calls // max(1, rows)
        total = 0.0
        for part in work.parts:
            tall, wide = taken if part.of_input else (rows, columns)
            own, each = tall * across * part.calls, part.channels // part.calls
            total += self._calls(part.key, tall * wide, part.macs, part.channels, 0)
            total += self._calls(part.key, 0, 0, each, own)
        return total

    def _calls(
        self, key: KernelId | None, pixels: int, macs: int, channels: int, calls: int
    ) -> float:
        cost = self.kernel(key)
        return pixels * (cost.per_mac * macs + cost.per_output * channels) + calls * (
            cost.per_call + cost.per_call_channel * channels
        )

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
    """The model's figure for every step of a program."""
    return sum(stage_costs(program, model))


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
                total += model.node(work, channels, rows, columns, calls, taken)
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
