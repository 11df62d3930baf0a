"""Arena offsets: place blocks with lifetimes so that blocks alive together never overlap.

The largest sum of blocks alive at once bounds every placement from below; the first greedy that
reaches it is optimal. Otherwise a hill-climb over placement orders with a fixed seed and a fixed
number of tries goes on, so that the result is the same on every machine.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

HILL_CLIMB_TRIES = 400


@dataclass(frozen=True)
class Block:
    """`size` bytes needed from step `first` to step `last`, both included."""

    size: int
    first: int
    last: int

    def overlaps(self, other: Block) -> bool:
        """Whether both are alive at some step."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Placement:
    """One offset per block, the arena's size, and the least any placement can have."""

    offsets: tuple[int, ...]
    size: int
    lower_bound: int


def place(blocks: Sequence[Block], alignment: int = 1) -> Placement:
    """Offsets for all blocks, each a multiple of `alignment` bytes."""
    sizes = [_align(block.size, alignment) for block in blocks]
    bound = _max_load(blocks, sizes)
    orders = [
        sorted(range(len(blocks)), key=lambda i: (-sizes[i], blocks[i].first)),
        sorted(range(len(blocks)), key=lambda i: (blocks[i].first, -sizes[i])),
        sorted(
            range(len(blocks)),
            key=lambda i: (-sizes[i] * (blocks[i].last - blocks[i].first + 1), blocks[i].first),
        ),
    ]
    neighbours = [
        [j for j, other in enumerate(blocks) if j != i and block.overlaps(other)]
        for i, block in enumerate(blocks)
    ]
    best: tuple[int, list[int], list[int]] | None = None
    for order in orders:
        offsets, size = _first_fit(order, sizes, neighbours)
        if best is None or size < best[0]:
            best = size, order, offsets
        if size == bound:
            break
    if best is None:
        return Placement((), 0, 0)
    best = _hill_climb(best, sizes, neighbours, bound)
    return Placement(tuple(best[2]), best[0], bound)


def _hill_climb(
    best: tuple[int, list[int], list[int]],
    sizes: list[int],
    neighbours: list[list[int]],
    bound: int,
) -> tuple[int, list[int], list[int]]:
    """Swap two blocks of the placement order as long as that helps."""
    rng = random.Random(0)
    for _ in range(HILL_CLIMB_TRIES):
        if best[0] == bound or len(sizes) < 2:
            break
        order = list(best[1])
        i, j = rng.sample(range(len(order)), 2)
        order[i], order[j] = order[j], order[i]
        offsets, size = _first_fit(order, sizes, neighbours)
        if size <= best[0]:
            best = size, order, offsets
    return best


def _first_fit(
    order: Sequence[int], sizes: list[int], neighbours: list[list[int]]
) -> tuple[list[int], int]:
    """Place blocks in this order, each at the lowest offset free for its lifetime."""
    offsets = [-1] * len(sizes)
    total = 0
    for i in order:
        taken = sorted(
            (offsets[j], offsets[j] + sizes[j]) for j in neighbours[i] if offsets[j] >= 0
        )
        offset = 0
        for begin, end in taken:
            if begin - offset >= sizes[i]:
                break
            offset = max(offset, end)
        offsets[i] = offset
        total = max(total, offset + sizes[i])
    return offsets, total


def _max_load(blocks: Sequence[Block], sizes: list[int]) -> int:
    steps = {block.first for block in blocks}
    return max(
        (
            sum(s for b, s in zip(blocks, sizes, strict=True) if b.first <= step <= b.last)
            for step in steps
        ),
        default=0,
    )


def _align(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment
