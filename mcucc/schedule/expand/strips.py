"""Columns of a stage: one sweep from left to right, or one a strip where the stage has strips.

A stage of several strips runs its row loop anew for each of them. Nothing is kept from one strip to
the next: columns at the border that both need are computed in both.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mcucc.schedule.expand.axis import Axis, Link, Track, parts_read, single_step, stepped_axis
from mcucc.schedule.plan.spans import EMPTY, Range, Reuse


@dataclass(frozen=True)
class Across:
    """A tensor along the columns: its track in each strip, and all of them one after the other."""

    parts: tuple[Track, ...]

    @property
    def size(self) -> int:
        """Columns of the tensor."""
        return self.parts[0].size

    @cached_property
    def ranges(self) -> tuple[Range, ...]:
        """What each column step computes."""
        return tuple(range_ for part in self.parts for range_ in part.ranges)

    @cached_property
    def needs(self) -> tuple[Range, ...]:
        """What readers read at each column step."""
        return tuple(need for part in self.parts for need in part.needs)

    @property
    def keep(self) -> tuple[int, ...]:
        """The first column read at each step or later in its strip."""
        return tuple(keep for part in self.parts for keep in part.keep[:-1])

    @property
    def lefts(self) -> tuple[int, ...]:
        """The first column of each step that is read from now on in its strip, or computed now."""
        return tuple(left for part in self.parts for left in part.lefts)

    @property
    def carried(self) -> tuple[Range, ...]:
        """What each step leaves to the next; the last of a strip leaves nothing."""
        return tuple(range_ for part in self.parts for range_ in part.carried)

    @property
    def retired(self) -> tuple[Range, ...]:
        """What is computed by now and read by this step for the last time in its strip."""
        return tuple(range_ for part in self.parts for range_ in part.retired)

    @property
    def tallest(self) -> int:
        """The most columns that a step computes."""
        return max(part.tallest for part in self.parts)

    @property
    def held(self) -> int:
        """Columns of a tile that holds what is computed and still read."""
        return max(part.held for part in self.parts)

    @property
    def cached(self) -> int:
        """Columns that a step finds of earlier ones, or leaves to later ones (0: nothing)."""
        return max(part.cached for part in self.parts)

    @property
    def left_over(self) -> bool:
        """Whether a step reads columns that it does not compute itself."""
        return any(part.left_over for part in self.parts)

    @property
    def width(self) -> int:
        """Columns of a buffer for rows of any strip."""
        if len(self.parts) == 1:
            return self.size
        return max(1, *(end - begin for begin, end in map(_computed, self.parts)))

    @property
    def origins(self) -> tuple[int, ...]:
        """The left edge of such a buffer at each column step; none where it holds whole rows."""
        if len(self.parts) == 1:
            return ()
        return tuple(_computed(part)[0] for part in self.parts for _ in part.ranges)


def _computed(track: Track) -> Range:
    """The columns that a strip computes."""
    made = [range_ for range_ in track.ranges if range_[0] < range_[1]]
    return (min(b for b, _ in made), max(e for _, e in made)) if made else EMPTY


@dataclass(frozen=True)
class Columns:
    """All tensors of a stage along the columns.

    `strips` are the column steps of each strip, `sinks` what sinks take of each operand.
    """

    steps: int
    strips: tuple[Range, ...]
    tracks: Mapping[int, Across]
    sinks: Mapping[int, tuple[Range, ...]]


def joined(parts: Sequence[Axis]) -> Columns:
    """Strips one after the other."""
    ends = [0]
    for part in parts:
        ends.append(ends[-1] + part.steps)
    return Columns(
        steps=ends[-1],
        strips=tuple(itertools.pairwise(ends)),
        tracks={t: Across(tuple(part.tracks[t] for part in parts)) for t in parts[0].tracks},
        sinks={t: tuple(r for part in parts for r in part.sinks[t]) for t in parts[0].sinks},
    )


def strip_columns(
    links: Sequence[Link],
    sizes: Mapping[int, int],
    rates: Mapping[int, int],
    kept: frozenset[int],
    reuse: Callable[[int], Reuse],
    *,
    tiles: bool,
    bounds: Sequence[int],
) -> Columns | None:
    """The strips between `bounds`; None when rates do not fit together (see `stepped_axis`).

    `rates` gives columns a unit of the bounds; with `tiles` a unit is a column step, without a
    strip is one step.
    """
    parts: list[Axis] = []
    for begin, end in itertools.pairwise(bounds):
        last = end == bounds[-1]
        outer = {t: (rate * begin, sizes[t] if last else rate * end) for t, rate in rates.items()}
        if tiles:
            part = stepped_axis(links, sizes, rates, kept, reuse, outer)
            if part is None:
                return None
            parts.append(part)
        else:
            whole = single_step(sizes, parts_read(links, sizes, outer))
            sinks = {t: (outer[t],) for t in whole.sinks if t in outer}
            parts.append(Axis(1, whole.tracks, sinks))
    return joined(parts)
