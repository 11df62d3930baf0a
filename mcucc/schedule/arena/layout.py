"""Offsets of all buffers: the least arena found, and what no arena can do without.

Buffers of one phase only see each other and the few that last longer; mostly one phase bounds the
arena. In this order, until the arena is as small as the bound:
first fits of everything; the least top of every crowded phase by itself, which raises the bound;
arenas below the best one, in which crowded phases are decided together and the others fitted in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from mcucc.schedule.arena.decide import Neighbours, decide
from mcucc.schedule.arena.first_fit import first_fit, some_orders
from mcucc.schedule.arena.limits import ArenaLimits
from mcucc.schedule.arena.problem import OffsetProblem

# A top, and the offsets of buffers.
Fit = tuple[int, dict[int, int]]
UNLIMITED = 1 << 62
NOTHING: Fit = UNLIMITED, {}
# Plans of one search share most of their stages, so phases are laid out that were before.
KNOWN_PHASES = 1024
SHARES = 4  # of the failures that may be had below one ceiling


class Layout:
    """The least arena found, `best`; no arena is smaller than `bound`."""

    def __init__(
        self, problem: OffsetProblem, bound: int, alignment: int, limits: ArenaLimits
    ) -> None:
        self.problem, self.alignment, self.limits = problem, alignment, limits
        self.bound, self.best = bound, NOTHING
        self._search()
        self._sink()

    @property
    def low(self) -> int:
        """The bound as a size that an arena may have."""
        return self.bound + -self.bound % self.alignment

    def _search(self) -> None:
        everything = range(len(self.problem.sizes))
        self.best = self._first_fit(everything, {}, self.low)
        if self.best[0] <= self.low:
            return
        tops = {phase: self._by_itself(phase) for phase in self.problem.loads}
        self._lower(tops)

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
        """The least top found of a phase alone, or what is known to be below the bound."""
        members, load = self.problem.members.get(phase, []), self.problem.loads[phase]
        if sum(self.problem.sizes[i] for i in members) <= self.low:
            return load
        top, offsets = self._first_fit(members, {}, self.low)
        if top <= self.low:
            return top
        sizes, near = self._part(members)
        fitted = tuple(offsets[i] for i in members)
        top, found, proved = _least(sizes, near, fitted, self.alignment, self.limits.alone)
        if proved:
            self.bound = max(self.bound, top)
        if len(members) == len(self.problem.sizes) and top < self.best[0]:
            self.best = top, dict(zip(members, found, strict=True))
        return top

    def _lower(self, tops: Mapping[int, int]) -> None:
        """Look for less than the best, half way to what was not reached.

        Phases decided together are those that need more by themselves, and those that cannot be
        fitted around what they leave.
        """
        left, crowded = self.limits.whole, {max(tops, key=lambda p: (tops[p], -p))}
        floor, share = self.low, -(-left // SHARES)
        weights = np.ones(len(self.problem.sizes), np.int64)
        while floor < self.best[0] and left > 0:
            ceiling = (floor + self.best[0] - self.alignment) // 2
            ceiling -= (ceiling - floor) % self.alignment
            crowded |= {phase for phase, top in tops.items() if top > ceiling}
            members = sorted({i for p in crowded for i in self.problem.members.get(p, ())})
            sizes, near = self._part(members)
            learnt = weights[members]
            answer = decide(sizes, near, ceiling, min(left, share), learnt)
            left -= answer.failures
            weights[members] = learnt
            if answer.offsets is None:
                floor = ceiling + self.alignment
                if answer.proved:
                    self.bound = max(self.bound, floor)
                continue
            placed = dict(zip(members, answer.offsets, strict=True))
            fit, stuck = self._completed(placed, ceiling)
            if stuck is None:
                self.best = fit
            else:
                crowded.add(stuck)
                left -= 1

    def _completed(self, placed: dict[int, int], ceiling: int) -> tuple[Fit, int | None]:
        """All other buffers around what is placed, or the phase of which some do not fit."""
        sizes, near = self.problem.sizes, self.problem.neighbours
        members = self.problem.members
        for phase in sorted(members, key=lambda p: (-sum(sizes[i] for i in members[p]), p)):
            new = [i for i in members[phase] if i not in placed]
            if new:
                # Two that are placed may meet in a phase that comes later.
                known = {j: placed[j] for i in new for j, *_ in near[i] if j in placed}
                top, offsets = self._first_fit(new, known, ceiling, ceiling)
                if top > ceiling:
                    return NOTHING, phase
                placed.update(offsets)
        return (max(at + sizes[i] for i, at in placed.items()), placed), None

    def _first_fit(
        self,
        members: Sequence[int],
        placed: Mapping[int, int],
        good: int,
        limit: int = UNLIMITED,
    ) -> Fit:
        """By a few orders, from the floor and, where nothing lies there yet, from the ceiling."""
        sizes, best = self.problem.sizes, NOTHING
        for order in some_orders(self.problem, members):
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

    def _part(self, members: Sequence[int]) -> tuple[tuple[int, ...], Neighbours]:
        """Sizes and distances of some buffers, numbered from nothing."""
        number = {buffer: k for k, buffer in enumerate(members)}
        near = tuple(
            tuple(
                (number[j], below, above, equal)
                for j, below, above, equal in self.problem.neighbours[i]
                if j in number
            )
            for i in members
        )
        return tuple(self.problem.sizes[i] for i in members), near


@lru_cache(KNOWN_PHASES)
def _least(
    sizes: tuple[int, ...], near: Neighbours, fitted: tuple[int, ...], alignment: int, most: int
) -> tuple[int, tuple[int, ...], bool]:
    """The least top of some buffers, its offsets, and whether nothing lower holds them."""
    weights = np.ones(len(sizes), np.int64)
    while True:
        top = max(at + size for at, size in zip(fitted, sizes, strict=True))
        answer = decide(sizes, near, top - alignment, most, weights)
        most -= answer.failures
        if answer.offsets is None:
            return top, fitted, answer.proved
        fitted = answer.offsets
