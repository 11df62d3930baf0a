"""Numbers behind names that many things share."""

from __future__ import annotations

from collections.abc import Callable


def first_free(taken: Callable[[int], bool], first: int) -> int:
    """A number from `first` on that is not taken: the least, where those taken have no gaps.

    Looks at a logarithm of their number, so that ten thousand equal names take no hundred million
    looks.
    """
    if not taken(first):
        return first
    low, step = first, 1  # taken
    while taken(low + step):
        low, step = low + step, 2 * step
    high = low + step  # free
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if taken(middle) else (low, middle)
    return high
