"""Offsets by constraint propagation agree with trying every order of buffers."""

import itertools

import hypothesis.strategies as st
from hypothesis import given, settings

from mcucc.schedule.arena.compact import compacted, proved_bound
from mcucc.schedule.arena.difference_constraints import offsets_under
from mcucc.schedule.arena.limits import ProofLimits
from mcucc.schedule.arena.problem import OffsetProblem

STEPS = 10_000
Pairs = list[tuple[int, int, int, int, bool]]


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[int], Pairs]:
    """Sizes, and pairs (a, b, least distance of b above a, of a above b, may be equal)."""
    sizes = draw(st.lists(st.integers(1, 9), min_size=1, max_size=5))
    pairs = []
    for a, b in itertools.combinations(range(len(sizes)), 2):
        if draw(st.booleans()):
            up, down = draw(st.integers(1, sizes[a])), draw(st.integers(1, sizes[b]))
            pairs.append((a, b, up, down, draw(st.booleans())))
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


@settings(derandomize=True, deadline=None, max_examples=150)
@given(problems())
def test_the_least_ceiling_is_reached_and_nothing_below_it(
    problem: tuple[list[int], Pairs],
) -> None:
    sizes, pairs = problem
    near = neighbours(sizes, pairs)
    least = least_ceiling(sizes, pairs)
    members = range(len(sizes))
    found = offsets_under(least, sizes, near, members, STEPS)
    assert found.offsets is not None
    assert keeps(found.offsets, pairs)
    assert all(0 <= at <= least - sizes[i] for i, at in found.offsets.items())
    below = offsets_under(least - 1, sizes, near, members, STEPS)
    assert below.offsets is None
    assert below.impossible


def test_giving_up_proves_nothing() -> None:
    sizes = [4, 4, 4]
    pairs = [(a, b, 4, 4, False) for a, b in itertools.combinations(range(3), 2)]
    found = offsets_under(12, sizes, neighbours(sizes, pairs), range(3), 1)
    assert found.offsets is None
    assert not found.impossible


def test_a_bound_is_proved_where_gaps_cannot_be_closed() -> None:
    # Two halves take turns beside a buffer that has to lie between them: 12 bytes in use at most.
    sizes = [6, 6, 6]
    pairs = [(0, 1, 6, 6, False), (0, 2, 6, 6, False), (1, 2, 5, 5, False)]
    buffers = OffsetProblem(sizes, neighbours(sizes, pairs), [(0,)] * 3, [1] * 3, {0: 12})
    least = least_ceiling(sizes, pairs)
    assert least == 17
    assert proved_bound(buffers, 12, 1, ProofLimits()) == least
    assert compacted(buffers, (18, [0, 6, 12]), 12, 1, ProofLimits())[0] == least
