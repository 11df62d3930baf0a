"""Arena offsets for buffers that fill and drain.

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

from mcucc.schedule.arena.compact import proved_bound, squeezed
from mcucc.schedule.arena.heuristics import Buffers, best_offsets
from mcucc.schedule.arena.limits import ArenaLimits

Extents = npt.NDArray[np.int64]
DEFAULT_LIMITS = ArenaLimits()


@dataclass(frozen=True, eq=False)
class Life:
    """Live extents of a buffer: stage number to an array (times, 2) of [lo, hi), hi = 0: not live.

    All buffers of a stage have the same times there.
    """

    size: int
    stages: Mapping[int, Extents]


@dataclass(frozen=True)
class Layout:
    """Offsets, the arena they need, what no placement can do without, the bytes live by stage."""

    offsets: tuple[int, ...]
    size: int
    lower_bound: int
    load_of_stage: Mapping[int, int]


def lay_out(
    lives: Sequence[Life],
    same: frozenset[tuple[int, int]],
    alignment: int,
    chains: Sequence[Sequence[int]] = (),
    limits: ArenaLimits = DEFAULT_LIMITS,
) -> Layout:
    """Offsets for all buffers; pairs in `same` may have equal offsets (results in place).

    `chains` are numbers of stages that run interleaved: buffers of one chain are fitted together.
    """
    distances = _distances(lives, alignment)
    loads = _loads(lives, same)
    bound = max(loads.values(), default=0)
    neighbours: list[list[tuple[int, int, int, bool]]] = [[] for _ in lives]
    for (a, b), (below, above) in distances.items():
        equal = (a, b) in same or (b, a) in same
        neighbours[a].append((b, below, above, equal))
        neighbours[b].append((a, above, below, equal))
    sizes = [-(-life.size // alignment) * alignment for life in lives]
    chain_of = {stage: chain[0] for chain in chains for stage in chain}
    stages = [tuple(sorted({chain_of.get(s, s) for s in life.stages})) for life in lives]
    together: dict[int, int] = {}
    for stage, load in loads.items():
        chain = chain_of.get(stage, stage)
        together[chain] = max(together.get(chain, 0), load)
    times = [
        sum(int((extents[:, 1] > extents[:, 0]).sum()) for extents in life.stages.values())
        for life in lives
    ]
    buffers = Buffers(sizes, neighbours, stages, times, together)
    bound = proved_bound(buffers, bound, alignment, limits.proofs)
    found = best_offsets(buffers, bound, alignment, limits.offsets)
    size, offsets = squeezed(buffers, found, bound, alignment, limits.proofs)
    return Layout(tuple(offsets), size, bound, loads)


def most_live(lives: Sequence[Life], same: frozenset[tuple[int, int]]) -> int:
    """The most bytes live at one time: what no placement can do without."""
    return max(_loads(lives, same).values(), default=0)


def _loads(lives: Sequence[Life], same: frozenset[tuple[int, int]]) -> dict[int, int]:
    """The most bytes live at one time of each stage; results in place count once."""
    totals: dict[int, Extents] = {}
    for life in lives:
        for stage, extents in life.stages.items():
            lengths = np.maximum(extents[:, 1] - extents[:, 0], 0)
            totals[stage] = totals[stage] + lengths if stage in totals else lengths
    shared: dict[tuple[int, int], Extents] = {}
    for source, target in same:
        for stage in lives[source].stages.keys() & lives[target].stages.keys():
            both = np.stack([lives[source].stages[stage], lives[target].stages[stage]])
            common = np.maximum(both[:, :, 1] - both[:, :, 0], 0).min(axis=0)
            key = stage, target
            shared[key] = np.maximum(shared[key], common) if key in shared else common
    for (stage, _), common in shared.items():
        totals[stage] = totals[stage] - common
    return {stage: int(load.max(initial=0)) for stage, load in totals.items()}


def _distances(lives: Sequence[Life], alignment: int) -> dict[tuple[int, int], tuple[int, int]]:
    """(least offset of b above a, least offset of a above b) of pairs that ever conflict."""
    by_stage: dict[int, list[int]] = {}
    for i, life in enumerate(lives):
        for stage in life.stages:
            by_stage.setdefault(stage, []).append(i)
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for stage, members in by_stage.items():
        lo = np.stack([lives[i].stages[stage][:, 0] for i in members])
        hi = np.stack([lives[i].stages[stage][:, 1] for i in members])
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
