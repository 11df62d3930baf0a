"""Interval calculus: which rows (or columns) of every tensor a step of a fused stage handles.

Rows and columns follow the same rules and never influence each other. At step t a tensor's span is
[rate * t + lo, rate * t + hi), clipped to the tensor. Going backwards through an op with stride s,
effective kernel k and leading pad p (`Window`), a span asks for

    lo' = s * lo - p        hi' = s * (hi - 1) - p + k        rate' = s * rate

and the tensor that is asked either computes all of it again (recompute) or only the part that no
earlier step computed (cache). Upper ends never depend on that choice.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from mcucc.ir.window import Window

Range = tuple[int, int]
EMPTY: Range = (0, 0)


class Reuse(Enum):
    """What becomes of the overlap of one step with the next."""

    CACHE = "cache"
    RECOMPUTE = "recompute"


@dataclass(frozen=True)
class Span:
    """Positions [rate * t + lo, rate * t + hi) at step t."""

    rate: int
    lo: int
    hi: int

    @property
    def length(self) -> int:
        """Positions of one step, unclipped."""
        return self.hi - self.lo

    @property
    def overlap(self) -> int:
        """Positions that step t and step t + 1 share; 0 when there are none."""
        return max(0, self.length - self.rate)

    def at(self, step: int, size: int) -> Range:
        """The positions of `step` inside a tensor of `size` positions."""
        begin = max(0, self.rate * step + self.lo)
        end = min(size, self.rate * step + self.hi)
        return (begin, end) if begin < end else EMPTY

    def first_step(self, begin: int = 0) -> int:
        """The first step with a position at or above `begin` (for 0 negative: it looks ahead)."""
        return (begin - self.hi) // self.rate + 1


def needed(span: Span, window: Window) -> Span | None:
    """The input positions a span of outputs reads; None when no whole number of them is a step.

    That is an upsampling whose rate the factor does not divide, or a window of stride 0.
    """
    rate = rate_below(span.rate, window)
    if rate is None:
        return None
    return Span(rate, window.first(span.lo), window.first(span.hi - 1) + window.kernel)


def rate_below(rate: int, window: Window) -> int | None:
    """Input positions that a step of `rate` outputs moves on by; None where `needed` is."""
    scaled = rate * window.stride
    if window.stride < 1 or scaled % window.upsample:
        return None
    return scaled // window.upsample


def hull(spans: Iterable[Span]) -> Span | None:
    """The least span that holds all of them; None when their rates differ or there are none."""
    found = tuple(spans)
    if not found or len({span.rate for span in found}) > 1:
        return None
    return Span(found[0].rate, min(s.lo for s in found), max(s.hi for s in found))


def produced(need: Span, reuse: Reuse) -> Span:
    """What a tensor computes at each step when `need` is read."""
    if reuse is Reuse.RECOMPUTE and need.overlap:
        return need
    return Span(need.rate, need.hi - need.rate, need.hi)


def steps_of(rate: int, size: int) -> int:
    """Steps t = 0, 1, ... until a tensor of `size` positions is complete."""
    return -(-size // rate)


@lru_cache(maxsize=1 << 17)
def covered(rate: int, lo: int, hi: int, size: int, first: int, last: int) -> int:
    """Positions computed in steps [first, last), clipped to [0, size), repeats counted."""
    if hi - lo == rate:  # every position once
        return max(0, min(size, rate * (last - 1) + hi) - max(0, rate * first + lo))
    total = 0
    for step in range(first, last):
        total += max(0, min(size, rate * step + hi) - max(0, rate * step + lo))
    return total


def reads(ranges: Iterable[tuple[Range, Window]], size: int) -> Range:
    """The clipped input positions that clipped output ranges read through their windows."""
    found = []
    for (begin, end), window in ranges:
        if begin < end:
            low = max(0, window.first(begin))
            high = min(size, window.first(end - 1) + window.kernel)
            if low < high:
                found.append((low, high))
    if not found:
        return EMPTY
    return min(r[0] for r in found), max(r[1] for r in found)


def total(ranges: Sequence[Range]) -> int:
    """Positions of all ranges, repeats counted."""
    return sum(end - begin for begin, end in ranges)


def swept(ranges: Sequence[Range], size: int) -> Span | None:
    """The span whose positions at steps 0, 1, .. these are; None where no span's are.

    None as well where the ranges do not tell how far a step moves on.
    """
    plain = [(begin, end) if begin < end else EMPTY for begin, end in ranges]
    full = [(t, *each) for t, each in enumerate(plain) if each != EMPTY]
    if not full:
        return None
    begins = [(t, begin) for t, begin, _ in full if begin > 0]  # not cut: on the span's own line
    ends = [(t, end) for t, _, end in full if end < size]
    rates = {
        (b[1] - a[1]) // (b[0] - a[0])
        for points in (begins, ends)
        for a, b in itertools.pairwise(points)
    }
    for rate in sorted(rates):
        lo = begins[0][1] - rate * begins[0][0] if begins else full[0][1] - rate * full[-1][0]
        hi = ends[0][1] - rate * ends[0][0] if ends else size - rate * full[0][0]
        span = Span(rate, lo, hi)
        if all(span.at(t, size) == each for t, each in enumerate(plain)):
            return span
    return None
