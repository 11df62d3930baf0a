"""Search for offsets: first the buffers that outlive their stage, then every stage by itself.

Buffers of one stage only see each other and the few that last longer. So the lasting ones are
placed stage after stage, a beam of arrangements kept; every stage is then a small problem of its
own, and only stages that stick out are worked on.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mcucc.schedule.arena.difference_constraints import Neighbour
from mcucc.schedule.arena.limits import OffsetLimits

Neighbours = Sequence[Sequence[Neighbour]]
NOWHERE = -1


@dataclass(frozen=True)
class Buffers:
    """Aligned sizes, conflicts, the stages each lives in (ascending), at how many times.

    `loads` is the most bytes live at a time of each stage.
    """

    sizes: Sequence[int]
    neighbours: Neighbours
    stages: Sequence[tuple[int, ...]]
    times: Sequence[int]
    loads: Mapping[int, int]

    @cached_property
    def mirrored(self) -> Neighbours:
        """The conflicts of an arena that is filled from its top."""
        sizes = self.sizes
        return [
            [
                (j, above + sizes[i] - sizes[j], below + sizes[j] - sizes[i], equal)
                for j, below, above, equal in near
            ]
            for i, near in enumerate(self.neighbours)
        ]

    @cached_property
    def local(self) -> dict[int, list[int]]:
        """Buffers of one stage only, by stage."""
        found: dict[int, list[int]] = {}
        for i, stages in enumerate(self.stages):
            if len(stages) == 1:
                found.setdefault(stages[0], []).append(i)
        return found

    @cached_property
    def lasting(self) -> dict[int, list[int]]:
        """Buffers that live in several stages, by every stage, large ones first."""
        found: dict[int, list[int]] = {}
        for i in sorted(range(len(self.sizes)), key=lambda i: -self.sizes[i]):
            for stage in self.stages[i] if len(self.stages[i]) > 1 else ():
                found.setdefault(stage, []).append(i)
        return found

    def members(self, stage: int) -> list[int]:
        """All buffers that live in a stage."""
        return [*self.lasting.get(stage, ()), *self.local.get(stage, ())]


# The top so far, and the offsets of lasting buffers by number.
Arrangement = tuple[int, Mapping[int, int]]
# Buffers in the order of a first fit, and whether from the ceiling.
Order = tuple[tuple[int, ...], bool]
# A stage's top, and offsets of what lives in it.
Fit = tuple[int, dict[int, int]]


def best_offsets(
    buffers: Buffers, bound: int, alignment: int, limits: OffsetLimits
) -> tuple[int, list[int]]:
    """The least arena found and the offsets in it; stops near `bound`, which no other can beat.

    Buffers are placed under that ceiling too, so that it is a multiple of `alignment`.
    """
    if not buffers.sizes:
        return 0, []
    near = bound + bound // limits.near
    work = _Work(buffers, near + -near % alignment, limits)
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
    if len(buffers.sizes) > 1:
        best = work.wander(min(greedy, key=lambda found: found[1][0])[0], best)
    return best


class _Work:
    """Arrangements of lasting buffers, and stages fitted around them, within a budget of tries."""

    def __init__(self, buffers: Buffers, bound: int, limits: OffsetLimits) -> None:
        self.buffers, self.bound, self.limits = buffers, bound, limits
        self.tries = limits.tries
        self.stages = sorted({s for stages in buffers.stages for s in stages})
        self.rng = random.Random(0)
        self.known: dict[tuple[int, tuple[tuple[int, int], ...]], Fit] = {}

    def ranked(self, arrangements: Sequence[Arrangement]) -> list[Arrangement]:
        """Different arrangements, the one whose worst stage is least first."""
        found: dict[tuple[tuple[int, int], ...], Arrangement] = {}
        for _, placed in arrangements:
            top = max((self._stage(stage, placed)[0] for stage in self.stages), default=0)
            found.setdefault(tuple(sorted(placed.items())), (top, placed))
        return sorted(found.values(), key=lambda arrangement: arrangement[0])

    def greedy(self) -> list[tuple[Order, Arrangement]]:
        """What first fit gives the lasting buffers, from the floor and from the ceiling."""
        sizes, stages, times = self.buffers.sizes, self.buffers.stages, self.buffers.times
        everything = range(len(sizes))
        tight = [max((self.buffers.loads[s], -s) for s in own) for own in stages]
        orders = (
            sorted(everything, key=lambda i: (tight[i], len(stages[i]), sizes[i]), reverse=True),
            sorted(everything, key=lambda i: (tight[i], sizes[i]), reverse=True),
            sorted(everything, key=lambda i: (tight[i], times[i] * sizes[i]), reverse=True),
            sorted(everything, key=lambda i: (-sizes[i], stages[i][:1])),
            sorted(everything, key=lambda i: (-len(stages[i]), -sizes[i])),
            sorted(everything, key=lambda i: -sizes[i] * times[i]),
            sorted(everything, key=lambda i: (stages[i][:1], -sizes[i])),
            sorted(everything, key=lambda i: (stages[i][-1:], -sizes[i])),
        )
        return [
            ((tuple(order), mirrored), self.arranged((tuple(order), mirrored)))
            for order in orders
            for mirrored in (False, True)
        ]

    def arranged(self, order: Order) -> Arrangement:
        """Where a first fit of everything puts the lasting buffers."""
        sizes = self.buffers.sizes
        offsets: dict[int, int] = {}
        top = first_fit(
            order[0], sizes, self.buffers.mirrored if order[1] else self.buffers.neighbours, offsets
        )
        placed = {
            i: top - offsets[i] - sizes[i] if order[1] else offsets[i]
            for i in range(len(sizes))
            if len(self.buffers.stages[i]) > 1
        }
        return top, placed

    def wander(self, start: Order, best: tuple[int, list[int]]) -> tuple[int, list[int]]:
        """Change the order of everything: what sticks out on top is placed earlier."""
        sizes = self.buffers.sizes
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
        """The lasting buffers placed stage after stage, the best arrangements kept."""
        if len(self.stages) > self.limits.many_stages:
            return []
        end, stages = (-1, self.stages[::-1]) if backwards else (0, self.stages)
        beam: list[Arrangement] = [(0, {})]
        for stage in stages:
            lasting = self.buffers.lasting.get(stage, [])
            for i in lasting:
                if self.buffers.stages[i][end] == stage:
                    beam = [
                        (max(top, at + self.buffers.sizes[i]), {**placed, i: at})
                        for top, placed in beam
                        for at in self._candidates(i, placed, self.bound)
                    ]
                    beam = sorted(beam, key=lambda found: found[0])[: 4 * self.limits.beam]
            found: dict[tuple[tuple[int, int], ...], Arrangement] = {}
            for top, placed in beam:
                top = max(top, self._stage(stage, placed)[0])
                # Only what lives on tells arrangements apart.
                key = tuple(
                    (i, placed[i]) for i in lasting if self.buffers.stages[i][~end] != stage
                )
                if key not in found or top < found[key][0]:
                    found[key] = top, placed
            beam = sorted(found.values(), key=lambda found: found[0])[: self.limits.beam]
        return beam

    def _candidates(self, i: int, placed: Mapping[int, int], ceiling: int) -> list[int]:
        """Offsets for a lasting buffer: on the floor, under the ceiling, beside a neighbour.

        A neighbour that has no offset yet may come to lie on the floor or under the ceiling.
        """
        sizes = self.buffers.sizes
        near = [n for n in self.buffers.neighbours[i] if len(self.buffers.stages[n[0]]) > 1]
        wanted = {0, max(0, ceiling - sizes[i])}
        for j, below, above, equal in near:
            for at in (placed[j],) if j in placed else (0, max(0, ceiling - sizes[j])):
                wanted |= {at - below, at + above}
                if equal:
                    wanted.add(at)
        return [at for at in sorted(wanted) if at >= 0 and _free(at, near, placed)]

    def _stage(self, stage: int, placed: Mapping[int, int]) -> Fit:
        """The top of a stage's own buffers around the lasting ones, by a few orders, and offsets.

        Lasting buffers of the stage count as well.
        """
        lasting = self.buffers.lasting.get(stage, [])
        key = self._key(stage, placed)
        if key not in self.known:
            sizes, near = self.buffers.sizes, self.buffers.neighbours
            members = self.buffers.local.get(stage, [])
            floor = max((placed[i] + sizes[i] for i in lasting), default=0)
            times = self.buffers.times
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
        self, stage: int, placed: Mapping[int, int]
    ) -> tuple[int, tuple[tuple[int, int], ...]]:
        return stage, tuple((i, placed[i]) for i in self.buffers.lasting.get(stage, []))

    def finished(
        self, arrangement: Arrangement, limit: int, attempts: int
    ) -> tuple[int, list[int]]:
        """All offsets: the stages above the bound are fitted by more and more orders."""
        placed = arrangement[1]
        sizes = self.buffers.sizes
        floor = max([self.bound, *(at + sizes[i] for i, at in placed.items())])
        tops = {stage: self._stage(stage, placed)[0] for stage in self.stages}
        for stage in sorted(tops, key=lambda s: -tops[s]):
            if tops[stage] > floor and floor < limit:
                floor = max(floor, self._climb(stage, placed, (floor, limit), attempts))
        offsets = dict(placed)
        for stage in self.stages:
            offsets.update(self._stage(stage, placed)[1])
        size = max(offsets[i] + sizes[i] for i in range(len(sizes)))
        return size, [offsets[i] for i in range(len(sizes))]

    def _climb(
        self, stage: int, placed: Mapping[int, int], wanted: tuple[int, int], attempts: int
    ) -> int:
        """Changed orders of a stage's buffers; stops at wanted[0]; returns the stage's top.

        Gives up early where even wanted[1] is out of reach.
        """
        sizes, near = self.buffers.sizes, self.buffers.neighbours
        lasting = {i: placed[i] for i in self.buffers.lasting.get(stage, [])}
        best = self._stage(stage, placed)
        floor = max((at + sizes[i] for i, at in lasting.items()), default=0)
        order = sorted(self.buffers.local.get(stage, []), key=lambda i: best[1][i])
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
        self.known[self._key(stage, placed)] = best
        return best[0]

    def _changed(self, order: list[int], best: Fit) -> list[int]:
        """An order with what sticks out placed earlier, and sometimes two more exchanged."""
        top = [i for i in order if best[1][i] + self.buffers.sizes[i] >= best[0]]
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
