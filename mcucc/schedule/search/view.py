"""Views: the network as stages may rewrite it, so that one search finds those stages too."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.plan.plan import StagePlan
from mcucc.schedule.search.facts import Alike, SearchFacts
from mcucc.schedule.search.stages import Booleans, Floats, Ints


@dataclass(frozen=True, eq=False)
class View:
    """A network rewritten as a plan's stages may ask for: every block that can be, at once.

    `network` is the rewritten one. `cuts` are positions in the plain network by its own: where a
    stage may begin or end, which is never within a rewritten block. `marks` are names of plain
    nodes, one of each rewritten block: a stage without any is a stage of the plain network.
    `added` completes a plan of a stage's plain nodes with what asks for the rewriting. Views of the
    same blocks are `alike`.
    """

    network: PlannerGraph
    cuts: Mapping[int, int]
    marks: frozenset[str]
    added: Callable[[StagePlan], StagePlan]
    alike: Alike

    @cached_property
    def positions(self) -> Mapping[int, int]:
        """Its own positions by those in the plain network."""
        return {cut: position for position, cut in self.cuts.items()}


@dataclass(frozen=True, eq=False)
class Seen:
    """A network that a search looks at: the plain one (without a `view`), or a rewritten one.

    By its own positions: `cuts` of the plain network (-1: none there), and `more`, what its nodes
    before it cost at least above the plain ones. `marked` counts marks by plain positions.
    """

    facts: SearchFacts
    view: View | None
    cuts: Ints
    more: Floats
    marked: Ints
    names: tuple[str, ...]

    @staticmethod
    def of(plain: SearchFacts, view: View | None = None) -> Seen:
        """The network of `plain` as it is, or rewritten."""
        names = tuple(node.name for node in plain.network.nodes)
        cuts = np.arange(len(names) + 1)
        if view is None:
            return Seen(plain, None, cuts, np.zeros(cuts.size), cuts, names)
        facts = SearchFacts(view.network, plain.cost, view.alike)
        own, base = _before(facts), _before(plain)
        cuts = np.array([view.cuts.get(i, -1) for i in range(own.size)])
        marked = itertools.accumulate((name in view.marks for name in names), initial=0)
        return Seen(facts, view, cuts, own - base[cuts], np.array(list(marked)), names)

    def own(self, begin: Ints, end: Ints) -> Booleans:
        """Which stages begin and end at cuts, and are none of the plain network."""
        low, high = self.cuts[begin], self.cuts[end]
        found: Booleans = (low >= 0) & (high >= 0) & (self.marked[high] > self.marked[low])
        return found

    def position(self, cut: int) -> int | None:
        """Its own position of a cut; None where it has none there."""
        return cut if self.view is None else self.view.positions.get(cut)

    def plain(self, plan: StagePlan, begin: int, end: int) -> StagePlan:
        """A plan of its nodes [begin, end) as one of the plain network's."""
        if self.view is None:
            return plan
        names = self.names[self.cuts[begin] : self.cuts[end]]
        return self.view.added(replace(plan, nodes=names))


def _before(facts: SearchFacts) -> Floats:
    """The least cost of the nodes before each position."""
    costs = (facts.least_cost(node) for node in facts.network.nodes)
    return np.array(list(itertools.accumulate(costs, initial=0.0)))
