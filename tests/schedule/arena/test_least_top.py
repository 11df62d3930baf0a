"""The least top agrees with deciding every pair of buffers in every way."""

import itertools

import hypothesis.strategies as st
from hypothesis import assume, given, settings

from mcucc.schedule.arena.layout import Layout
from mcucc.schedule.arena.least_top import Items, least_top
from mcucc.schedule.arena.limits import ArenaLimits
from mcucc.schedule.arena.problem import OffsetProblem

WIDE = 10_000
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
        offsets = [0] * len(sizes)
        for _ in range(len(sizes) + 1):
            before = list(offsets)
            for a, b, distance in edges:
                offsets[b] = max(offsets[b], offsets[a] + distance)
        if before == offsets:
            best = min(best, max(o + s for o, s in zip(offsets, sizes, strict=True)))
    return best


def items_of(sizes: list[int], pairs: Pairs, placed: dict[int, int] | None = None) -> Items:
    count = len(sizes)
    problem = OffsetProblem(sizes, neighbours(sizes, pairs), [(0,)] * count, [1] * count, {}, {})
    placed = placed or {}
    return problem.items([i for i in range(count) if i not in placed], placed)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(problems())
def test_the_least_top_is_found_and_nothing_below_it(problem: tuple[list[int], Pairs]) -> None:
    sizes, pairs = problem
    least = least_ceiling(sizes, pairs)
    items = items_of(sizes, pairs)
    found = least_top(items, sum(sizes), WIDE)
    assert found.offsets is not None
    offsets = dict(enumerate(found.offsets))
    assert keeps(offsets, pairs)
    assert found.top == max(at + sizes[i] for i, at in offsets.items())
    assert found.top == least or (found.top > least and not found.proved)
    assert found.proved or any(up < 1 for _, _, up, _, _ in pairs)
    below = least_top(items, least - 1, WIDE)
    assert below.offsets is None
    assert below.proved == found.proved


@settings(derandomize=True, deadline=None, max_examples=100)
@given(problems())
def test_from_the_ceiling_down_it_is_as_low(problem: tuple[list[int], Pairs]) -> None:
    sizes, pairs = problem
    found = least_top(items_of(sizes, pairs).mirrored, sum(sizes), WIDE)
    least = least_ceiling(sizes, pairs)
    assert found.top == least or (found.top > least and not found.proved)
    assert found.offsets is not None
    assert keeps({i: found.top - at - sizes[i] for i, at in enumerate(found.offsets)}, pairs)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(problems(), st.integers(0, 20))
def test_what_lies_there_already_stays(problem: tuple[list[int], Pairs], at: int) -> None:
    sizes, pairs = problem
    assume(len(sizes) > 1)
    found = least_top(items_of(sizes, pairs, {0: at}), at + sum(sizes) + sizes[0], WIDE)
    assert found.offsets is not None
    assert keeps({0: at, **dict(enumerate(found.offsets, 1))}, pairs)


def test_a_cut_proves_nothing() -> None:
    sizes = [4, 4, 4, 4]
    pairs = [(a, b, 4, 4, False) for a, b in itertools.combinations(range(4), 2)]
    found = least_top(items_of(sizes, pairs), 16, 1)
    assert found.top == 16
    assert not found.proved


def test_a_bound_is_proved_where_gaps_cannot_be_closed() -> None:
    # Two halves take turns beside a buffer that has to lie between them: 12 bytes in use at most.
    sizes = [6, 6, 6]
    pairs = [(0, 1, 6, 6, False), (0, 2, 6, 6, False), (1, 2, 5, 5, False)]
    buffers = OffsetProblem(sizes, neighbours(sizes, pairs), [(0,)] * 3, [1] * 3, {0: 12}, {})
    layout = Layout(buffers, 12, 1, ArenaLimits())
    assert layout.bound == layout.best[0] == least_ceiling(sizes, pairs) == 17
