"""What the search handles: stages that it proposes, and the plans they join to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.plan.plan import EdgePlan, Form, StagePlan
from mcucc.schedule.plan.spans import Reuse
from mcucc.schedule.search.costs import ALIKE
from mcucc.schedule.search.limits import Tile
from mcucc.schedule.search.view import View

# Linked list of decisions, the last first: (earlier decisions, tensor, form, rows, columns).
# Tuples, as a search makes a million of them.
Trail = tuple["Trail | None", int, Form, Reuse, Reuse] | None


@dataclass(frozen=True, eq=False)
class Decisions:
    """How the tensors inside a stage are held: the trail of the walk that found it.

    Compared by identity: see `Key`.
    """

    trail: Trail

    def edges(self, network: PlannerGraph) -> tuple[EdgePlan, ...]:
        """The policies of the tensors, by name."""
        found = []
        trail = self.trail
        while trail is not None:
            before, tensor, form, rows, columns = trail
            found.append(EdgePlan(network.tensors[tensor].name, form, rows, columns))
            trail = before
        return tuple(found)


@dataclass(frozen=True, eq=False)
class Parts:
    """The stages of a chain, each of which feeds the next. Compared by identity: see `Key`."""

    stages: tuple[Candidate, ...]


class Key(NamedTuple):
    """What tells candidates apart, whatever bytes they are thought to need.

    A stage that is found a second time, by another walk, counts as another one although it is the
    same: its `how` is another object. Limits count stages as they are found, so a search that knew
    them for equal would go further and find other plans.
    """

    begin: int
    end: int
    tile: Tile
    strips: int
    how: Decisions | Parts | None
    cost: float


@dataclass(frozen=True)
class Candidate:
    """A stage of nodes [begin, end): bytes, cost above the least of its nodes, and how.

    Bytes are estimated, or exact where they have been measured (`table`). With `Parts` it is a
    chain of stages. With a `view` its tensors and decisions are those of that network. `how`
    is None where no tensor is inside.
    """

    begin: int
    end: int
    bytes: int
    cost: float
    tile: Tile
    how: Decisions | Parts | None = None
    view: View | None = None
    strips: int = 1

    @property
    def key(self) -> Key:
        """What it is known by."""
        return Key(self.begin, self.end, self.tile, self.strips, self.how, self.cost)

    @property
    def stages(self) -> tuple[Candidate, ...]:
        """Itself, or the stages of the chain."""
        return self.how.stages if isinstance(self.how, Parts) else (self,)

    def edges(self, network: PlannerGraph) -> tuple[EdgePlan, ...]:
        """The policies of the tensors inside; none for a chain, whose stages have them."""
        network = network if self.view is None else self.view.network
        return self.how.edges(network) if isinstance(self.how, Decisions) else ()

    def plans(self, network: PlannerGraph) -> list[StagePlan]:
        """Its stages in a plan of the (plain) network."""
        found = []
        for stage in self.stages:
            names = tuple(node.name for node in network.nodes[stage.begin : stage.end])
            feeds = stage is not self.stages[-1]
            edges = stage.edges(network)
            plan = StagePlan(names, stage.tile, edges, feeds, strips=stage.strips)
            found.append(plan if stage.view is None else stage.view.added(plan))
        return found


@dataclass(frozen=True, eq=False)
class Draft:
    """A plan that is not expanded yet: the bytes of its largest stage, its cost, its stages."""

    bytes: int
    cost: float
    stages: tuple[Candidate, ...]

    @property
    def keys(self) -> tuple[Key, ...]:
        """What it is known by."""
        return tuple(stage.key for stage in self.stages)


def least_memory(drafts: Sequence[Draft], slack: float) -> Draft | None:
    """The plan of least bytes that costs at most `slack`; `drafts` have the least bytes first."""
    return next((draft for draft in drafts if draft.cost <= slack), None)


class _Priced(Protocol):
    """A stage or a plan."""

    @property
    def bytes(self) -> int: ...

    @property
    def cost(self) -> float: ...


Priced = TypeVar("Priced", bound=_Priced)


def pareto(found: Iterable[Priced]) -> list[Priced]:
    """Those that nothing of fewer bytes beats in cost, least bytes first."""
    kept: list[Priced] = []
    for each in sorted(found, key=lambda item: (item.bytes, item.cost)):
        if not kept or each.cost < kept[-1].cost - ALIKE:
            kept.append(each)
    return kept
