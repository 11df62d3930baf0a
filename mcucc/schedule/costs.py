"""What a schedule costs in time: one linear model, its constants per target in one table."""

from __future__ import annotations

from dataclasses import dataclass

from mcucc.schedule.network import NodeFacts
from mcucc.schedule.tiled import Compute, Copy, TiledProgram


@dataclass(frozen=True)
class CostModel:
    """Instructions = sum over kernel calls of these constants times what the call does.

    A call makes one row of pixels. `per_weight_byte` is charged at each call, as each call streams
    the weights of its kernel once; `per_output` is the requantization of one int8 value.
    """

    name: str
    per_mac: float
    per_output: float
    per_call: float
    per_weight_byte: float
    per_copied_byte: float

    @property
    def unit(self) -> str:
        """What the figures count."""
        return "MACs" if self.name == "macs" else f"instructions on {self.name}, estimated"

    def node(self, node: NodeFacts, channels: int, rows: int, columns: int, calls: int) -> float:
        """A node that computes rows x columns pixels in all, in so many calls."""
        pixels = rows * columns
        return pixels * (self.per_mac * node.macs + self.per_output * channels) + calls * (
            self.per_call + self.per_weight_byte * node.weight_bytes
        )


MACS = CostModel("macs", 1.0, 0.0, 0.0, 0.0, 0.0)

# Instructions, portable C kernels; the constants of a target are fitted on emulated counts.
TARGETS = {
    "macs": MACS,
    "cortex-m0+": CostModel("cortex-m0+", 6.0, 22.0, 120.0, 0.5, 1.0),
    "cortex-m3": CostModel("cortex-m3", 3.0, 12.0, 100.0, 0.5, 0.7),
    "cortex-m4": CostModel("cortex-m4", 1.3, 8.0, 100.0, 0.5, 0.7),
    "cortex-m7": CostModel("cortex-m7", 1.3, 8.0, 100.0, 0.5, 0.7),
    "cortex-m33": CostModel("cortex-m33", 1.3, 8.0, 100.0, 0.5, 0.7),
    "cortex-m55": CostModel("cortex-m55", 0.25, 2.0, 80.0, 0.1, 0.3),
}


def program_cost(program: TiledProgram, model: CostModel, facts: dict[str, NodeFacts]) -> float:
    """The model's figure for every step of a program. `facts` are the nodes by name."""
    total = 0.0
    for stage in program.stages:
        for action in stage.actions:
            rows = sum(end - begin for begin, end in action.rows)
            columns = sum(end - begin for begin, end in action.columns)
            if isinstance(action, Copy):
                channels = program.places[action.source].channels
                total += model.per_copied_byte * rows * columns * channels
            elif isinstance(action, Compute):
                calls = rows * sum(begin < end for begin, end in action.columns)
                channels = program.places[action.place].channels
                total += model.node(facts[action.node], channels, rows, columns, calls)
    return total
