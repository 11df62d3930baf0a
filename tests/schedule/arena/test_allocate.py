"""Offsets of drawn buffers: no two live bytes meet, bounds hold, the same requests the same bytes.

Nothing here knows of networks: buffers are sizes, and [lo, hi) that is live at each time.
"""

import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from mcucc.schedule.arena.allocate import Allocation, allocate, peak_live
from mcucc.schedule.arena.requests import InPlace, Request, distances_of
from tests.schedule.arena.paths import top_of_longest_paths

ALIGNMENT = 4
Problem = tuple[list[Request], InPlace, list[list[int]]]


@st.composite
def problems(draw: st.DrawFn, most: int = 7) -> Problem:
    """Buffers over a few phases, pairs that may be in place, phases that are searched together."""
    times = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    requests = []
    for _ in range(draw(st.integers(1, most))):
        size = draw(st.integers(1, 40))
        first = draw(st.integers(0, len(times) - 1))
        last = draw(st.integers(first, len(times) - 1))
        live = {}
        for phase in range(first, last + 1):
            ends = st.lists(st.integers(0, size), min_size=2, max_size=2).map(sorted)
            live[phase] = np.array([draw(ends) for _ in range(times[phase])], dtype=np.int64)
        requests.append(Request(size, live))
    numbers = st.integers(0, len(requests) - 1)
    pairs = draw(st.sets(st.tuples(numbers, numbers), max_size=2))
    in_place = frozenset(
        (a, b) for a, b in pairs if a != b and requests[a].size == requests[b].size
    )
    cut = draw(st.integers(1, len(times)))
    return requests, in_place, [list(range(cut))] if draw(st.booleans()) else []


def collisions(problem: Problem, found: Allocation) -> list[tuple[int, int]]:
    """Pairs of buffers with a byte of the arena that is live in both at one time."""
    requests, in_place, _ = problem
    bad = []
    for (a, one), (b, other) in itertools.combinations(enumerate(requests), 2):
        at, beside = found.offsets[a], found.offsets[b]
        if at == beside and ((a, b) in in_place or (b, a) in in_place):
            continue
        for phase in one.live.keys() & other.live.keys():
            for (low, high), (start, end) in zip(one.live[phase], other.live[phase], strict=True):
                mine = set(range(at + low, at + high))
                if mine & set(range(beside + start, beside + end)):
                    bad.append((a, b))
    return bad


@settings(derandomize=True, deadline=None, max_examples=80)
@given(problems())
def test_no_byte_is_live_in_two_buffers(problem: Problem) -> None:
    requests, in_place, together = problem
    found = allocate(requests, in_place, ALIGNMENT, together)
    assert not collisions(problem, found)
    assert all(at >= 0 and at % ALIGNMENT == 0 for at in found.offsets)
    ends = [at + r.size for at, r in zip(found.offsets, requests, strict=True)]
    assert max(ends) <= found.size


@settings(derandomize=True, deadline=None, max_examples=60)
@given(problems())
def test_never_worse_than_side_by_side_nor_better_than_what_is_live(problem: Problem) -> None:
    requests, in_place, together = problem
    found = allocate(requests, in_place, ALIGNMENT, together)
    assert peak_live(requests, in_place) <= found.lower_bound <= found.size
    assert found.size <= sum(-(-r.size // ALIGNMENT) * ALIGNMENT for r in requests)
    assert max(found.loads.values()) == peak_live(requests, in_place)


def least_arena(requests: list[Request]) -> int:
    """By longest paths under every order of every pair that conflicts."""
    pairs = list(distances_of(requests, ALIGNMENT).items())
    sizes = [-(-r.size // ALIGNMENT) * ALIGNMENT for r in requests]
    best = sum(sizes)
    for upwards in itertools.product((True, False), repeat=len(pairs)):
        edges = [
            (a, b, below) if up else (b, a, above)
            for ((a, b), (below, above)), up in zip(pairs, upwards, strict=True)
        ]
        top = top_of_longest_paths(sizes, edges)
        best = best if top is None else min(best, top)
    return best


@settings(derandomize=True, deadline=None, max_examples=60)
@given(problems(most=4))
def test_a_few_buffers_get_the_least_arena_there_is(problem: Problem) -> None:
    requests, _, together = problem
    found = allocate(requests, frozenset(), ALIGNMENT, together)
    assert found.lower_bound <= found.size == least_arena(requests)


@settings(derandomize=True, deadline=None, max_examples=15)
@given(problems())
def test_the_same_requests_get_the_same_offsets(problem: Problem) -> None:
    requests, in_place, together = problem
    one, again = (allocate(requests, in_place, ALIGNMENT, together) for _ in range(2))
    assert one == again


def test_nothing_needs_nothing() -> None:
    assert allocate([], frozenset(), ALIGNMENT) == Allocation((), 0, 0, {})


def test_a_result_in_place_costs_nothing() -> None:
    both = np.array([[0, 64]])
    requests = [Request(64, {0: both}), Request(64, {0: both})]
    assert allocate(requests, frozenset({(0, 1)}), ALIGNMENT).size == 64
    assert allocate(requests, frozenset(), ALIGNMENT).size == 128


def test_buffers_that_fill_and_drain_share_bytes() -> None:
    drains = np.array([[0, 100], [40, 100], [80, 100]])
    fills = np.array([[0, 10], [0, 50], [0, 90]])
    lives = [Request(100, {0: drains}), Request(90, {0: fills})]
    layout = allocate(lives, frozenset(), 1)
    assert layout.size == 110
    assert layout.lower_bound == 110


@pytest.mark.parametrize("seed", range(12))
def test_every_offset_is_aligned(seed: int) -> None:
    """From the floor and from the ceiling, which itself may be no multiple of anything."""
    rng = np.random.default_rng(seed)
    lives = []
    for _ in range(14):
        size, first = int(rng.integers(1, 3000)), int(rng.integers(0, 8))
        stages = range(first, first + int(rng.integers(1, 4)))
        lives.append(Request(size, {stage: np.array([[0, size]]) for stage in stages}))
    layout = allocate(lives, frozenset(), 4)
    assert all(offset % 4 == 0 for offset in layout.offsets)
