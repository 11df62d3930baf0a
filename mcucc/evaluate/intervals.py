"""How sure a figure of some pictures is: 95 % confidence intervals, and tests of a difference.

Whatever is drawn at random is drawn by a fixed seed: the same pictures give the same figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import comb, sqrt

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.intp]
Measure = Callable[[Places], float | None]  # a figure of the pictures at these places
Interval = tuple[float, float]

Z = 1.959963984540054  # of the normal distribution: 95 % lie within
RESAMPLES = 1000
TAIL = 2.5  # percent on each side


def wilson(hits: int, count: int) -> Interval:
    """Of a share, hits of count: Wilson's score interval (JASA 22, 1927).

    Right also for few pictures and for shares near 0 and 1, where hits +- z * sigma is not.
    """
    if not 0 <= hits <= count or count < 1:
        raise ValueError(f"{hits} of {count}")
    share, z2 = hits / count, Z * Z
    middle = share + z2 / (2 * count)
    half = Z * sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    whole = 1 + z2 / count
    low = 0.0 if hits == 0 else (middle - half) / whole
    return low, 1.0 if hits == count else (middle + half) / whole


def exact_mcnemar(lost: int, won: int) -> float:
    """How likely so uneven a change is by chance: the two-sided exact binomial test.

    `lost` pictures were right and are wrong now, `won` the other way; those that did not change
    say nothing (McNemar, Psychometrika 12, 1947). Under chance each goes either way alike.
    """
    count = lost + won
    tail = sum(comb(count, k) for k in range(min(lost, won) + 1))
    chance: float = 2 * tail / 2**count
    return min(1.0, chance)


def resampled(places: Places, count: int = RESAMPLES, seed: int = 0) -> list[Places]:
    """Bootstrap: as many pictures of the same, drawn with replacement, `count` times."""
    rng = np.random.default_rng(seed)
    return [places[rng.integers(0, len(places), len(places))] for _ in range(count)]


def percentiles(values: Sequence[float]) -> Interval:
    """Where the middle 95 % of bootstrapped figures lie."""
    low, high = np.percentile(np.asarray(values, np.float64), [TAIL, 100 - TAIL]).tolist()
    return low, high


def bootstrap_p(differences: Sequence[float]) -> float:
    """How likely a difference is none: twice the smaller share of resamples beyond 0.

    Never below 2 / (resamples + 1): no more can be known from so many.
    """
    found = np.asarray(differences, np.float64)
    least = min(int((found <= 0).sum()), int((found >= 0).sum()))
    return min(1.0, 2 * (least + 1) / (len(found) + 1))


def holm(values: Sequence[float | None]) -> list[float | None]:
    """p values as they are when so many tests are read together (Holm, 1979); None stays."""
    tested = sorted((p, k) for k, p in enumerate(values) if p is not None)
    made: list[float | None] = list(values)
    largest = 0.0
    for place, (p, k) in enumerate(tested):
        largest = max(largest, min(1.0, p * (len(tested) - place)))
        made[k] = largest
    return made
