"""The problem of offsets once live ranges have become distances between buffers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mcucc.schedule.arena.least_top import FAR, NO_CONFLICT, Items, Numbers

# (other buffer, least distance of this one below it, least distance above it, may be equal);
# those that may be equal have one size
Neighbour = tuple[int, int, int, bool]
Neighbours = Sequence[Sequence[Neighbour]]
# Groups of buffers at one offset that are tried beside single ones.
MOST_GROUPS = 64


@dataclass(frozen=True, eq=False)
class Moments:
    """What is live of some buffers at a few crowded times: (times, buffers)."""

    members: Sequence[int]
    lengths: Numbers
    lows: Numbers


@dataclass(frozen=True)
class OffsetProblem:
    """What offsets must keep: aligned sizes, and the distances to the neighbours of each buffer.

    The rest guides the search: the phases each buffer lives in (ascending), at how many times,
    and by phase `loads`, the most bytes live at one time, and `moments`.
    """

    sizes: Sequence[int]
    neighbours: Neighbours
    phases: Sequence[tuple[int, ...]]
    times: Sequence[int]
    loads: Mapping[int, int]
    moments: Mapping[int, Sequence[Moments]]

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
    def members(self) -> dict[int, list[int]]:
        """The buffers that live in each phase."""
        found: dict[int, list[int]] = {}
        for i, phases in enumerate(self.phases):
            for phase in phases:
                found.setdefault(phase, []).append(i)
        return found

    def items(self, members: Sequence[int], placed: Mapping[int, int]) -> Items:
        """At least one buffer, to be placed around those that are already, by offset."""
        position = {buffer: k for k, buffer in enumerate(members)}
        count = len(members)
        single = np.full((count, count), NO_CONFLICT, dtype=np.int64)
        equal: set[tuple[int, int]] = set()
        pinned: list[tuple[int, int]] = []  # may lie at the offset of one that is placed
        for k, buffer in enumerate(members):
            for other, below, _, same in self.neighbours[buffer]:
                if other in position:
                    single[k, position[other]] = below
                    if same:
                        equal.add((k, position[other]))
                elif same and other in placed:
                    pinned.append((k, other))
        shared = _groups(count, single, equal)
        groups = [*((k,) for k in range(count)), *shared, *((k,) for k, _ in pinned)]
        bits = np.array([sum(1 << k for k in group) for group in groups], dtype=np.int64)
        rows = [single[list(group)].max(axis=0) for group in groups]
        above = np.array([[row[list(group)].max() for group in groups] for row in rows])
        above[(bits[:, None] & bits) != 0] = NO_CONFLICT
        lengths, lows = self._moments(position)
        gaps = [self._gaps([members[k] for k in group], placed) for group in groups]
        for i, (k, other) in enumerate(pinned, len(groups) - len(pinned)):
            at = placed[other]
            gaps[i] = self._gaps([members[k]], {x: y for x, y in placed.items() if x != other})
            gaps[i] = sorted([*gaps[i], (-1, at), (at, FAR)])
        return Items(
            np.array([max(self.sizes[members[k]] for k in group) for group in groups]),
            above,
            bits,
            lengths,
            lows,
            _padded(gaps),
            len(shared) < MOST_GROUPS,
        )

    def _gaps(self, group: Sequence[int], placed: Mapping[int, int]) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        gaps = (
            (placed[j] - below, placed[j] + above)
            for buffer in group
            for j, below, above, _ in self.neighbours[buffer]
            if j in placed
        )
        for low, high in sorted(gaps):
            if found and low < found[-1][1]:
                found[-1] = found[-1][0], max(high, found[-1][1])
            elif high > 0:
                found.append((low, high))
        return found

    def _moments(self, position: Mapping[int, int]) -> tuple[Numbers, Numbers]:
        phases = sorted({phase for buffer in position for phase in self.phases[buffer]})
        parts = [part for phase in phases for part in self.moments.get(phase, ())]
        rows = sum(len(part.lengths) for part in parts)
        lengths = np.zeros((rows, len(position)), dtype=np.int64)
        lows = np.zeros((rows, len(position)), dtype=np.int64)
        row = 0
        for part in parts:
            own = [k for k, buffer in enumerate(part.members) if buffer in position]
            columns = [position[part.members[k]] for k in own]
            lengths[row : row + len(part.lengths), columns] = part.lengths[:, own]
            lows[row : row + len(part.lengths), columns] = part.lows[:, own]
            row += len(part.lengths)
        return lengths, lows


def _groups(count: int, above: Numbers, equal: set[tuple[int, int]]) -> list[tuple[int, ...]]:
    """Buffers that may all lie at one offset, by pairs that may."""
    found: set[frozenset[int]] = set()
    waiting = [frozenset((k,)) for k in range(count)] if equal else []
    while waiting and len(found) < MOST_GROUPS:
        group = waiting.pop()
        for a, b in sorted(equal):
            clash = any(above[b, k] > NO_CONFLICT and (b, k) not in equal for k in group)
            larger = group | {b}
            if a in group and b not in group and not clash and larger not in found:
                found.add(larger)
                waiting.append(larger)
    return sorted(tuple(sorted(group)) for group in found)


def _padded(gaps: Sequence[Sequence[tuple[int, int]]]) -> Numbers:
    most = max((len(each) for each in gaps), default=0)
    found = np.zeros((len(gaps), most, 2), dtype=np.int64)
    for i, each in enumerate(gaps):
        if each:
            found[i, : len(each)] = each
    return found
