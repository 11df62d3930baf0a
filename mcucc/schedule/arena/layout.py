"""Offsets of all buffers: the least arena found, and what no arena can do without.

Buffers of one phase only see each other and the few that last longer; mostly one phase bounds the
arena. In this order, until the arena is as small as the bound:
first fits of everything; every crowded phase by itself, which raises the bound; sweeps that place
what outlives a phase low or high, phase after phase; rounds that lay out one phase after the other
as low as possible, those that stuck out before first; changed orders of everything.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from itertools import product

from mcucc.schedule.arena.first_fit import first_fit, some_orders
from mcucc.schedule.arena.least_top import MOST_BUFFERS, Items, least_top
from mcucc.schedule.arena.limits import ArenaLimits
from mcucc.schedule.arena.problem import OffsetProblem

# A top, and the offsets of buffers.
Fit = tuple[int, dict[int, int]]
# Phases that are laid out together.
Group = tuple[int, ...]
UNLIMITED = 1 << 62
NOTHING: Fit = UNLIMITED, {}
# Of so many arrangements that a sweep ends with everything else is placed.
ENDS = 4


class Layout:
    """The least arena found, `best`; no arena is smaller than `bound`."""

    def __init__(
        self, problem: OffsetProblem, bound: int, alignment: int, limits: ArenaLimits
    ) -> None:
        self.problem, self.alignment, self.limits = problem, alignment, limits
        self.bound, self.best = bound, NOTHING
        self._most_crowded = -1
        self._alone: dict[Group, Fit] = {}
        self._around_known: dict[tuple[int, tuple[int, ...]], int] = {}
        self._orders_known: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        self._search()
        self._sink()

    @property
    def low(self) -> int:
        """The bound as a size that an arena may have."""
        return self.bound + -self.bound % self.alignment

    def _search(self) -> None:
        self.best = self._first_fit(range(len(self.problem.sizes)), {}, self.low)
        if self.best[0] <= self.low:
            return
        tops = {phase: self._by_itself(phase) for phase in self.problem.loads}
        crowded = sorted(tops, key=lambda phase: -tops[phase])
        phases, self._most_crowded = sorted(tops), crowded[0]
        at = phases.index(crowded[0])
        if len(phases) > 1:
            for way in ([*phases[at::-1], *phases[at + 1 :]], phases, phases[::-1]):
                if self.best[0] > self.low:
                    self._sweep(way)
        self._rounds([(phase,) for phase in crowded])
        self._exchange()

    def _sink(self) -> None:
        """Everything as low as it can be, from the lowest up, while that changes anything."""
        lowered = True
        while lowered:
            size, before = self.best
            found: dict[int, int] = {}
            order = sorted(before, key=lambda i: (before[i], i))
            top = first_fit(order, self.problem.sizes, self.problem.neighbours, found)
            lowered = top <= size and sum(found.values()) < sum(before.values())
            if lowered:
                self.best = top, found

    def _by_itself(self, phase: int) -> int:
        """The top of a phase alone, or what is known to be below the bound."""
        members, load = self.problem.members.get(phase, []), self.problem.loads[phase]
        if sum(self.problem.sizes[i] for i in members) <= self.low:
            return load
        top = self._fitted((phase,), members, {}, self.low)[0]
        if top > self.low and len(members) <= self.limits.proved:
            items = self.problem.items(members, {})
            ceiling = min(top, self.best[0]) - self.alignment
            least = least_top(items, ceiling, 16 * self.limits.width)
            if least.proved:
                top = ceiling + self.alignment if least.offsets is None else least.top
                self.bound = max(self.bound, top)
        return top

    def _sweep(self, phases: Iterable[int]) -> None:
        """Phase after phase, what outlives one as low or as high as possible: the best go on."""
        sizes, living = self.problem.sizes, self.problem.phases
        rows: list[Fit] = [(self.low, {})]
        left = [len(own) for own in living]
        for phase in phases:
            members = self.problem.members.get(phase, [])
            lasting = sorted((i for i in members if len(living[i]) > 1), key=lambda i: -sizes[i])
            local = [i for i in members if len(living[i]) == 1]
            for i in lasting:
                left[i] -= 1
            found: dict[tuple[int, ...], Fit] = {}
            for top, placed in rows:
                new = [i for i in lasting if i not in placed]
                for high in product((False, True), repeat=len(new)):
                    known = self._at_ends(zip(new, high, strict=True), placed, top)
                    reached = max([top, *(known[i] + sizes[i] for i in lasting)])
                    if reached < self.best[0]:
                        reached = max(reached, self._around(phase, lasting, local, known))
                    # Only what lives on tells arrangements apart.
                    key = tuple(known[i] for i in lasting if left[i])
                    if reached < min(self.best[0], found.get(key, NOTHING)[0]):
                        found[key] = reached, known
            rows = sorted(found.values(), key=lambda row: row[0])[: self.limits.width]
        for _, placed in rows[:ENDS]:
            self._complete(placed)

    def _at_ends(
        self, new: Iterable[tuple[int, bool]], placed: Mapping[int, int], top: int
    ) -> dict[int, int]:
        """With more buffers, each at the lowest offset or at the highest below a top."""
        sizes, found = self.problem.sizes, dict(placed)
        for i, high in new:
            if high:
                near = {j for j, *_ in self.problem.neighbours[i]} & found.keys()
                turned = {j: top - found[j] - sizes[j] for j in near}
                first_fit([i], sizes, self.problem.mirrored, turned)
                found[i] = top - turned[i] - sizes[i]
            if not high or found[i] < 0:
                found.pop(i, None)
                first_fit([i], sizes, self.problem.neighbours, found)
        return found

    def _around(
        self, phase: int, lasting: Sequence[int], local: Sequence[int], placed: Mapping[int, int]
    ) -> int:
        """The top of a phase's own buffers around lasting ones."""
        key = phase, tuple(placed[i] for i in lasting)
        if key not in self._around_known:
            known = {i: placed[i] for i in lasting}
            floor = max((at + self.problem.sizes[i] for i, at in known.items()), default=0)
            if phase == self._most_crowded and len(placed) == len(lasting):  # the first
                top, _ = self._fitted((phase,), local, known, self.low)
            else:
                top, _ = self._first_fit(local, known, max(self.low, floor), self.best[0])
            self._around_known[key] = max(top, floor)
        return self._around_known[key]

    def _complete(self, placed: Mapping[int, int]) -> None:
        """Every phase's own buffers around those that last longer."""
        found, top = dict(placed), 0
        for phase, members in self.problem.members.items():
            known = {i: placed[i] for i in members if i in placed}
            local = [i for i in members if i not in placed]
            fit = self._fitted((phase,), local, known, max(self.low, top))
            top = max(top, fit[0])
            if top >= self.best[0]:
                return
            found.update(fit[1])
        self.best = top, found

    def _rounds(self, order: list[Group]) -> None:
        """Lay out group by group: one that sticks out comes first, then with what it gives way."""
        promoted: set[Group] = set()
        for _ in range(self.limits.rounds):
            worst = self._round(order) if self.best[0] > self.low else None
            if worst is None:
                return
            order.remove(worst)
            if worst in promoted:
                own = set(self._members(worst))
                met = next((g for g in order if not own.isdisjoint(self._members(g))), None)
                if met is None or len({*own, *self._members(met)}) > self.limits.together:
                    return
                order.remove(met)
                worst = tuple(sorted({*met, *worst}))
            promoted.add(worst)
            order.insert(0, worst)

    def _round(self, order: Sequence[Group]) -> Group | None:
        """The group that sticks out of all groups laid out in order; None of a single one."""
        placed: dict[int, int] = {}
        tops: dict[Group, int] = {}
        for group in order:
            new = [i for i in self._members(group) if i not in placed]
            # Two that are placed may meet in a phase that comes later.
            near = {j for i in new for j, *_ in self.problem.neighbours[i]}
            known = {i: at for i, at in placed.items() if i in near}
            top, offsets = self._fitted(group, new, known, max([self.low, *tops.values()]))
            tops[group] = top
            if top >= self.best[0]:
                return group if len(order) > 1 else None
            placed.update(offsets)
        self.best = max(tops.values()), placed
        return max(order, key=lambda group: tops[group]) if len(order) > 1 else None

    def _exchange(self) -> None:
        """First fits of changed orders of everything: what sticks out is placed earlier."""
        sizes, rng = self.problem.sizes, random.Random(0)
        size, offsets = self.best
        order = sorted(offsets, key=lambda i: offsets[i])
        for _ in range(self.limits.tries):
            if self.best[0] <= self.low:
                return
            changed = list(order)
            place = order.index(rng.choice([i for i in order if offsets[i] + sizes[i] >= size]))
            changed.insert(rng.randrange(place + 1), changed.pop(place))
            if rng.random() < 0.5:
                i, j = rng.randrange(len(order)), rng.randrange(len(order))
                changed[i], changed[j] = changed[j], changed[i]
            found: dict[int, int] = {}
            top = first_fit(changed, sizes, self.problem.neighbours, found, size)
            if top <= size:
                size, offsets, order = top, found, changed
            if size < self.best[0]:
                self.best = size, offsets

    def _fitted(
        self, group: Group, members: Sequence[int], placed: Mapping[int, int], good: int
    ) -> Fit:
        """The lowest top for members around what is placed, the top of which counts as well."""
        alone = not placed and len(members) == len(self._members(group))
        if alone and group in self._alone:
            return self._alone[group]
        sizes = self.problem.sizes
        floor = max((at + sizes[i] for i, at in placed.items()), default=0)
        good = max(good, floor)
        best = self._first_fit(members, placed, good)
        if good < best[0] and len(members) <= MOST_BUFFERS:
            best = self._least(members, placed, best, good)
        best = max(best[0], floor), best[1]
        if alone:
            self._alone[group] = best
        return best

    def _first_fit(
        self,
        members: Sequence[int],
        placed: Mapping[int, int],
        good: int,
        limit: int = UNLIMITED,
    ) -> Fit:
        """By a few orders, from the floor and, where nothing lies there yet, from the ceiling."""
        if not members:
            return 0, dict(placed)
        sizes, best = self.problem.sizes, NOTHING
        for order in self._orders(tuple(members)):
            for near in (self.problem.neighbours, self.problem.mirrored)[: 1 if placed else 2]:
                if best[0] <= good:
                    return best
                offsets = dict(placed)
                top = first_fit(order, sizes, near, offsets, min(best[0], limit))
                if top < best[0]:
                    if near is self.problem.mirrored:
                        offsets = {i: top - at - sizes[i] for i, at in offsets.items()}
                    best = top, offsets
        return best

    def _orders(self, members: tuple[int, ...]) -> list[tuple[int, ...]]:
        if members not in self._orders_known:
            orders = (tuple(order) for order in some_orders(self.problem, members))
            self._orders_known[members] = list(dict.fromkeys(orders))
        return self._orders_known[members]

    def _least(
        self, members: Sequence[int], placed: Mapping[int, int], best: Fit, good: int
    ) -> Fit:
        """The same by the search for the least top, which may prove a bound."""
        items = self.problem.items(members, placed)
        views: list[Items] = [items] if placed else [items, items.mirrored]
        for view in views:
            ceiling = min(best[0], self.best[0]) - self.alignment
            least = least_top(view, ceiling, self.limits.width, good)
            if least.offsets is not None:
                offsets = dict(zip(members, least.offsets, strict=True))
                if view is not items:
                    sizes = self.problem.sizes
                    offsets = {i: least.top - at - sizes[i] for i, at in offsets.items()}
                best = least.top, {**placed, **offsets}
            if least.proved and not placed:
                self.bound = max(self.bound, min(best[0], self.best[0]))
            if best[0] <= good or least.proved:
                break
        return best

    def _members(self, group: Group) -> list[int]:
        members = self.problem.members
        return list(dict.fromkeys(i for phase in group for i in members.get(phase, ())))
