"""Stages joined to plans: for every number of bytes, the least cost of a path over the cuts.

A plan fits a budget when each of its stages does, so for one budget the cheapest plan is a shortest
path from the first node to the last. All budgets that matter are solved at once, as arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.schedule.search.candidate import Candidate, Draft, pareto
from mcucc.schedule.search.costs import ALIKE
from mcucc.schedule.search.limits import JoinLimits

Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.int64]
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class _Cheapest:
    """Stages of one begin and end: the least cost within each budget, and by which of them."""

    stages: Sequence[Candidate]
    costs: Floats
    chosen: Indices


def join(table: Mapping[int, Iterable[Candidate]], count: int, limits: JoinLimits) -> list[Draft]:
    """The Pareto set of (bytes, cost) of plans of `count` nodes, least bytes first.

    `table` has the stages that end before each node; nothing is returned where no path exists.
    """
    groups = [_by_begin(table.get(end, ())) for end in range(count + 1)]
    sizes = {stage.bytes for group in groups for found in group.values() for stage in found}
    budgets = _budgets(sizes, limits.budgets)
    # By end: the least cost of the nodes before it within each budget, and where the last of its
    # stages begins.
    costs: list[Floats] = [np.zeros(budgets.size)]
    before: list[Indices] = [np.zeros(budgets.size, dtype=np.intp)]
    cheapest: list[dict[int, _Cheapest]] = [{}]
    for group in groups[1:]:
        cheapest.append({begin: _cheapest(found, budgets) for begin, found in group.items()})
        costs.append(np.full(budgets.size, np.inf))
        before.append(np.full(budgets.size, -1, dtype=np.intp))
        for begin, stages in cheapest[-1].items():
            total = costs[begin] + stages.costs + limits.per_stage
            better = total < costs[-1]
            costs[-1][better] = total[better]
            before[-1][better] = begin
    found: list[int] = []
    for i in np.flatnonzero(np.isfinite(costs[count])):
        if not found or costs[count][i] < costs[count][found[-1]] - ALIKE:
            found.append(int(i))
    return _distinct([_path(i, before, cheapest) for i in found])


def spread(drafts: list[Draft], most: int) -> list[Draft]:
    """At most `most` of a front's points, both ends kept, evenly by rank."""
    if len(drafts) <= most:
        return drafts
    step = (len(drafts) - 1) / (most - 1)
    return [drafts[round(i * step)] for i in range(most)]


def _by_begin(stages: Iterable[Candidate]) -> dict[int, list[Candidate]]:
    """The Pareto sets of stages that begin at the same node."""
    groups: dict[int, list[Candidate]] = {}
    for stage in stages:
        groups.setdefault(stage.begin, []).append(stage)
    return {begin: pareto(found) for begin, found in groups.items()}


def _budgets(sizes: Iterable[int], most: int) -> Bytes:
    """The numbers of bytes at which the cheapest plan may change; of too many, an even choice."""
    budgets = np.array(sorted(sizes), dtype=np.int64)
    if budgets.size <= most:
        return budgets
    return budgets[np.linspace(0, budgets.size - 1, most).round().astype(np.intp)]


def _cheapest(stages: Sequence[Candidate], budgets: Bytes) -> _Cheapest:
    """`stages` are a Pareto set: the last one that fits a budget is the cheapest."""
    sizes = np.array([stage.bytes for stage in stages])
    chosen = np.searchsorted(sizes, budgets, side="right") - 1
    costs = np.where(chosen < 0, np.inf, np.array([s.cost for s in stages])[chosen])
    return _Cheapest(stages, costs, chosen)


def _path(
    budget: int, before: Sequence[Indices], cheapest: Sequence[Mapping[int, _Cheapest]]
) -> Draft:
    """The plan that is cheapest within a budget, followed from its last stage backwards."""
    stages: list[Candidate] = []
    end = len(before) - 1
    while end:
        begin = int(before[end][budget])
        group = cheapest[end][begin]
        stages.append(group.stages[group.chosen[budget]])
        end = begin
    size = max((stage.bytes for stage in stages), default=0)
    return Draft(size, sum(stage.cost for stage in stages), tuple(reversed(stages)))


def _distinct(drafts: list[Draft]) -> list[Draft]:
    """Without those that another beats: what `per_stage` adds made some of them differ."""
    kept: list[Draft] = []
    for draft in drafts:
        if not kept or (draft.cost < kept[-1].cost - ALIKE and draft.bytes > kept[-1].bytes):
            kept.append(draft)
    return kept
