"""Search for offsets: first the buffers that outlive their phase, then every phase by itself.

Buffers of one phase only see each other and the few that last longer. So the lasting ones are
placed phase after phase, a beam of arrangements kept; every phase is then a small problem of its
own, and only phases that stick out are worked on.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from mcucc.schedule.arena.limits import OffsetLimits
from mcucc.schedule.arena.problem import Neighbour, Neighbours, OffsetProblem

NOWHERE = -1


# The top so far, and the offsets of lasting buffers by number.
Arrangement = tuple[int, Mapping[int, int]]
# Buffers in the order of a first fit, and whether from the ceiling.
Order = tuple[tuple[int, ...], bool]
# A phase's top, and offsets of what lives in it.
Fit = tuple[int, dict[int, int]]


def best_offsets(
    problem: OffsetProblem, bound: int, alignment: int, limits: OffsetLimits
) -> tuple[int, list[int]]:
    """The least arena found and the offsets in it; stops near `bound`, which no other can beat.

    Buffers are placed under that ceiling too, so that it is a multiple of `alignment`.
    """
    if not problem.sizes:
        return 0, []
    near = bound + bound // limits.near
    work = _OffsetSearch(problem, near + -near % alignment, limits)
    best: tuple[int, list[int]] = (1 << 62, [])
    greedy = work.greedy()
    arrangements = [*(arrangement for _, arrangement in greedy), *work.beam(backwards=False)]
    arrangements += work.beam(backwards=True)
    for attempts in limits.attempts:
        arrangements = work.ranked(arrangements)[: limits.kept]
        for arrangement in arrangements:
            if best[0] > work.bound and work.tries > 0:
                size, offsets = work.finished(arrangement, best[0], attempts)
                if size < best[0]:
                    best = size, offsets
    if len(problem.sizes) > 1:
        best = work.wander(min(greedy, key=lambda found: found[1][0])[0], best)
    return best


class _OffsetSearch:
    """Arrangements of lasting buffers, and phases fitted around them, within a budget of tries."""

    def __init__(self, problem: OffsetProblem, bound: int, limits: OffsetLimits) -> None:
        self.problem, self.bound, self.limits = problem, bound, limits
        self.tries = limits.tries
        self.phases = sorted({s for phases in problem.phases for s in phases})
        self.rng = random.Random(0)
        self.known: dict[tuple[int, tuple[tuple[int, int], ...]], Fit] = {}

    def ranked(self, arrangements: Sequence[Arrangement]) -> list[Arrangement]:
        """Different arrangements, the one whose worst phase is least first."""
        found: dict[tuple[tuple[int, int], ...], Arrangement] = {}
        for _, placed in arrangements:
            top = max((self._phase(phase, placed)[0] for phase in self.phases), default=0)
            found.setdefault(tuple(sorted(placed.items())), (top, placed))
        return sorted(found.values(), key=lambda arrangement: arrangement[0])

    def greedy(self) -> list[tuple[Order, Arrangement]]:
        """What first fit gives the lasting buffers, from the floor and from the ceiling."""
        sizes, phases, times = self.problem.sizes, self.problem.phases, self.problem.times
        everything = range(len(sizes))
        tight = [max((self.problem.loads[s], -s) for s in own) for own in phases]
        orders = (
            sorted(everything, key=lambda i: (tight[i], len(phases[i]), sizes[i]), reverse=True),
            sorted(everything, key=lambda i: (tight[i], sizes[i]), reverse=True),
            sorted(everything, key=lambda i: (tight[i], times[i] * sizes[i]), reverse=True),
            sorted(everything, key=lambda i: (-sizes[i], phases[i][:1])),
            sorted(everything, key=lambda i: (-len(phases[i]), -sizes[i])),
            sorted(everything, key=lambda i: -sizes[i] * times[i]),
            sorted(everything, key=lambda i: (phases[i][:1], -sizes[i])),
            sorted(everything, key=lambda i: (phases[i][-1:], -sizes[i])),
        )
        return [
            ((tuple(order), mirrored), self.arranged((tuple(order), mirrored)))
            for order in orders
            for mirrored in (False, True)
        ]

    def arranged(self, order: Order) -> Arrangement:
        """Where a first fit of everything puts the lasting buffers."""
        sizes = self.problem.sizes
        offsets: dict[int, int] = {}
        top = first_fit(
            order[0], sizes, self.problem.mirrored if order[1] else self.problem.neighbours, offsets
        )
        placed = {
            i: top - offsets[i] - sizes[i] if order[1] else offsets[i]
            for i in range(len(sizes))
            if len(self.problem.phases[i]) > 1
        }
        return top, placed

    def wander(self, start: Order, best: tuple[int, list[int]]) -> tuple[int, list[int]]:
        """Change the order of everything: what sticks out on top is placed earlier."""
        sizes = self.problem.sizes
        order, reached = start, best[0]
        for _ in range(self.limits.wandered):
            if best[0] <= self.bound or self.tries <= 0:
                break
            self.tries -= self.limits.tries_wandering
            offsets = best[1]
            top = [i for i in order[0] if offsets[i] + sizes[i] == best[0]]
            changed = list(order[0])
            chosen = self.rng.choice(top)
            place = changed.index(chosen)
            changed.remove(chosen)
            changed.insert(self.rng.randrange(place + 1), chosen)
            if self.rng.random() < 0.5:
                i, j = self.rng.sample(range(len(changed)), 2)
                changed[i], changed[j] = changed[j], changed[i]
            other = tuple(changed), self.rng.random() < 0.5
            size, offsets = self.finished(
                self.arranged(other), best[0], self.limits.attempts_wandering
            )
            if size <= reached:
                order, reached = other, size
            if size < best[0]:
                best = size, offsets
        return best

    def beam(self, *, backwards: bool) -> list[Arrangement]:
        """The lasting buffers placed phase after phase, the best arrangements kept."""
        if len(self.phases) > self.limits.many_phases:
            return []
        end, phases = (-1, self.phases[::-1]) if backwards else (0, self.phases)
        beam: list[Arrangement] = [(0, {})]
        for phase in phases:
            lasting = self.problem.lasting.get(phase, [])
            for i in lasting:
                if self.problem.phases[i][end] == phase:
                    beam = [
                        (max(top, at + self.problem.sizes[i]), {**placed, i: at})
                        for top, placed in beam
                        for at in self._candidates(i, placed, self.bound)
                    ]
                    beam = sorted(beam, key=lambda found: found[0])[: 4 * self.limits.beam]
            found: dict[tuple[tuple[int, int], ...], Arrangement] = {}
            for top, placed in beam:
                top = max(top, self._phase(phase, placed)[0])
                # Only what lives on tells arrangements apart.
                key = tuple(
                    (i, placed[i]) for i in lasting if self.problem.phases[i][~end] != phase
                )
                if key not in found or top < found[key][0]:
                    found[key] = top, placed
            beam = sorted(found.values(), key=lambda found: found[0])[: self.limits.beam]
        return beam

    def _candidates(self, i: int, placed: Mapping[int, int], ceiling: int) -> list[int]:
        """Offsets for a lasting buffer: on the floor, under the ceiling, beside a neighbour.

        A neighbour that has no offset yet may come to lie on the floor or under the ceiling.
        """
        sizes = self.problem.sizes
        near = [n for n in self.problem.neighbours[i] if len(self.problem.phases[n[0]]) > 1]
        wanted = {0, max(0, ceiling - sizes[i])}
        for j, below, above, equal in near:
            for at in (placed[j],) if j in placed else (0, max(0, ceiling - sizes[j])):
                wanted |= {at - below, at + above}
                if equal:
                    wanted.add(at)
        return [at for at in sorted(wanted) if at >= 0 and _free(at, near, placed)]

    def _phase(self, phase: int, placed: Mapping[int, int]) -> Fit:
        """The top of a phase's own buffers around the lasting ones, by a few orders, and offsets.

        Lasting buffers of the phase count as well.
        """
        lasting = self.problem.lasting.get(phase, [])
        key = self._key(phase, placed)
        if key not in self.known:
            sizes, near = self.problem.sizes, self.problem.neighbours
            members = self.problem.local.get(phase, [])
            floor = max((placed[i] + sizes[i] for i in lasting), default=0)
            times = self.problem.times
            orders = [
                sorted(members, key=lambda i: -sizes[i]),
                sorted(members, key=lambda i: -times[i] * sizes[i]),
                sorted(members, key=lambda i: (-times[i], -sizes[i])),
                sorted(members, key=lambda i: (-len(near[i]), -sizes[i])),
                members,
            ]
            best: Fit = (1 << 62, {})
            for order in orders:
                if best[0] > max(floor, self.bound):
                    offsets = {i: placed[i] for i in lasting}
                    top = first_fit(order, sizes, near, offsets, best[0])
                    if top < best[0]:
                        best = max(top, floor), offsets
            self.known[key] = best
        return self.known[key]

    def _key(
        self, phase: int, placed: Mapping[int, int]
    ) -> tuple[int, tuple[tuple[int, int], ...]]:
        return phase, tuple((i, placed[i]) for i in self.problem.lasting.get(phase, []))

    def finished(
        self, arrangement: Arrangement, limit: int, attempts: int
    ) -> tuple[int, list[int]]:
        """All offsets: the phases above the bound are fitted by more and more orders."""
        placed = arrangement[1]
        sizes = self.problem.sizes
        floor = max([self.bound, *(at + sizes[i] for i, at in placed.items())])
        tops = {phase: self._phase(phase, placed)[0] for phase in self.phases}
        for phase in sorted(tops, key=lambda s: -tops[s]):
            if tops[phase] > floor and floor < limit:
                floor = max(floor, self._climb(phase, placed, (floor, limit), attempts))
        offsets = dict(placed)
        for phase in self.phases:
            offsets.update(self._phase(phase, placed)[1])
        size = max(offsets[i] + sizes[i] for i in range(len(sizes)))
        return size, [offsets[i] for i in range(len(sizes))]

    def _climb(
        self, phase: int, placed: Mapping[int, int], wanted: tuple[int, int], attempts: int
    ) -> int:
        """Changed orders of a phase's buffers; stops at wanted[0]; returns the phase's top.

        Gives up early where even wanted[1] is out of reach.
        """
        sizes, near = self.problem.sizes, self.problem.neighbours
        lasting = {i: placed[i] for i in self.problem.lasting.get(phase, [])}
        best = self._phase(phase, placed)
        floor = max((at + sizes[i] for i, at in lasting.items()), default=0)
        order = sorted(self.problem.local.get(phase, []), key=lambda i: best[1][i])
        for attempt in range(attempts if order else 0):
            hopeless = attempt > attempts // 3 and best[0] >= wanted[1]
            if best[0] <= wanted[0] or self.tries <= 0 or hopeless:
                break
            self.tries -= 1
            chosen = self._changed(order, best)
            offsets = dict(lasting)
            top = max(floor, first_fit(chosen, sizes, near, offsets, best[0]))
            if top <= best[0]:
                best, order = (top, offsets), chosen
        self.known[self._key(phase, placed)] = best
        return best[0]

    def _changed(self, order: list[int], best: Fit) -> list[int]:
        """An order with what sticks out placed earlier, and sometimes two more exchanged."""
        top = [i for i in order if best[1][i] + self.problem.sizes[i] >= best[0]]
        chosen = self.rng.choice(top or order)
        changed = list(order)
        place = changed.index(chosen)
        changed.remove(chosen)
        changed.insert(self.rng.randrange(place + 1), chosen)
        if self.rng.random() < 0.5 and len(changed) > 1:
            i, j = self.rng.sample(range(len(changed)), 2)
            changed[i], changed[j] = changed[j], changed[i]
        return changed


def first_fit(
    order: Sequence[int],
    sizes: Sequence[int],
    neighbours: Neighbours,
    offsets: dict[int, int],
    limit: int = 1 << 62,
) -> int:
    """Give each buffer of `order` the lowest offset that keeps its distances; returns the top.

    Buffers in `offsets` stay where they are. Gives up, with a top above it, at `limit`.
    """
    total = 0
    for i in order:
        gaps = []
        equals = []
        for j, below, above, equal in neighbours[i]:
            at = offsets.get(j, NOWHERE)
            if at != NOWHERE:
                # i may lie at or below at - below, or at or above at + above
                gaps.append((at - below, at + above))
                if equal:
                    equals.append(at)
        offset = _lowest(gaps)
        for at in sorted(equals):
            if at < offset and _free(at, neighbours[i], offsets):
                offset = at
        offsets[i] = offset
        total = max(total, offset + sizes[i])
        if total > limit:
            break
    return total


def _free(at: int, near: Sequence[Neighbour], placed: Mapping[int, int]) -> bool:
    """Whether an offset keeps its distances to all neighbours that are placed."""
    for j, below, above, equal in near:
        other = placed.get(j, NOWHERE)
        kept = at <= other - below or at >= other + above or (equal and at == other)
        if other != NOWHERE and not kept:
            return False
    return True


def _lowest(gaps: list[tuple[int, int]]) -> int:
    """The lowest offset outside every open interval (low, high)."""
    offset = 0
    for low, high in sorted(gaps):
        if low >= offset:
            break  # no later interval reaches down to this offset
        offset = max(offset, high)
    return offset
