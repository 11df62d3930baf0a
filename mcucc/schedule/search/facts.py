"""The network with what every walk asks of it: lifetimes, least costs, scratch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from functools import cached_property

from mcucc.ir.kernel import Granularity
from mcucc.schedule.expand.planner_graph import PlannerGraph, PlannerNode
from mcucc.schedule.expand.rates import measured_tensor
from mcucc.schedule.search.costs import CostModel
from mcucc.schedule.search.stages import Stages
from mcucc.schedule.search.tiles import Tile, TileMenu


class Alike:
    """Networks that differ only in what nodes cost and in their scratch: walked through at once.

    `found` by walks that were `asked` for, of each.
    """

    def __init__(self) -> None:
        self.facts: list[SearchFacts] = []
        self.asked: object = None
        self.found: Sequence[Stages] = ()


class SearchFacts:
    """A network and what its nodes cost.

    `alive` are bytes of the tensors computed before a position and read at or after it.
    """

    def __init__(self, network: PlannerGraph, cost: CostModel, alike: Alike | None = None) -> None:
        self.network, self.cost, self.alike = network, cost, alike or Alike()
        self.alike.facts.append(self)
        self.alive = network.alive
        self._scratches: dict[tuple[str, int, int], int] = {}
        self._costs: dict[str, tuple[float, float, float, float, float]] = {}

    def listed(self, tensor: int) -> bool:
        """Whether a sink makes a tensor that no node reads row by row: the list of a head.

        It is complete after its stage whatever the stage feeds.
        """
        facts, nodes = self.network.tensors[tensor], self.network.nodes
        if facts.producer < 0 or nodes[facts.producer].granularity is not Granularity.SINK:
            return False
        return not any(nodes[reader].streams for reader in self.network.readers(tensor))

    def least_cost(self, node: PlannerNode) -> float:
        """The cost of a node by itself: every pixel once, one call a row."""
        return self.costs_of(node)[0]

    def costs_of(self, node: PlannerNode) -> tuple[float, float, float, float, float]:
        """`least_cost`, and its `Price`."""
        if node.name not in self._costs:
            made = self.network.tensors[measured_tensor(node)]
            x = self.network.tensors[node.operands[0].tensor]
            price = self.cost.price(node.work, made.channels)
            least = price.of(made.height, made.width, made.height, (x.height, x.width))
            self._costs[node.name] = least, *astuple(price)
        return self._costs[node.name]

    def scratch(self, node: PlannerNode, columns: int, rows: int) -> int:
        """Scratch bytes of a node's calls of so many columns and (of a BLOCK) rows."""
        key = node.name, columns, rows if node.granularity is Granularity.BLOCK else 1
        if key not in self._scratches:
            self._scratches[key] = node.scratch(columns, rows)
        return self._scratches[key]

    def alone(self, position: int) -> int:
        """Bytes of a stage of one node that needs whole tensors."""
        node = self.network.nodes[position]
        size = self.alive[position]
        if node.granularity is not Granularity.ALIAS:
            size += self.network.tensors[node.output].size + node.scratch_bytes
        for tensor in {self.network.tensors[operand.tensor] for operand in node.operands}:
            if tensor.arrives(position):  # not alive before, and whole while its rows come
                size += tensor.size
        return size

    def tiles(self, end: int, menu: TileMenu) -> list[Tile]:
        """Tile sizes of a menu for a stage that ends before a node.

        And as many rows as nodes before it make of a whole number of theirs, where that is none of
        the menu's: a picture that shrinks by 12/5 comes five rows at a time.
        """
        facts = self.network.tensors[measured_tensor(self.network.nodes[end - 1])]
        periods = self._periods[end - 1]
        own = {(p, 0) for p in periods if p not in menu.heights and p < facts.height}
        return [*menu.tiles(facts.height, facts.width), *sorted(own)]

    @cached_property
    def _periods(self) -> list[frozenset[int]]:
        """Of the nodes up to each that shrink their input by a fraction."""
        found: list[frozenset[int]] = []
        for node in self.network.nodes:
            windows = (operand.rows for operand in node.operands)
            own = (w.upsample for w in windows if w is not None and w.stride > w.upsample > 1)
            found.append(frozenset(own).union(found[-1] if found else ()))
        return found
