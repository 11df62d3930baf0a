"""Offsets by longest paths, where it is decided which of two buffers lies below the other."""

from __future__ import annotations

from collections.abc import Sequence

# (lower buffer, upper one, by so much at least)
Edge = tuple[int, int, int]


def top_of_longest_paths(sizes: Sequence[int], edges: Sequence[Edge]) -> int | None:
    """The top of the lowest offsets that keep all distances; None where they run in a circle."""
    offsets = [0] * len(sizes)
    for _ in range(len(sizes) + 1):
        before = list(offsets)
        for a, b, distance in edges:
            offsets[b] = max(offsets[b], offsets[a] + distance)
        if before == offsets:
            return max(offset + size for offset, size in zip(offsets, sizes, strict=True))
    return None
