"""One axis of a stage: the exact, clipped range of every tensor at every step.

Cached tensors follow their span, starting at negative steps where they run ahead of the output;
recomputed ones compute exactly what their readers read at that step. So no result is dead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mcucc.ir.window import Window
from mcucc.schedule.plan.spans import EMPTY, Range, Reuse, Span, hull, needed, produced, reads


@dataclass(frozen=True)
class Link:
    """A node seen along one axis: it reads `operands` through windows and makes `output`.

    A `sink` reads each position of its operands once, all at one rate, and makes nothing by steps.
    """

    output: int
    operands: tuple[tuple[int, Window], ...]
    sink: bool = False


@dataclass(frozen=True)
class Track:
    """A tensor along one axis, one entry a step.

    `ranges` is what a step computes, `needs` what its readers read then, `ends` one past the last
    position computed so far, `keep` (one entry more) the first position read at this step or later.
    """

    size: int
    ranges: tuple[Range, ...]
    needs: tuple[Range, ...]
    ends: tuple[int, ...]
    keep: tuple[int, ...]

    @property
    def computed(self) -> int:
        """Positions computed, repeats counted."""
        return sum(end - begin for begin, end in self.ranges)

    @property
    def tallest(self) -> int:
        """The longest range of a step."""
        return max(end - begin for begin, end in self.ranges)

    @cached_property
    def lefts(self) -> tuple[int, ...]:
        """The first position of each step that is read from now on or computed now.

        They differ where some positions are computed and never read.
        """
        return tuple(
            min(keep, begin) if begin < end else keep
            for keep, (begin, end) in zip(self.keep[:-1], self.ranges, strict=True)
        )

    @property
    def held(self) -> int:
        """Slots of a ring that holds what is computed and still read."""
        return max(1, *(end - left for end, left in zip(self.ends, self.lefts, strict=True)))

    @property
    def cached(self) -> int:
        """Slots for what a step finds of earlier steps, or leaves to later ones (0: nothing)."""
        left = [e - k for e, k in zip(self.ends, self.keep[1:], strict=True)]
        return max(0, *left)

    @property
    def left_over(self) -> bool:
        """Whether a step reads positions that it does not compute itself."""
        pairs = zip(self.ranges, self.needs, strict=True)
        return any(
            need[0] < need[1] and (begin == end or need[0] < begin) for (begin, end), need in pairs
        )

    @property
    def lasting(self) -> tuple[Range, ...]:
        """What each step computes and later steps read."""
        pairs = zip(self.ranges, self.keep[1:], strict=True)
        return tuple(_range(max(begin, keep), end) for (begin, end), keep in pairs)

    @property
    def carried(self) -> tuple[Range, ...]:
        """What each step leaves to the next: computed by now, by whatever step, and read later."""
        pairs = zip(self.ends[:-1], self.keep[1:-1], strict=True)
        return (*(_range(keep, end) for end, keep in pairs), EMPTY)

    @property
    def retired(self) -> tuple[Range, ...]:
        """What is computed by now and read by this step for the last time."""
        last = len(self.ends) - 1
        return tuple(
            _range(self.keep[step], end if step == last else min(end, self.keep[step + 1]))
            for step, end in enumerate(self.ends)
        )


def _range(begin: int, end: int) -> Range:
    return (begin, end) if begin < end else EMPTY


@dataclass(frozen=True)
class Axis:
    """All tensors of a stage along one axis, over `steps` steps.

    `sinks` is what sinks take of each of their operands at each step.
    """

    steps: int
    tracks: Mapping[int, Track]
    sinks: Mapping[int, tuple[Range, ...]]


def whole_axis(sizes: Mapping[int, int]) -> Axis:
    """One step that covers every tensor."""
    return single_step(sizes, {tensor: (0, size) for tensor, size in sizes.items()})


def single_step(sizes: Mapping[int, int], parts: Mapping[int, Range]) -> Axis:
    """One step that covers a part of every tensor."""
    tracks = {
        tensor: Track(sizes[tensor], (part,), (part,), (part[1],), (part[0], sizes[tensor]))
        for tensor, part in parts.items()
    }
    return Axis(1, tracks, {tensor: (part,) for tensor, part in parts.items()})


def parts_read(
    links: Sequence[Link], sizes: Mapping[int, int], outer: Mapping[int, Range]
) -> dict[int, Range]:
    """The part of every tensor that is needed for those of kept tensors and sinks' operands."""
    asked: dict[int, list[tuple[Range, Window]]] = {
        tensor: [(part, Window())] for tensor, part in outer.items()
    }
    for link in reversed(links):
        if not link.sink:
            part = reads(asked.get(link.output, ()), sizes[link.output])
            for tensor, window in link.operands:
                asked.setdefault(tensor, []).append((part, window))
    return {tensor: reads(found, sizes[tensor]) for tensor, found in asked.items()}


def stepped_axis(
    links: Sequence[Link],
    sizes: Mapping[int, int],
    rates: Mapping[int, int],
    kept: frozenset[int],
    reuse: Callable[[int], Reuse],
    outer: Mapping[int, Range] | None = None,
) -> Axis | None:
    """The ranges of every tensor the links touch; None when their rates do not fit together.

    `rates` gives positions a step for tensors in `kept` (stored whole for readers outside) and for
    operands of sinks, `outer` the part of them that the steps make (default: all).
    """
    spans = _spans(links, sizes, rates, kept, reuse)
    if spans is None:
        return None
    parts: Mapping[int, Range] = {tensor: (0, size) for tensor, size in sizes.items()}
    if outer is None:
        outer = parts
    else:
        parts = parts_read(links, sizes, outer)
    made = {link.output for link in links if not link.sink}
    # Tensors that follow their span whatever their readers do. The others compute what readers
    # read at that very step: so they start no sooner than these, and end no later.
    steady = {
        t: spans[t][1]
        for t in made
        if t in kept or reuse(t) is Reuse.CACHE or not spans[t][0].overlap
    }
    sinks = [tensor for link in links if link.sink for tensor, _ in link.operands]
    # Cached tensors run ahead of the output: their first positions come at negative steps
    # (priming). The last step is the one that completes the last kept tensor or sink.
    begins = [span.first_step(parts[t][0]) for t, span in steady.items() if parts[t] != EMPTY]
    begins += [outer[t][0] // rates[t] for t in rates]
    ends = [-(-(parts[t][1] - steady[t].hi) // steady[t].rate) + 1 for t in made if t in kept]
    ends += [-(-outer[t][1] // rates[t]) for t in sinks]
    steps = range(min(begins, default=0), max(ends, default=1))
    taken = {t: _swept(Span(rates[t], 0, rates[t]), steps, sizes[t], outer[t]) for t in sinks}
    swept = {t: _swept(span, steps, sizes[t], parts[t]) for t, span in steady.items()}
    return Axis(len(steps), _tracks(links, sizes, swept, taken, len(steps)), taken)


def _tracks(
    links: Sequence[Link],
    sizes: Mapping[int, int],
    swept: Mapping[int, tuple[Range, ...]],
    taken: Mapping[int, tuple[Range, ...]],
    steps: int,
) -> dict[int, Track]:
    """The tracks of all tensors: those not `swept` compute what their readers read."""
    tracks: dict[int, Track] = {}
    readers = _readers(links)
    inside = [link.output for link in reversed(links) if not link.sink]
    for tensor in dict.fromkeys([*inside, *readers]):
        asked = [
            (taken[tensor] if link.sink else tracks[link.output].ranges, window)
            for link, window in readers.get(tensor, ())
        ]
        needs = _needs(asked, sizes[tensor], steps)
        tracks[tensor] = _track(sizes[tensor], swept.get(tensor, needs), needs)
    return tracks


def _needs(
    asked: Sequence[tuple[Sequence[Range], Window]], size: int, steps: int
) -> tuple[Range, ...]:
    """What `reads` says of every step, an operand at a time: stages may have 100,000 of them."""
    found: list[Range] = [EMPTY] * steps
    for ranges, window in asked:
        stride, phase, upsample = window.stride, window.phase, window.upsample
        before, beyond = window.pad, window.kernel - window.pad
        for i, (begin, end) in enumerate(ranges):
            if begin >= end:
                continue
            low = max(0, (begin * stride + phase) // upsample - before)
            high = min(size, ((end - 1) * stride + phase) // upsample + beyond)
            if low < high:
                first, last = found[i]
                found[i] = (min(first, low), max(last, high)) if first < last else (low, high)
    return tuple(found)


def _swept(span: Span, steps: range, size: int, part: Range) -> tuple[Range, ...]:
    """The positions of a span inside a part of its tensor, at every step."""
    ranges = (span.at(step, size) for step in steps)
    return tuple(_range(max(begin, part[0]), min(end, part[1])) for begin, end in ranges)


Readers = dict[int, list[tuple[Link, Window]]]


def _readers(links: Sequence[Link]) -> Readers:
    found: Readers = {}
    for link in links:
        for tensor, window in link.operands:
            found.setdefault(tensor, []).append((link, window))
    return found


def _spans(
    links: Sequence[Link],
    sizes: Mapping[int, int],
    rates: Mapping[int, int],
    kept: frozenset[int],
    reuse: Callable[[int], Reuse],
) -> dict[int, tuple[Span, Span]] | None:
    """(needed, produced) span of every tensor made inside; None where rates do not fit."""
    asked: dict[int, list[Span]] = {}
    found: dict[int, tuple[Span, Span]] = {}
    for link in reversed(links):
        if link.sink:
            for tensor, _ in link.operands:
                asked.setdefault(tensor, []).append(Span(rates[tensor], 0, rates[tensor]))
            continue
        if link.output in kept:
            rate = rates[link.output]
            asked.setdefault(link.output, []).append(Span(rate, 0, rate))
        need = hull(asked.get(link.output, []))
        if need is None:
            return None
        caches = link.output in kept or reuse(link.output) is Reuse.CACHE
        span = produced(need, Reuse.CACHE if caches else Reuse.RECOMPUTE)
        found[link.output] = need, span
        for tensor, window in link.operands:
            below = needed(span, window)
            if below is None:
                return None
            asked.setdefault(tensor, []).append(below)
    if any(hull(spans) is None for spans in asked.values()):
        return None
    return found


def _track(size: int, ranges: Sequence[Range], needs: Sequence[Range]) -> Track:
    """The track of what each step computes and reads."""
    ends, keep = [], [size]
    end = 0
    for begin_end in ranges:
        end = max(end, begin_end[1])
        ends.append(end)
    for need in reversed(needs):
        keep.append(min(keep[-1], need[0]) if need != EMPTY else keep[-1])
    return Track(size, tuple(ranges), tuple(needs), tuple(ends), tuple(reversed(keep)))
