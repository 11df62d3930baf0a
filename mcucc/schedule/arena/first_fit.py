"""First fit: each buffer of an order at the lowest offset that keeps its distances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mcucc.schedule.arena.decide import Neighbour, Neighbours
from mcucc.schedule.arena.problem import OffsetProblem


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
        near = [each for each in neighbours[i] if each[0] in offsets]
        offset = 0
        # It may lie at or below at - below, or at or above at + above.
        for low, high in sorted(
            [(offsets[j] - below, offsets[j] + above) for j, below, above, _ in near]
        ):
            if low >= offset:
                break  # no later one reaches down to this offset
            if high > offset:
                offset = high
        for at in sorted([offsets[j] for j, _, _, equal in near if equal]):
            if at < offset and is_free(at, near, offsets):
                offset = at
        offsets[i] = offset
        if offset + sizes[i] > total:
            total = offset + sizes[i]
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
    """Whether an offset keeps its distances to all neighbours, which are placed."""
    return all(
        at <= placed[j] - below or at >= placed[j] + above or (equal and at == placed[j])
        for j, below, above, equal in near
    )
