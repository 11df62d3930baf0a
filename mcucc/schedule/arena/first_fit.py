"""First fit: each buffer of an order at the lowest offset that keeps its distances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mcucc.schedule.arena.problem import Neighbour, Neighbours, OffsetProblem

NOWHERE = -1


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
            if at < offset and is_free(at, neighbours[i], offsets):
                offset = at
        offsets[i] = offset
        total = max(total, offset + sizes[i])
        if total > limit:
            break
    return total


def some_orders(problem: OffsetProblem, members: Sequence[int]) -> list[list[int]]:
    """Orders in which first fit is often good: by size, by duration, by how crowded it is."""
    sizes, phases, times = problem.sizes, problem.phases, problem.times
    near = problem.neighbours
    tight = {i: max((problem.loads[s], -s) for s in phases[i]) for i in members}
    return [
        sorted(members, key=lambda i: (tight[i], len(phases[i]), sizes[i]), reverse=True),
        sorted(members, key=lambda i: (tight[i], times[i] * sizes[i]), reverse=True),
        sorted(members, key=lambda i: (-times[i], -sizes[i])),
        sorted(members, key=lambda i: -sizes[i]),
        sorted(members, key=lambda i: (-len(near[i]), -sizes[i])),
        sorted(members, key=lambda i: (-len(phases[i]), -sizes[i])),
        sorted(members, key=lambda i: (phases[i][:1], -sizes[i])),
        sorted(members, key=lambda i: (phases[i][-1:], -sizes[i])),
    ]


def is_free(at: int, near: Sequence[Neighbour], placed: Mapping[int, int]) -> bool:
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
