"""The problem of offsets once live ranges have become distances between buffers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

# (other buffer, least distance of this one below it, least distance above it, may be equal)
Neighbour = tuple[int, int, int, bool]
Neighbours = Sequence[Sequence[Neighbour]]


@dataclass(frozen=True)
class OffsetProblem:
    """What offsets must keep: aligned sizes, and the distances to the neighbours of each buffer.

    The rest guides the search: the phases each buffer lives in (ascending), at how many times,
    and `loads`, the most bytes live at one time of each phase.
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
    def local(self) -> dict[int, list[int]]:
        """Buffers of one phase only, by phase."""
        found: dict[int, list[int]] = {}
        for i, phases in enumerate(self.phases):
            if len(phases) == 1:
                found.setdefault(phases[0], []).append(i)
        return found

    @cached_property
    def lasting(self) -> dict[int, list[int]]:
        """Buffers that live in several phases, by every phase, large ones first."""
        found: dict[int, list[int]] = {}
        for i in sorted(range(len(self.sizes)), key=lambda i: -self.sizes[i]):
            for phase in self.phases[i] if len(self.phases[i]) > 1 else ():
                found.setdefault(phase, []).append(i)
        return found

    def members(self, phase: int) -> list[int]:
        """All buffers that live in a phase."""
        return [*self.lasting.get(phase, ()), *self.local.get(phase, ())]
