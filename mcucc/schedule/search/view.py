"""Views: the network as stages may rewrite it, so that one search finds those stages too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.plan.plan import StagePlan


@dataclass(frozen=True, eq=False)
class View:
    """A network rewritten as a plan's stages may ask for: every block that can be, at once.

    `network` is the rewritten one. `cuts` are positions in the plain network by its own: where a
    stage may begin or end, which is never within a rewritten block. `marks` are names of plain
    nodes, one of each rewritten block: a stage without any is a stage of the plain network.
    `added` completes a plan of a stage's plain nodes with what asks for the rewriting.
    """

    network: PlannerGraph
    cuts: Mapping[int, int]
    marks: frozenset[str]
    added: Callable[[StagePlan], StagePlan]

    @cached_property
    def positions(self) -> Mapping[int, int]:
        """Its own positions by those in the plain network."""
        return {cut: position for position, cut in self.cuts.items()}
