"""Offsets below a ceiling are found or refuted as deciding every pair in every way says."""

import itertools

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from mcucc.schedule.arena.decide import Answer, decide
from mcucc.schedule.arena.layout import Layout
from mcucc.schedule.arena.limits import ArenaLimits
from mcucc.schedule.arena.problem import OffsetProblem
from tests.schedule.arena.paths import top_of_longest_paths

ENOUGH = 10_000
Pairs = list[tuple[int, int, int, int, bool]]


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[int], Pairs]:
    """Sizes, and pairs (a, b, least distance of b above a, of a above b, may be equal)."""
    sizes = draw(st.lists(st.integers(1, 9), min_size=1, max_size=5))
    pairs = []
    for a, b in itertools.combinations(range(len(sizes)), 2):
        if draw(st.booleans()):
            # One of both may be negative: a buffer that fills late below one that drains early.
            up = draw(st.integers(1 - sizes[b], sizes[a]))
            down = draw(st.integers(max(1, 1 - up), sizes[b]))
            equal = sizes[a] == sizes[b] and draw(st.booleans())
            pairs.append((a, b, up, down, equal))
    return sizes, pairs


def neighbours(sizes: list[int], pairs: Pairs) -> list[list[tuple[int, int, int, bool]]]:
    found: list[list[tuple[int, int, int, bool]]] = [[] for _ in sizes]
    for a, b, up, down, equal in pairs:
        found[a].append((b, up, down, equal))
        found[b].append((a, down, up, equal))
    return found


def keeps(offsets: dict[int, int], pairs: Pairs) -> bool:
    return all(
        offsets[b] - offsets[a] >= up
        or offsets[a] - offsets[b] >= down
        or (equal and offsets[a] == offsets[b])
        for a, b, up, down, equal in pairs
    )


def least_ceiling(sizes: list[int], pairs: Pairs) -> int:
    """By longest paths under every way to decide every pair."""
    best = sum(sizes)
    for ways in itertools.product(*[range(3 if pair[4] else 2) for pair in pairs]):
        edges = []
        for (a, b, up, down, _), way in zip(pairs, ways, strict=True):
            edges += [(a, b, up)] if way == 0 else [(b, a, down)] if way == 1 else []
            edges += [(a, b, 0), (b, a, 0)] if way == 2 else []
        top = top_of_longest_paths(sizes, edges)
        best = best if top is None else min(best, top)
    return best


def decided(sizes: list[int], pairs: Pairs, ceiling: int, most: int = ENOUGH) -> Answer:
    weights = np.ones(len(sizes), np.int64)
    return decide(sizes, neighbours(sizes, pairs), ceiling, most, weights)


def lain_out(sizes: list[int], pairs: Pairs, bound: int, limits: ArenaLimits) -> Layout:
    """All in one phase."""
    buffers = OffsetProblem(
        sizes, neighbours(sizes, pairs), [(0,)] * len(sizes), [1] * len(sizes), {0: bound}
    )
    return Layout(buffers, bound, 1, limits)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(problems(), st.integers(0, 9))
def test_offsets_are_found_at_the_least_ceiling_and_refuted_below(
    problem: tuple[list[int], Pairs], room: int
) -> None:
    sizes, pairs = problem
    least = least_ceiling(sizes, pairs)
    found = decided(sizes, pairs, least + room)
    assert found.offsets is not None
    assert keeps(dict(enumerate(found.offsets)), pairs)
    assert min(found.offsets) >= 0
    assert max(at + size for at, size in zip(found.offsets, sizes, strict=True)) <= least + room
    below = decided(sizes, pairs, least - 1)
    assert below.offsets is None
    assert below.proved


@settings(derandomize=True, deadline=None, max_examples=100)
@given(problems(), st.integers(1, 3))
def test_what_few_failures_say_is_true(problem: tuple[list[int], Pairs], most: int) -> None:
    sizes, pairs = problem
    least = least_ceiling(sizes, pairs)
    for ceiling in range(max(sizes), least + 2):
        answer = decided(sizes, pairs, ceiling, most)
        assert answer.failures <= most
        assert answer.offsets is None or keeps(dict(enumerate(answer.offsets)), pairs)
        assert not answer.proved or (answer.offsets is not None) == (ceiling >= least)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(problems())
def test_the_least_arena_of_one_phase_is_proved(problem: tuple[list[int], Pairs]) -> None:
    sizes, pairs = problem
    layout = lain_out(sizes, pairs, max(sizes), ArenaLimits(alone=ENOUGH))
    assert keeps(layout.best[1], pairs)
    assert layout.bound == layout.best[0] == least_ceiling(sizes, pairs)


def test_giving_up_proves_nothing() -> None:
    sizes = [4, 4, 4, 4]
    pairs = [(a, b, 4, 4, False) for a, b in itertools.combinations(range(4), 2)]
    given_up = decided(sizes, pairs, 15, most=1)
    assert given_up == Answer(None, False, 1)
    assert decided(sizes, pairs, 15).proved


def test_failures_make_buffers_weigh_more() -> None:
    sizes = [4, 4, 4, 4]
    pairs = [(a, b, 4, 4, False) for a, b in itertools.combinations(range(4), 2)]
    weights = np.ones(4, np.int64)
    answer = decide(sizes, neighbours(sizes, pairs), 15, ENOUGH, weights)
    assert weights.sum() == 4 + 2 * answer.failures > 4


def test_a_bound_is_proved_where_gaps_cannot_be_closed() -> None:
    # Two halves take turns beside a buffer that has to lie between them: 12 bytes in use at most.
    sizes = [6, 6, 6]
    pairs = [(0, 1, 6, 6, False), (0, 2, 6, 6, False), (1, 2, 5, 5, False)]
    layout = lain_out(sizes, pairs, 12, ArenaLimits())
    assert layout.bound == layout.best[0] == least_ceiling(sizes, pairs) == 17
