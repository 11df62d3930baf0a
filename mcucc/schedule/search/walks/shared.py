"""Stages that were found before, in networks that begin alike: a walk sees nothing behind its end.

What decides the stages that end before a node: the nodes before it, which of their tensors are read
behind it, the rules, the tiles. A search among networks that differ in one block asks the same of
all walks that end before that block.
"""

from __future__ import annotations

from collections.abc import Hashable
from itertools import pairwise

import numpy as np

from mcucc.schedule.expand.planner_graph import PlannerNode, PlannerTensor
from mcucc.schedule.search.costs import CostModel
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.stages import Booleans, Rules, Stages, Walks
from mcucc.schedule.search.walks.run import walk


class SharedWalks:
    """Walks through many networks, each kind of them once.

    Stages found are those of `walk`, whatever was asked before. `most` (network, end) are known at
    a time, the latest; `reused` counts those that were known when they were asked for.
    """

    def __init__(self, most: int = 1 << 14) -> None:
        self.most, self.reused = most, 0
        self._known: dict[Hashable, Stages] = {}
        self._numbers: dict[Hashable, int] = {}  # of what networks begin with
        self._costs: list[CostModel] = []
        self._last: tuple[SearchFacts, list[Hashable]] | None = None

    def walk(
        self, facts: SearchFacts, walks: Walks, rules: Rules, begins: Booleans | None = None
    ) -> Stages:
        """`run.walk`."""
        keys = self._keys(facts, walks, rules, begins)
        new = [end for end, key in keys.items() if key not in self._known]
        found: dict[int, Stages] = {}
        if new:
            here = np.isin(walks.end, new)
            asked = Walks(*(part[here] for part in vars(walks).values()))
            stages = walk(facts, asked, rules, begins)
            bounds = np.searchsorted(stages.end, [*sorted(new), len(facts.network.nodes) + 1])
            for end, (first, last) in zip(sorted(new), pairwise(bounds.tolist()), strict=True):
                found[end] = stages.take(np.arange(first, last))
        for end, key in keys.items():
            if end in found:
                self._known[key] = found[end]
            else:
                self.reused += 1
                found[end] = self._known[key] = self._known.pop(key)
        while len(self._known) > self.most:
            del self._known[next(iter(self._known))]
        return Stages.together([found[end] for end in sorted(found)])

    def _keys(
        self, facts: SearchFacts, walks: Walks, rules: Rules, begins: Booleans | None
    ) -> dict[int, Hashable]:
        """What decides the stages found, by end."""
        if self._last is None or self._last[0] is not facts:
            self._last = facts, self._prefixes(facts)
        prefixes = self._last[1]
        asked: dict[int, list[tuple[int, int, int]]] = {}
        columns = (part.tolist() for part in vars(walks).values())
        for end, *tile in zip(*columns, strict=True):
            asked.setdefault(end, []).append((tile[0], tile[1], tile[2]))
        return {
            end: (
                prefixes[end],
                tuple(tiles),
                rules,
                b"" if begins is None else begins[:end].tobytes(),
            )
            for end, tiles in asked.items()
        }

    def _prefixes(self, facts: SearchFacts) -> list[Hashable]:
        """By position, what is before it and which tensors of that are read behind."""
        network = facts.network
        inputs = tuple(_shape(network.tensors[i]) for i in network.inputs)
        number = self._number((self._cost(facts.cost), network.image, inputs))
        found: list[Hashable] = []
        for position in range(len(network.nodes) + 1):
            if position:
                node = network.nodes[position - 1]
                number = self._number((number, _described(facts, node)))
            across = tuple(
                (i, facts.listed(i))
                for i, tensor in enumerate(network.tensors)
                if tensor.producer < position <= tensor.last
            )
            found.append((number, across))
        return found

    def _number(self, what: Hashable) -> int:
        return self._numbers.setdefault(what, len(self._numbers))

    def _cost(self, cost: CostModel) -> int:
        """A model by its number: its constants are no key."""
        for number, known in enumerate(self._costs):
            if known is cost or known == cost:
                return number
        self._costs.append(cost)
        return len(self._costs) - 1


def _shape(tensor: PlannerTensor) -> Hashable:
    """What a walk asks of a tensor beside its lifetime."""
    shape = tensor.name, tensor.height, tensor.width, tensor.channels, tensor.pixel_bytes
    return (*shape, tensor.source, tensor.leaves)


def _described(facts: SearchFacts, node: PlannerNode) -> Hashable:
    """What a walk asks of a node: what it reads and makes, its cost, its scratch."""
    out = facts.network.tensors[node.output]
    scratch = facts.scratch(node, 1, 1), facts.scratch(node, out.width, 1), node.scratch_bytes
    return node.name, node.granularity, node.operands, node.work, _shape(out), scratch
