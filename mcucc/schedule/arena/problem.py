"""The problem of offsets once live ranges have become distances between buffers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mcucc.schedule.arena.decide import Neighbours


@dataclass(frozen=True)
class OffsetProblem:
    """What offsets must keep: aligned sizes, and the distances to the neighbours of each buffer.

    The rest guides the search: the phases each buffer lives in (ascending), at how many times,
    and by phase `loads`, the most bytes live at one time.
    """

    sizes: Sequence[int]
    neighbours: Neighbours
    phases: Sequence[tuple[int, ...]]
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
    def members(self) -> dict[int, list[int]]:
        """The buffers that live in each phase."""
        found: dict[int, list[int]] = {}
        for i, phases in enumerate(self.phases):
            for phase in phases:
                found.setdefault(phase, []).append(i)
        return found
