"""Stages joined to plans: for every number of bytes, the least cost of a path over the cuts.

A plan fits a budget when each of its stages does, so for one budget the cheapest plan is a shortest
path from the first node to the last. All budgets that matter are solved at once, as arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.schedule.search.costs import ALIKE
from mcucc.schedule.search.space import Option, pareto

MOST_BUDGETS = 2048  # budgets looked at; of more than that, an even choice
PER_STAGE = 1e-3  # added to the cost, so that of equal plans the one with fewer stages is taken

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cut:
    """A plan: the bytes of its largest stage, its cost, and its stages in order."""

    bytes: int
    cost: float
    stages: tuple[Option, ...]


@dataclass(frozen=True, eq=False)
class _Choice:
    """Options of one begin and end: the least cost within each budget, by which of them."""

    options: Sequence[Option]
    costs: Floats
    chosen: npt.NDArray[np.intp]


def join(table: Mapping[int, Iterable[Option]], count: int) -> list[Cut]:
    """The Pareto set of (bytes, cost) of plans of `count` nodes, least bytes first.

    `table` has the stages that end before each node; nothing is returned where no path exists.
    """
    groups: dict[int, dict[int, list[Option]]] = {}
    for end in range(1, count + 1):
        groups[end] = {}
        for option in table.get(end, ()):
            groups[end].setdefault(option.begin, []).append(option)
        groups[end] = {begin: pareto(found) for begin, found in groups[end].items()}
    budgets = _budgets(o.bytes for g in groups.values() for found in g.values() for o in found)
    costs: list[Floats] = [np.zeros(budgets.size)]
    before: list[npt.NDArray[np.intp]] = [np.zeros(budgets.size, dtype=np.intp)]
    choices: list[dict[int, _Choice]] = [{}]
    for end in range(1, count + 1):
        choices.append({begin: _choice(found, budgets) for begin, found in groups[end].items()})
        costs.append(np.full(budgets.size, np.inf))
        before.append(np.full(budgets.size, -1, dtype=np.intp))
        for begin, choice in choices[end].items():
            total = costs[begin] + choice.costs + PER_STAGE
            better = total < costs[end]
            costs[end][better] = total[better]
            before[end][better] = begin
    found: list[int] = []
    for i in np.flatnonzero(np.isfinite(costs[count])):
        if not found or costs[count][i] < costs[count][found[-1]] - ALIKE:
            found.append(int(i))
    return _distinct([_path(i, count, before, choices) for i in found])


def spread(cuts: list[Cut], most: int) -> list[Cut]:
    """At most `most` of a front's points, both ends kept, evenly by rank."""
    if len(cuts) <= most:
        return cuts
    step = (len(cuts) - 1) / (most - 1)
    return [cuts[round(i * step)] for i in range(most)]


def _budgets(sizes: Iterable[int]) -> npt.NDArray[np.int64]:
    budgets = np.array(sorted(set(sizes)), dtype=np.int64)
    if budgets.size <= MOST_BUDGETS:
        return budgets
    return budgets[np.linspace(0, budgets.size - 1, MOST_BUDGETS).round().astype(np.intp)]


def _choice(options: Sequence[Option], budgets: npt.NDArray[np.int64]) -> _Choice:
    sizes = np.array([option.bytes for option in options])
    chosen = np.searchsorted(sizes, budgets, side="right") - 1
    costs = np.where(chosen < 0, np.inf, np.array([o.cost for o in options])[chosen])
    return _Choice(options, costs, chosen)


def _path(
    budget: int,
    count: int,
    before: Sequence[npt.NDArray[np.intp]],
    choices: Sequence[Mapping[int, _Choice]],
) -> Cut:
    stages: list[Option] = []
    end = count
    while end:
        begin = int(before[end][budget])
        choice = choices[end][begin]
        stages.append(choice.options[choice.chosen[budget]])
        end = begin
    size = max((option.bytes for option in stages), default=0)
    return Cut(size, sum(option.cost for option in stages), tuple(reversed(stages)))


def _distinct(cuts: list[Cut]) -> list[Cut]:
    """Without those that another beats: stage counts made some of them differ."""
    kept: list[Cut] = []
    for cut in cuts:
        if not kept or (cut.cost < kept[-1].cost - ALIKE and cut.bytes > kept[-1].bytes):
            kept.append(cut)
    return kept
