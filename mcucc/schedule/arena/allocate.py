"""Arena offsets for buffers that fill and drain: the one door of this room.

A library of its own: buffers are numbers, time is phases of any number of times each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mcucc.schedule.arena.decide import Neighbour
from mcucc.schedule.arena.layout import Layout
from mcucc.schedule.arena.limits import ArenaLimits
from mcucc.schedule.arena.problem import OffsetProblem
from mcucc.schedule.arena.requests import InPlace, Request, distances_of, loads_of

DEFAULT_LIMITS = ArenaLimits()


@dataclass(frozen=True)
class Allocation:
    """Offsets in the order of the requests, and the bytes of the arena that they need.

    No offsets need less than `lower_bound`; `loads` is the most live at one time of each phase.
    """

    offsets: tuple[int, ...]
    size: int
    lower_bound: int
    loads: Mapping[int, int]


def allocate(
    requests: Sequence[Request],
    in_place: InPlace,
    alignment: int,
    together: Sequence[Sequence[int]] = (),
    limits: ArenaLimits = DEFAULT_LIMITS,
) -> Allocation:
    """Offsets for all buffers, multiples of `alignment`, under which no two live bytes meet.

    Buffers of a pair in `in_place` may have equal offsets. Phases that are `together` count as one
    for the search, as their buffers live beside each other. The same requests get the same offsets.
    """
    loads = loads_of(requests, in_place)
    problem = _problem(requests, in_place, alignment, together, loads)
    if not requests:
        return Allocation((), 0, 0, loads)
    layout = Layout(problem, max(loads.values()), alignment, limits)
    size, offsets = layout.best
    return Allocation(tuple(offsets[i] for i in range(len(requests))), size, layout.bound, loads)


def peak_live(requests: Sequence[Request], in_place: InPlace) -> int:
    """The most bytes live at one time: what no offsets can do without."""
    return max(loads_of(requests, in_place).values(), default=0)


def _problem(
    requests: Sequence[Request],
    in_place: InPlace,
    alignment: int,
    together: Sequence[Sequence[int]],
    loads: Mapping[int, int],
) -> OffsetProblem:
    neighbours: list[list[Neighbour]] = [[] for _ in requests]
    for (a, b), (below, above) in distances_of(requests, alignment).items():
        equal = (a, b) in in_place or (b, a) in in_place
        neighbours[a].append((b, below, above, equal))
        neighbours[b].append((a, above, below, equal))
    first = {phase: group[0] for group in together for phase in group}
    joined: dict[int, int] = {}
    for phase, load in loads.items():
        phase = first.get(phase, phase)
        joined[phase] = max(joined.get(phase, 0), load)
    return OffsetProblem(
        sizes=[-(-request.size // alignment) * alignment for request in requests],
        neighbours=neighbours,
        phases=[tuple(sorted({first.get(p, p) for p in request.live})) for request in requests],
        times=[request.times for request in requests],
        loads=joined,
    )
