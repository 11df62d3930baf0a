"""Interval calculus: the formulas of the plan space, and exact clipped counts."""

import hypothesis.strategies as st
from hypothesis import given, settings

from mcucc.ir.window import Window
from mcucc.schedule.expand.axis import Link, stepped_axis
from mcucc.schedule.plan.spans import Reuse, Span, covered, hull, needed, produced, reads

WINDOWS = st.builds(
    lambda k, s, p, d: Window(d * (k - 1) + 1, s, p, d),
    st.integers(1, 5),
    st.integers(1, 3),
    st.integers(0, 3),
    st.integers(1, 2),
)


def test_needed_follows_the_formula() -> None:
    span = needed(Span(2, -1, 2), Window(kernel=5, stride=2, pad=2))
    assert span == Span(4, -4, 5)
    assert span.overlap == 5


def test_upsampling_halves_the_rate_or_refuses() -> None:
    assert needed(Span(2, 0, 2), Window(upsample=2)) == Span(1, 0, 1)
    assert needed(Span(3, 0, 3), Window(upsample=2)) is None


def test_cache_computes_only_what_is_new() -> None:
    need = Span(1, -1, 2)
    assert produced(need, Reuse.CACHE) == Span(1, 1, 2)
    assert produced(need, Reuse.RECOMPUTE) == need


def test_hull_of_a_residual_spans_both_readers() -> None:
    assert hull([Span(1, 0, 1), Span(1, 1, 2)]) == Span(1, 0, 2)
    assert hull([Span(1, 0, 1), Span(2, 0, 2)]) is None


@settings(derandomize=True, deadline=None, max_examples=200)
@given(WINDOWS, st.integers(1, 4), st.integers(-3, 3), st.integers(1, 6), st.integers(-4, 12))
def test_needed_is_what_the_window_reads(
    window: Window, rate: int, lo: int, length: int, step: int
) -> None:
    span = Span(rate, lo, lo + length)
    need = needed(span, window)
    assert need is not None
    read = {
        tap
        for position in range(rate * step + lo, rate * step + lo + length)
        for tap in range(window.first(position), window.first(position) + window.kernel)
    }
    first = need.rate * step
    assert (min(read), max(read) + 1) == (first + need.lo, first + need.hi)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    st.integers(1, 4), st.integers(-5, 5), st.integers(1, 9), st.integers(1, 30), st.integers(-3, 3)
)
def test_covered_counts_clipped_positions(
    rate: int, lo: int, length: int, size: int, first: int
) -> None:
    span = Span(rate, lo, lo + length)
    counted = sum(
        1
        for step in range(first, 12)
        for position in range(rate * step + lo, rate * step + lo + length)
        if 0 <= position < size
    )
    assert covered(rate, lo, span.hi, size, first, 12) == counted


def test_reads_clips_at_both_borders() -> None:
    window = Window(kernel=3, pad=1)
    assert reads([((0, 1), window)], 10) == (0, 2)
    assert reads([((9, 10), window), ((0, 0), window)], 10) == (8, 10)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    st.lists(WINDOWS, min_size=1, max_size=4),
    st.integers(8, 40),
    st.integers(1, 4),
    st.lists(st.sampled_from(Reuse), min_size=5, max_size=5),
)
def test_every_axis_computes_what_is_read(
    windows: list[Window], size: int, tile: int, policies: list[Reuse]
) -> None:
    sizes, links = {0: size}, []
    for i, window in enumerate(windows):
        after = (sizes[i] + 2 * window.pad - window.kernel) // window.stride + 1
        if after < 1:
            break
        sizes[i + 1] = after
        links.append(Link(i + 1, ((i, window),)))
    if not links:
        return
    last = len(links)
    axis = stepped_axis(links, sizes, {last: tile}, frozenset({last}), lambda t: policies[t])
    assert axis is not None
    assert axis.tracks[last].computed == sizes[last]
    for link in links[:-1]:
        track = axis.tracks[link.output]
        for step, (begin, end) in enumerate(track.needs):
            held = {p for b, e in track.ranges[: step + 1] for p in range(b, e)}
            assert held >= set(range(begin, end))
        if policies[link.output] is Reuse.CACHE:
            assert track.computed <= sizes[link.output]
