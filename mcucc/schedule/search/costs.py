"""What a schedule costs in time: one linear model, its constants per core in `costs.json`.

`python -m benchmarks.fit_costs` fits the constants on emulated counts and writes that file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from mcucc.schedule.expand.planner_graph import PlannerGraph, PlannerNode
from mcucc.schedule.plan.program import Compute, Copy, Program
from mcucc.schedule.plan.spans import reads
from mcucc.schedule.plan.spans import total as sum_of

# A kernel that the table does not know costs what the kernel with the longest common name does.
LEAST_COMMON = len("mcucc_add")
OTHERS = ("cortex-m3", "cortex-m4")
# A plan whose estimated time passes a bound by less than this share keeps to it: the estimate
# itself is off by more (`Fit`). Bounds on MACs, which are counted, have no such tolerance.
TOLERANCE = 0.005
# Costs that differ by less than half an instruction (or MAC) are equal: sums of floats in another
# order differ in their last digits, and a plan is not to be thrown away for those.
ALIKE = 0.5
ROUNDING = 1e-9  # the same for ratios of MACs, which are whole numbers


@dataclass(frozen=True)
class KernelCost:
    """Instructions of a C kernel: a constant times each thing it does.

    A call makes some pixels of one row; `per_call_channel` is paid for every output channel of
    every call (its weights are read again), `per_output` for the requantization of an int8 value.
    """

    per_mac: float
    per_output: float
    per_call: float
    per_call_channel: float


@dataclass(frozen=True)
class Fit:
    """How well the constants of a core foresee emulated counts, relative errors.

    Of single stages of one node, and of whole networks under fused plans the fit has not seen.
    """

    stages: int
    median_stage: float
    worst_stage: float
    plans: int
    mean_plan: float
    worst_plan: float

    @property
    def words(self) -> str:
        """The error as a person reads it."""
        if not self.stages:
            return "not fitted: constants of another core"
        return (
            f"off by {self.mean_plan:.1%} on average and {self.worst_plan:.1%} at worst "
            f"on {self.plans} fused plans"
        )


@dataclass(frozen=True)
class CostModel:
    """Costs by C function ("*": any other); copies between buffers by byte and by row."""

    name: str
    kernels: Mapping[str, KernelCost]
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
        node: PlannerNode,
        channels: int,
        rows: int,
        columns: int,
        calls: int,
        taken: tuple[int, int] = (0, 0),
    ) -> float:
        """A node that computes rows x columns pixels in all, in so many calls.

        A block reads `taken` rows and columns of its input in all.
        """
        if not node.parts:
            return self._calls(node.function, rows * columns, node.macs, channels, calls)
        across = calls // max(1, rows)
        total = 0.0
        for part in node.parts:
            tall, wide = taken if part.of_input else (rows, columns)
            own, each = tall * across * part.calls, part.channels // part.calls
            total += self._calls(part.function, tall * wide, part.macs, part.channels, 0)
            total += self._calls(part.function, 0, 0, each, own)
        return total

    def _calls(self, function: str, pixels: int, macs: int, channels: int, calls: int) -> float:
        cost = self.kernel(function)
        return pixels * (cost.per_mac * macs + cost.per_output * channels) + calls * (
            cost.per_call + cost.per_call_channel * channels
        )

    def kernel(self, function: str) -> KernelCost:
        """The constants of a C function."""
        found = self.kernels.get(function)
        return found or self.kernels[_nearest(function, tuple(self.kernels))]


@cache
def _nearest(function: str, known: tuple[str, ...]) -> str:
    """The known function with the longest common beginning, or "*"."""
    near = max(known, key=lambda name: _common(name, function))
    return near if _common(near, function) >= LEAST_COMMON else "*"


def _common(one: str, other: str) -> int:
    """Length of the common beginning."""
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


MACS = CostModel("macs", {"*": KernelCost(1.0, 0.0, 0.0, 0.0)})


@cache
def cost_model(core: str) -> CostModel:
    """The model of a core, by the name gcc knows; a core never fitted costs what another does."""
    table = _table()
    data = next(table[name] for name in (core, *OTHERS) if name in table)
    kernels = {name: KernelCost(*values) for name, values in data["kernels"].items()}
    return CostModel(core, kernels, data["per_copied_byte"], data["per_copied_row"])


@cache
def fit_of(core: str) -> Fit:
    """The errors of a core's constants."""
    table = _table()
    return Fit(**table[core]["fit"]) if core in table else Fit(0, 0.0, 0.0, 0, 0.0, 0.0)


@cache
def _table() -> Mapping[str, Any]:
    text = (
        resources.files("mcucc.schedule.search").joinpath("costs.json").read_text(encoding="utf-8")
    )
    table: Mapping[str, Any] = json.loads(text)
    return table


def program_cost(program: Program, model: CostModel, facts: Mapping[str, PlannerNode]) -> float:
    """The model's figure for every step of a program. `facts` are the nodes by name."""
    return sum(stage_costs(program, model, facts))


def stage_costs(
    program: Program, model: CostModel, facts: Mapping[str, PlannerNode]
) -> list[float]:
    """The figure of each stage."""
    found = []
    for stage in program.stages:
        total = 0.0
        for action in stage.actions:
            rows = sum(end - begin for begin, end in action.rows)
            columns = sum(end - begin for begin, end in action.columns)
            calls = rows * sum(begin < end for begin, end in action.columns)
            if isinstance(action, Copy):
                channels = program.buffers[action.source].channels
                total += model.per_copied_byte * rows * columns * channels
                total += model.per_copied_row * calls
            elif isinstance(action, Compute):
                channels = program.buffers[action.target].channels
                node = facts[action.node]
                taken = _taken(program, node, action) if node.parts else (0, 0)
                total += model.node(node, channels, rows, columns, calls, taken)
        found.append(total)
    return found


def _taken(program: Program, node: PlannerNode, action: Compute) -> tuple[int, int]:
    """Rows and columns of its input that a block reads over all steps."""
    down, across = node.source.kernel.windows(0)
    x = program.graph.activations[program.graph.node(node.name).inputs[0]]
    return (
        sum_of([reads([(rows, down)], x.height) for rows in action.rows]),
        sum_of([reads([(columns, across)], x.width) for columns in action.columns]),
    )


def node_facts(program: Program) -> dict[str, PlannerNode]:
    """The planner's facts of a program's nodes, by name."""
    return {node.name: node for node in PlannerGraph(program.graph, program.plan.image).nodes}
