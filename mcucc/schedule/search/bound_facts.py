"""What the bound asks of a network: its lifetimes, and what its nodes cost at least."""

from __future__ import annotations

from functools import cached_property

from mcucc.ir.kernel import Granularity
from mcucc.schedule.expand.planner_graph import PlannerGraph, PlannerNode
from mcucc.schedule.expand.rates import COLUMNS, ROWS, measured_tensor
from mcucc.schedule.search.bound_axis import needed_parts, read_positions
from mcucc.schedule.search.costs import CostModel, Price
from mcucc.schedule.split.rewrite import blocks_of


class BoundFacts:
    """A network in its order, and a cost model."""

    def __init__(self, net: PlannerGraph, cost: CostModel) -> None:
        self.net, self.cost = net, cost
        self.rows, self.columns = needed_parts(net, ROWS), needed_parts(net, COLUMNS)
        self.rows_read = read_positions(net, ROWS)
        self.columns_read = read_positions(net, COLUMNS)
        self.prices = [self._price(node) for node in net.nodes]
        self._scratch: dict[tuple[int, int, int], int] = {}

    @cached_property
    def least(self) -> float:
        """No plan costs less: every pixel that is needed once, one call a row."""
        return sum(self.least_of(position) for position in range(len(self.net.nodes)))

    def least_of(self, position: int) -> float:
        """Of one node."""
        rows, columns = self.made(self.net.nodes[position])
        price = self.prices[position]
        return rows * (columns * price.pixel + price.call)

    def made(self, node: PlannerNode) -> tuple[int, int]:
        """Rows and columns that a node makes at least (a sink: that it takes)."""
        tensor = measured_tensor(node)
        return self.rows_read[tensor], self.columns_read[tensor]

    def _price(self, node: PlannerNode) -> Price:
        if node.granularity is Granularity.ALIAS:
            return Price(0.0, 0.0)
        channels = self.net.tensors[measured_tensor(node)].channels
        return self.cost.price(node.work, channels)

    def scratch(self, position: int, columns: int, rows: int) -> int:
        """Scratch bytes of calls of so many columns and (of a BLOCK) rows."""
        node = self.net.nodes[position]
        key = position, columns, rows if node.granularity is Granularity.BLOCK else 1
        if key not in self._scratch:
            self._scratch[key] = node.scratch(max(1, columns), max(1, rows))
        return self._scratch[key]

    @cached_property
    def alive(self) -> list[int]:
        """Bytes of the tensors made before a position and read at or after it."""
        return [self.across(i, i) for i in range(len(self.net.nodes) + 1)]

    def across(self, begin: int, end: int) -> int:
        """Bytes of the tensors made before one position and read at or after another."""
        roots = (t for number, t in enumerate(self.net.tensors) if t.root == number)
        return sum(t.size for t in roots if t.born < begin and t.last >= end)

    @cached_property
    def split_inside(self) -> tuple[frozenset[int], frozenset[int]]:
        """Outputs of expansions and of depthwise convolutions that a channel split never makes."""
        blocks, number = blocks_of(self.net.graph).values(), self.net.number
        return (
            frozenset(number[block.expand.output] for block in blocks),
            frozenset(number[block.depthwise.output] for block in blocks),
        )
