"""How many positions of every tensor come with a step of a stage, along one axis.

The one rule of what fits together: the search asks it which nodes a stage can hold, `expand` how
fast a stage's tensors move. From the last node backwards, readers set the rates of what they read.
"""

from __future__ import annotations

from mcucc.ir.kernel import Granularity
from mcucc.schedule.expand.planner_graph import PlannerGraph, PlannerNode
from mcucc.schedule.plan.spans import rate_below

ROWS, COLUMNS = 0, 1


def measured_tensors(node: PlannerNode) -> tuple[int, ...]:
    """The tensors whose positions count for a node: its output, or all that a sink takes.

    What a sink takes has one height and width, and comes at one rate.
    """
    if node.granularity is not Granularity.SINK:
        return (node.output,)
    return tuple(dict.fromkeys(operand.tensor for operand in node.operands))


def measured_tensor(node: PlannerNode) -> int:
    """The first of them: a stage's tile counts those of its last node."""
    return measured_tensors(node)[0]


def proportional(
    network: PlannerGraph, reference: int, tensor: int, axis: int, tile: int
) -> int | None:
    """Positions of a tensor for `tile` of the reference, by the strides between them; or None."""
    scales = network.scales
    rate = tile * scales[reference][axis] / scales[tensor][axis]
    return int(rate) if rate.denominator == 1 and rate >= 1 else None


def proportional_all(
    network: PlannerGraph, reference: int, node: PlannerNode, axis: int, tile: int
) -> int | None:
    """The one rate that `proportional` gives all measured tensors of a node; or None."""
    rates = {proportional(network, reference, t, axis, tile) for t in measured_tensors(node)}
    return rates.pop() if len(rates) == 1 else None


class Rates:
    """Rates of a stage's tensors, known node by node from its last one backwards.

    `tile` positions of the last node's measured tensor come with a step.
    """

    def __init__(self, network: PlannerGraph, last: PlannerNode, axis: int, tile: int) -> None:
        self.network, self.axis, self.tile = network, axis, tile
        self.reference = measured_tensor(last)
        self.known: dict[int, int] = {self.reference: tile}

    def add(self, node: PlannerNode) -> int | None:
        """The rate of a node's measured tensors; None where no whole number fits all readers.

        That of tensors which nothing later in the stage reads is `proportional`. What the node
        reads in windows becomes known.
        """
        tensors = measured_tensors(node)
        rates = {self.known[tensor] for tensor in tensors if tensor in self.known}
        if len(rates) > 1:
            return None
        rate = (
            rates.pop()
            if rates
            else proportional(self.network, self.reference, tensors[0], self.axis, self.tile)
        )
        if rate is None:
            return None
        self.known |= dict.fromkeys(tensors, rate)
        if node.granularity is Granularity.SINK:
            return rate
        for operand in node.operands:
            window = operand.columns if self.axis else operand.rows
            if window is None:
                continue
            below = rate_below(rate, window)
            if below is None or self.known.setdefault(operand.tensor, below) != below:
                return None
        return rate
