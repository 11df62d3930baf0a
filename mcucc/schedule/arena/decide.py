"""Offsets below a ceiling, by deciding which of two buffers lies below the other.

Every buffer has a window of offsets. Of two that conflict one lies below the other, by its distance
at least; where the windows leave one way only, they shrink by it, which decides other pairs. Of the
pairs that the lowest offsets break the one with the least room is tried both ways, the roomier
first, until none is broken, or no way is left: then nothing fits. Buffers at which windows closed
count as tighter from then on, and after some failures all begins again with what they taught.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
# (other buffer, least distance of this one below it, least distance above it, may be equal);
# those that may be equal have one size
Neighbour = tuple[int, int, int, bool]
Neighbours = Sequence[Sequence[Neighbour]]
FAR = 1 << 40
# Failures before all begins again, and by which part of them it is later each time.
BURST, LONGER = 6, 3
# How one buffer lies to another: as in Neighbour, with what is ruled out FAR.
_Way = tuple[int, int, bool]
# Pairs i, j, how they lie as in Neighbour, and whether they may not be equal: (pairs,) each.
_Pairs = tuple[Numbers, Numbers, Numbers, Numbers, npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class Answer:
    """Offsets; where there are none and it is `proved`, nothing fits."""

    offsets: tuple[int, ...] | None
    proved: bool
    failures: int = 0


@dataclass(frozen=True, eq=False)
class _State:
    """Windows of offsets, from low to high.

    `near` is what is known of neighbours, with the ways that are ruled out FAR.
    """

    low: list[int]
    high: list[int]
    near: list[Sequence[Neighbour]]

    def with_way(self, i: int, j: int, way: _Way) -> _State:
        """A copy in which a pair lies in a way."""
        below, above, equal = way
        near = list(self.near)
        near[i] = [(j, *way) if each[0] == j else each for each in near[i]]
        near[j] = [(i, above, below, equal) if each[0] == i else each for each in near[j]]
        return _State(list(self.low), list(self.high), near)


def decide(
    sizes: Sequence[int], neighbours: Neighbours, ceiling: int, most: int, weights: Numbers
) -> Answer:
    """Offsets of all buffers that end at a ceiling or below; gives up after `most` failures.

    `weights` of buffers, at first 1 each, grow with the failures at them.
    """
    low, high = [0] * len(sizes), [ceiling - size for size in sizes]
    if min(high, default=0) < 0:
        return Answer(None, True)
    state = _State(low, high, list(neighbours))
    if _closed(state, list(range(len(sizes)))) is not None:
        return Answer(None, True)
    pairs = _pairs(neighbours)
    failures, burst = 0, BURST
    while True:
        answer = _decided(state, pairs, min(burst, most - failures), weights)
        failures += answer.failures
        if answer.proved or failures >= most:
            return Answer(answer.offsets, answer.proved, failures)
        burst += burst // LONGER


def _decided(state: _State, pairs: _Pairs, most: int, weights: Numbers) -> Answer:
    """The same from windows that are shrunk, without beginning again."""
    failures = 0
    waiting: list[tuple[_State, int, int, _Way]] = []
    while True:
        pair = _tightest(state, pairs, weights)
        if pair is None:
            return Answer(tuple(state.low), True, failures)
        waiting += [(state, *pair, way) for way in _ways(state, *pair)]
        while True:
            if not waiting:
                return Answer(None, True, failures)
            before, i, j, way = waiting.pop()
            state = before.with_way(i, j, way)
            closed = _closed(state, [i, j])
            if closed is None:
                break
            failures += 1
            for k in closed:
                weights[k] += 1
            if failures >= most:
                return Answer(None, not waiting, failures)


def _closed(state: _State, changed: list[int]) -> tuple[int, int] | None:
    """Shrink windows, from those of some buffers on; a pair that has no way left."""
    lows, highs, near = state.low, state.high, state.near
    while changed:
        i = changed.pop()
        low, high = lows[i], highs[i]
        moved = False
        for j, below, above, equal in near[i]:
            lowest, highest = lows[j], highs[j]
            if low + below <= highest:
                if lowest + above <= high or (equal and lowest <= high and low <= highest):
                    continue
                new_low, new_lowest = low, low + below
                new_high, new_highest = highest - below, highest
            elif equal and lowest <= high and low <= highest:
                if lowest + above <= high:
                    continue
                new_low = new_lowest = max(low, lowest)
                new_high = new_highest = min(high, highest)
            elif lowest + above <= high:
                new_low, new_lowest = lowest + above, lowest
                new_high, new_highest = high, high - above
            else:
                return i, j
            if new_lowest > lowest or new_highest < highest:
                lows[j], highs[j] = max(lowest, new_lowest), min(highest, new_highest)
                if j not in changed:
                    changed.append(j)
            if new_low > low or new_high < high:
                low, high, moved = max(low, new_low), min(high, new_high), True
                lows[i], highs[i] = low, high
        if moved:
            changed.append(i)
    return None


def _pairs(neighbours: Neighbours) -> _Pairs:
    found = [(i, *each) for i, near in enumerate(neighbours) for each in near if i < each[0]]
    i, j, below, above, equal = np.array(found, dtype=np.int64).reshape(-1, 5).T.copy()
    return i, j, below, above, equal == 0


def _tightest(state: _State, pairs: _Pairs, weights: Numbers) -> tuple[int, int] | None:
    """Of the pairs that the lowest offsets break the one with the least room for its weight."""
    i, j, below, above, unequal = pairs
    low, high = np.array(state.low), np.array(state.high)
    apart = low[j] - low[i]
    (broken,) = np.nonzero((apart < below) & (apart > -above) & (unequal | (apart != 0)))
    if not len(broken):
        return None
    i, j = i[broken], j[broken]
    down, up = high[j] - low[i] - below[broken], high[i] - low[j] - above[broken]
    least = ((np.minimum(down, up) + 1) / (weights[i] + weights[j])).argmin()
    return int(i[least]), int(j[least])


def _ways(state: _State, i: int, j: int) -> list[_Way]:
    """How a pair may lie, the most promising last."""
    _, below, above, equal = next(each for each in state.near[i] if each[0] == j)
    down, up = state.high[j] - state.low[i] - below, state.high[i] - state.low[j] - above
    ways: list[tuple[int, _Way]] = [(down, (below, FAR, False)), (up, (FAR, above, False))]
    found = [way for room, way in sorted(ways) if room >= 0]
    if equal and state.low[j] <= state.high[i] and state.low[i] <= state.high[j]:
        found.append((FAR, FAR, True))
    return found
