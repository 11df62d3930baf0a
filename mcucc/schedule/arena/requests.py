"""Buffers that fill and drain, and how far apart they have to lie.

Two buffers may share bytes as long as no byte is live in both at one time. With [lo, hi) the live
extent of a buffer at a time, a buffer may lie `distance(a, b)` bytes below another and no less:

    distance(a, b) = max over times at which both live of hi_a - lo_b

For whole lifetimes that is the size of a; for a tensor that is read while another is written it is
the D of overlapped inputs and outputs; a ring that fills while its input drains follows as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# [lo, hi) of a buffer that is live, by time: (times, 2); hi <= lo: nothing is.
Extents = npt.NDArray[np.int64]
# (operand, result): buffers of one size that may have the same offset, whatever is live in them.
InPlace = frozenset[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Request:
    """A buffer of `size` bytes, and what is live of it in some phases of time.

    All buffers have the same times in a phase; those that do not name it are dead throughout.
    """

    size: int
    live: Mapping[int, Extents]

    @property
    def times(self) -> int:
        """At how many times a byte is live."""
        return sum(int((each[:, 1] > each[:, 0]).sum()) for each in self.live.values())


def loads_of(requests: Sequence[Request], in_place: frozenset[tuple[int, int]]) -> dict[int, int]:
    """The most bytes live at one time of each phase; results in place count once."""
    totals: dict[int, Extents] = {}
    for request in requests:
        for phase, extents in request.live.items():
            lengths = np.maximum(extents[:, 1] - extents[:, 0], 0)
            totals[phase] = totals[phase] + lengths if phase in totals else lengths
    shared: dict[tuple[int, int], Extents] = {}
    for source, target in in_place:
        for phase in requests[source].live.keys() & requests[target].live.keys():
            both = np.stack([requests[source].live[phase], requests[target].live[phase]])
            common = np.maximum(both[:, :, 1] - both[:, :, 0], 0).min(axis=0)
            key = phase, target
            shared[key] = np.maximum(shared[key], common) if key in shared else common
    for (phase, _), common in shared.items():
        totals[phase] = totals[phase] - common
    return {phase: int(load.max(initial=0)) for phase, load in totals.items()}


def distances_of(
    requests: Sequence[Request], alignment: int
) -> dict[tuple[int, int], tuple[int, int]]:
    """(least offset of b above a, least offset of a above b) of pairs that ever conflict."""
    by_phase: dict[int, list[int]] = {}
    for i, request in enumerate(requests):
        for phase in request.live:
            by_phase.setdefault(phase, []).append(i)
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for phase, members in by_phase.items():
        lo = np.stack([requests[i].live[phase][:, 0] for i in members])
        hi = np.stack([requests[i].live[phase][:, 1] for i in members])
        live = hi > lo
        lo = np.where(live, lo, 1 << 40)
        hi = np.where(live, hi, -(1 << 40))
        for k, i in enumerate(members[:-1]):
            rest = slice(k + 1, None)
            up = (hi[k] - lo[rest]).max(axis=1)
            down = (hi[rest] - lo[k]).max(axis=1)
            both = (live[k] & live[rest]).any(axis=1)
            for offset in np.flatnonzero(both):
                pair = (i, members[k + 1 + int(offset)])
                old = found.get(pair, (-(1 << 40), -(1 << 40)))
                above = _round(int(up[offset]), alignment)
                below = _round(int(down[offset]), alignment)
                found[pair] = max(old[0], above), max(old[1], below)
    return found


def _round(value: int, alignment: int) -> int:
    return -(-value // alignment) * alignment
