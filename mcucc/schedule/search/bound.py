"""A proved lower bound: no plan of the space within a cost needs fewer bytes than this.

The stages between two cuts are bounded one by one (`bound_stages`, `bound_strips`): for a price of
a unit of cost in bytes, the least of bytes + price x cost. So a stage of at most so many bytes
costs at least (value - bytes) / price, whatever the price: the largest counts. The cheapest path
over the cuts, with these costs, bounds the cost of every plan of so many bytes; where that is more
than what is allowed, every plan needs more bytes (Lagrange).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mcucc.ir.integer import IntegerGraph
from mcucc.ir.kernel import Granularity
from mcucc.schedule.expand.planner_graph import PlannerGraph, PlannerNode, PlannerTensor
from mcucc.schedule.expand.rates import measured_tensor
from mcucc.schedule.plan.plan import StagePlan
from mcucc.schedule.plan.program import Program
from mcucc.schedule.search.bound_axis import WHOLE
from mcucc.schedule.search.bound_facts import BoundFacts
from mcucc.schedule.search.bound_stages import StageBound
from mcucc.schedule.search.bound_strips import strip_values
from mcucc.schedule.search.costs import ALIKE, MACS, CostModel
from mcucc.schedule.search.tiles import Tile

Floats = npt.NDArray[np.float64]
HEIGHTS, WIDTHS = (1, 2, 3, 4), (1, 2, 3, 4, 6, 8)
# Prices of a unit of cost, in parts of (bytes of a plan) / (its cost above the least): where a plan
# repeats next to nothing, so dear that nothing is; else around what memory costs at the margin.
ONCE, PRICES = (0.005,), (0.15, 0.5)
MOST_NODES = 300
SLIGHT = 1e-4  # a plan that costs less above the least, in parts of that, repeats nothing


@dataclass(frozen=True)
class Known:
    """A plan that is known: its bytes and cost. The bound at its cost is at most its bytes."""

    bytes: int
    cost: float


def lower_bounds(net: PlannerGraph, cost: CostModel, known: Sequence[Known]) -> list[int]:
    """For each plan: no plan of its cost or less has fewer bytes in use than so many."""
    facts = BoundFacts(net, cost)
    prices, caps = [], []
    for plan in known:
        slack = max(ALIKE, plan.cost - facts.least)
        for part in ONCE if slack < SLIGHT * facts.least + ALIKE else PRICES:
            prices.append(part * plan.bytes / slack)
            caps.append(plan.bytes * (1.0 + part))
    bound = LowerBound(facts, np.array(prices), np.array(caps))
    return [bound.at(plan.cost, plan.bytes) for plan in known]


@dataclass(frozen=True)
class LeastBytes:
    """What plans of a network need at least that compute no more than `factor` times its MACs.

    `plain` says whether the plan that was asked for is one of those that the bound covers: none of
    its stages feeds another, none computes a node again, their tiles are those of the menu.
    """

    bytes: int
    factor: float
    plain: bool


def bounded(net: PlannerGraph) -> bool:
    """Whether bounds of a network are computed: of few enough nodes, whose results are all read."""
    return len(net.nodes) <= MOST_NODES and all(
        net.tensors[node.output].stored(position + 1) for position, node in enumerate(net.nodes)
    )


def bound_beside(graph: IntegerGraph, program: Program) -> LeastBytes | None:
    """The bound at the executed MACs of a program of a network, in the program's order of nodes.

    None for a network that is not `bounded`, and where work is repeated so much that nothing is
    proved.
    """
    plan = program.plan
    names = dict.fromkeys(name for stage in plan.stages for name in stage.nodes)
    ordered = replace(graph, nodes=tuple(graph.node(name) for name in names))
    net = PlannerGraph(ordered, plan.image, plan.row_outputs)
    if not bounded(net):
        return None
    plain = covered(net, plan.stages)
    cap = program.arena_bytes if plain else 2 * program.arena_bytes
    (found,) = lower_bounds(net, MACS, [Known(cap, program.macs)])
    return LeastBytes(found, program.factor, plain) if found else None


def covered(net: PlannerGraph, stages: Sequence[StagePlan]) -> bool:
    """Whether a bound holds for a plan of these stages, in the network's order of nodes."""
    if any(stage.feeds or stage.again for stage in stages):
        return False
    position = {node.name: i for i, node in enumerate(net.nodes)}
    return all(
        stage.strips > 1 or not last.streams or _on_menu(net, last, stage.tile)
        for stage in stages
        for last in [net.nodes[position[stage.nodes[-1]]]]
    )


def _on_menu(net: PlannerGraph, last: PlannerNode, tile: Tile) -> bool:
    tensor = net.tensors[measured_tensor(last)]
    heights, widths = menu(tensor)
    tall = WHOLE if tile[0] == tensor.height else tile[0] or -1
    return tall in heights and tile[1] in widths


def menu(tensor: PlannerTensor) -> tuple[list[int], list[int]]:
    """Heights and widths of the tiles that are looked at."""
    heights = {*HEIGHTS, -(-tensor.height // 2)}
    widths = {*WIDTHS, -(-tensor.width // 2)}
    return (
        [*sorted(h for h in heights if h < tensor.height), WHOLE],
        [*sorted(w for w in widths if w < tensor.width), WHOLE],
    )


class LowerBound:
    """The bounds of all stages at some prices; those above the caps are left out."""

    def __init__(self, facts: BoundFacts, prices: Floats, caps: Floats) -> None:
        self.facts, self.net = facts, facts.net
        self.prices, self.caps = prices, caps
        count = len(self.net.nodes)
        # By price, begin and end: the least bytes + price x cost.
        self.values: Floats = np.full((prices.size, count + 1, count + 1), np.inf)
        for end in range(1, count + 1):
            self._fill(end)

    def at(self, cost: float, cap: int) -> int:
        """No plan of at most this cost has fewer bytes in use; at most `cap`."""
        slack = cost - self.facts.least + 1e-12 * abs(cost) + ALIKE
        low, high = 0, cap
        while low < high:
            middle = (low + high) // 2
            if self._least_cost(middle) > slack:
                low = middle + 1
            else:
                high = middle
        return low

    def _fill(self, end: int) -> None:
        node = self.net.nodes[end - 1]
        if not node.streams:
            self._put(end - 1, end, single_bytes(self.facts, end - 1))
            return
        tiles = menu(self.net.tensors[measured_tensor(node)])
        walk = StageBound(self.facts, end, *tiles, self.prices)
        for begin, value in walk.values(self.caps):
            self._put(begin, end, value)
        for begin, value in strip_values(self.facts, end, self.prices):
            self._put(begin, end, value)

    def _put(self, begin: int, end: int, value: Floats | float) -> None:
        self.values[:, begin, end] = np.minimum(self.values[:, begin, end], value)

    def _least_cost(self, size: int) -> float:
        """The cost above the least of a cheapest plan of at most so many bytes."""
        costs = (np.maximum(0.0, self.values - size) / self.prices[:, None, None]).max(axis=0)
        best = np.full(costs.shape[0], np.inf)
        best[0] = 0.0
        for end in range(1, best.size):
            best[end] = (best[:end] + costs[:end, end]).min()
        return float(best[-1])


def single_bytes(facts: BoundFacts, position: int) -> float:
    """Bytes of the stage of one node that needs whole tensors."""
    node, alive = facts.net.nodes[position], facts.alive
    size = float(alive[position])
    in_place = any(node.node.kernel.in_place(k) for k in range(len(node.operands)))
    if node.granularity is not Granularity.ALIAS and not in_place:
        size += facts.net.tensors[node.output].size + node.scratch_bytes
    return max(size, alive[position + 1])
