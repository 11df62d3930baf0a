"""Network outputs that leave by rows: each is handed out as it is complete, and none is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcucc.errors import ModelError
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.kernel import Granularity


def keeps_whole(graph: IntegerGraph, output: str) -> str | None:
    """Why an output of the network cannot leave by rows; None where it can."""
    producer = next((node for node in graph.nodes if node.output == output), None)
    if output not in graph.outputs:
        return "is no output of the network"
    if producer is None:
        return "is an input of the network"
    if graph.outputs.count(output) > 1:
        return "is several outputs of the network"
    if producer.kernel.granularity is Granularity.ALIAS:
        return f"is another name of the bytes of {producer.inputs[0]}"
    if producer.kernel.granularity is Granularity.SINK:
        return f"is complete only after {producer.name} has seen its whole input"
    readers = [node.name for node in graph.nodes if output in node.inputs]
    return f"is read by {readers[0]} as well" if readers else None


def check_leaves(graph: IntegerGraph, outputs: Sequence[str]) -> None:
    """ModelError names the first of some outputs that cannot leave by rows, and why."""
    for name in outputs:
        flaw = keeps_whole(graph, name)
        if flaw is not None:
            raise ModelError(
                f"output {name} cannot leave by rows: it {flaw}",
                where=graph.name,
                hint="leave it whole; --output NAME=rows names those that leave",
            )


@dataclass(frozen=True)
class RowOutputs:
    """Which outputs are to leave by rows: those `named`, or `every` one that has rows and can."""

    every: bool = False
    named: tuple[str, ...] = ()

    def chosen(self, graph: IntegerGraph) -> tuple[str, ...]:
        """Their names in the order of the network; ModelError where one cannot, or none can."""
        if not self.every:
            check_leaves(graph, self.named)
            return tuple(name for name in graph.outputs if name in self.named)
        found = [n for n in graph.outputs if keeps_whole(graph, n) is None]
        found = [name for name in found if graph.activations[name].height > 1]
        if not found:
            check_leaves(graph, graph.outputs)
            raise ModelError(
                "no output has more than one row",
                where=graph.name,
                hint="leave --output rows out",
            )
        return tuple(found)


WHOLE = RowOutputs()
