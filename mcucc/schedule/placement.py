"""Arena offsets for buffers that fill and drain.

Two buffers may share bytes as long as no byte is live in both at one time. With [lo, hi) the live
extent of a buffer at a time, a buffer may lie `distance(a, b)` bytes below another and no less:

    distance(a, b) = max over times at which both live of hi_a - lo_b

For whole lifetimes that is the size of a; for a tensor that is read while another is written it is
the D of overlapped inputs and outputs; a ring that fills while its input drains follows as well.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Extents = npt.NDArray[np.int64]
TRIES = 500


@dataclass(frozen=True, eq=False)
class Life:
    """Live extents of a buffer: stage number to an array (times, 2) of [lo, hi), hi = 0: not live.

    All buffers of a stage have the same times there.
    """

    size: int
    stages: Mapping[int, Extents]


@dataclass(frozen=True)
class Layout:
    """Offsets, the arena they need, and the most bytes live at one time."""

    offsets: tuple[int, ...]
    size: int
    lower_bound: int
    load_of_stage: Mapping[int, int]


def lay_out(
    lives: Sequence[Life],
    same: frozenset[tuple[int, int]],
    alignment: int,
    tries: int = TRIES,
) -> Layout:
    """Offsets for all buffers; pairs in `same` may have equal offsets (results in place)."""
    distances = _distances(lives, alignment)
    loads = _loads(lives, same)
    bound = max(loads.values(), default=0)
    neighbours: list[list[tuple[int, int, int, bool]]] = [[] for _ in lives]
    for (a, b), (below, above) in distances.items():
        equal = (a, b) in same or (b, a) in same
        neighbours[a].append((b, below, above, equal))
        neighbours[b].append((a, above, below, equal))
    sizes = [-(-life.size // alignment) * alignment for life in lives]
    size, offsets = _best_order(lives, sizes, neighbours, loads, tries)
    return Layout(tuple(offsets), size, bound, loads)


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


Neighbours = Sequence[Sequence[tuple[int, int, int, bool]]]


def _best_order(
    lives: Sequence[Life],
    sizes: list[int],
    neighbours: Neighbours,
    loads: Mapping[int, int],
    tries: int,
) -> tuple[int, list[int]]:
    """Greedy orders from the bottom of the arena and from its top, improved until the bound."""
    bound = max(loads.values(), default=0)
    orders = _orders(lives, sizes, loads)
    mirrored = [
        [
            (j, above + sizes[i] - sizes[j], below + sizes[j] - sizes[i], equal)
            for j, below, above, equal in near
        ]
        for i, near in enumerate(neighbours)
    ]
    size, offsets = _climb(orders, sizes, neighbours, bound, tries)
    if size > bound:
        other, above = _climb(orders, sizes, mirrored, bound, tries)
        if other < size:
            size = other
            offsets = [size - m - s for m, s in zip(above, sizes, strict=True)]
    return size, offsets


def _orders(lives: Sequence[Life], sizes: list[int], loads: Mapping[int, int]) -> list[list[int]]:
    """Orders to place buffers in: the fullest stages first, the largest, the longest lived."""
    births = [min(life.stages, default=0) for life in lives]
    tight = [max((loads[stage], stage) for stage in life.stages) for life in lives]
    spans = [len(life.stages) for life in lives]
    ends = [
        (last := max(life.stages), int(np.flatnonzero(life.stages[last][:, 1]).max(initial=0)))
        for life in lives
    ]
    keys: tuple[Callable[[int], tuple[int, ...]], ...] = (
        lambda i: (-tight[i][0], tight[i][1], -ends[i][0], -ends[i][1], -sizes[i]),
        lambda i: (-tight[i][0], tight[i][1], -spans[i], -sizes[i]),
        lambda i: (-tight[i][0], tight[i][1], -sizes[i]),
        lambda i: (-sizes[i], births[i]),
        lambda i: (-spans[i], -sizes[i]),
        lambda i: (births[i], -sizes[i]),
    )
    return [sorted(range(len(sizes)), key=key) for key in keys]


def _climb(
    orders: Sequence[Sequence[int]],
    sizes: list[int],
    neighbours: Neighbours,
    bound: int,
    tries: int,
) -> tuple[int, list[int]]:
    """First fit by the best of some orders, then by orders changed at random (fixed seed)."""
    best: tuple[int, list[int], list[int]] = (1 << 62, [], [])
    for order in orders:
        if best[0] > bound:
            size, offsets = _first_fit(order, sizes, neighbours, best[0])
            if size < best[0]:
                best = size, offsets, list(order)
    rng = random.Random(0)
    for _ in range(tries if len(sizes) > 1 else 0):
        if best[0] <= bound:
            break
        order = list(best[2])
        # What sticks out on top is what must move: place it earlier.
        top = [i for i in order if best[1][i] + sizes[i] == best[0]]
        chosen = rng.choice(top)
        order.remove(chosen)
        order.insert(rng.randrange(best[2].index(chosen) + 1), chosen)
        if rng.random() < 0.5:
            i, j = rng.sample(range(len(order)), 2)
            order[i], order[j] = order[j], order[i]
        size, offsets = _first_fit(order, sizes, neighbours, best[0])
        if size <= best[0]:
            best = size, offsets, order
    return (best[0], best[1]) if orders and sizes else (0, [])


def _first_fit(
    order: Sequence[int], sizes: list[int], neighbours: Neighbours, limit: int = 1 << 62
) -> tuple[int, list[int]]:
    """Each buffer at the lowest offset that keeps its distances to those placed before.

    Gives up, with a size above it, as soon as `limit` is exceeded.
    """
    offsets = [-1] * len(sizes)
    total = 0
    for i in order:
        gaps = []
        equals = []
        for j, below, above, equal in neighbours[i]:
            if offsets[j] >= 0:
                # i may lie at or below offsets[j] - below, or at or above offsets[j] + above
                gaps.append((offsets[j] - below, offsets[j] + above, offsets[j], equal))
                if equal:
                    equals.append(offsets[j])
        offset = _lowest(gaps)
        for at in equals:
            if at < offset and all(
                at <= low or at >= high or (equal and at == j) for low, high, j, equal in gaps
            ):
                offset = at
        offsets[i] = offset
        total = max(total, offset + sizes[i])
        if total > limit:
            break
    return total, offsets


def _lowest(gaps: list[tuple[int, int, int, bool]]) -> int:
    """The lowest offset outside every open interval (low, high)."""
    offset = 0
    moved = True
    while moved:
        moved = False
        for low, high, _, _ in gaps:
            if low < offset < high:
                offset = high
                moved = True
    return offset
