"""Groups of pictures: how each does in float and in int8, so that one that int8 loses is seen.

As Wake Vision evaluates (arXiv:2405.00892): a network that is as good as before on all pictures
may be worse on those of one distance, light or age. A group is the pictures that have one value in
a column of labels.csv.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.evaluate.intervals import (
    RESAMPLES,
    Interval,
    Measure,
    Places,
    bootstrap_p,
    exact_mcnemar,
    holm,
    percentiles,
    resampled,
    wilson,
)

Truths = npt.NDArray[np.bool_]

LEVEL = 0.05  # a difference that is as likely by chance is no loss
MCNEMAR = "exact McNemar test"
BOOTSTRAP = "paired bootstrap"


@dataclass(frozen=True, eq=False)
class Rated:
    """How one way of computing did on the pictures.

    `correct` says it of each, where that can be said. `measure` is the figure of any pictures, also
    of repeated ones (F1, average precision); None: the share of `correct`. `interval` is its 95 %
    confidence where there is a formula; else it is bootstrapped.
    """

    correct: Truths | None = None
    measure: Measure | None = None
    interval: Callable[[Places], Interval | None] | None = None

    @property
    def is_drawn(self) -> bool:
        """Whether it needs resamples."""
        return self.measure is not None and self.interval is None

    def figure(self, places: Places) -> float | None:
        """Of the pictures at these places."""
        if self.measure is not None:
            return self.measure(places)
        assert self.correct is not None
        return float(self.correct[places].mean())


@dataclass(frozen=True)
class Figure:
    """A figure of one way on one group, and where it is with 95 % confidence; None: not defined."""

    value: float | None
    interval: Interval | None


@dataclass(frozen=True)
class GroupRow:
    """One group: the pictures whose `column` is `value` ("" and "": all of them).

    `figures` are by way, in the order given. `changed` counts the pictures that the first way
    (float) gets right and the second (int8) wrong, and the other way round. `p` is how likely the
    change is by chance, by `test`; `lost` says that it is for the worse and by more than chance
    explains, all groups read together.
    """

    column: str
    value: str
    count: int
    figures: Mapping[str, Figure]
    changed: tuple[int, int] | None = None
    p: float | None = None
    test: str = ""
    lost: bool = False

    def to_dict(self) -> dict[str, Any]:
        """For --json."""
        figures = {
            way: {"value": f.value, "interval": None if f.interval is None else list(f.interval)}
            for way, f in self.figures.items()
        }
        return {**vars(self), "figures": figures}


def group_rows(
    columns: Mapping[str, Sequence[str]],
    ways: Mapping[str, Rated],
    resamples: int = 0,
) -> tuple[GroupRow, ...]:
    """All pictures, then each value of each column; pictures without a value are in none.

    `columns` have a text for each picture. Of `ways` the first is compared with the second. Without
    `resamples` they are so many that a loss of one group can be told from chance.
    """
    count = len(next(iter(columns.values())))
    groups = sum(len(set(texts) - {""}) for texts in columns.values())
    resamples = resamples or max(RESAMPLES, ceil(3 * groups / LEVEL))
    rows = [_row("", "", np.arange(count), ways, resamples)]
    for column, texts in columns.items():
        if len(texts) != count:
            raise ValueError(f"{column} has {len(texts)} values for {count} pictures")
        cells = np.array(texts, dtype=object)
        for value in ordered(set(texts) - {""}):
            rows.append(_row(column, value, np.flatnonzero(cells == value), ways, resamples))
    # All pictures are one test; the groups are read together.
    together = [rows[0].p, *holm([row.p for row in rows[1:]])]
    return tuple(
        replace(row, lost=p is not None and p < LEVEL and _is_worse(row))
        for row, p in zip(rows, together, strict=True)
    )


def ordered(values: set[str]) -> list[str]:
    """Numbers, and what begins with one, by size; then words by the alphabet."""

    def key(value: str) -> tuple[int, float, str]:
        try:
            return (0, float(value.split()[0]), value)
        except ValueError:
            return (1, 0.0, value)

    return sorted(values, key=key)


def f1_of(truth: Truths, found: Truths) -> Rated:
    """F1 of the positive class, 2 TP / (2 TP + FP + FN); None where no picture is positive.

    It is 2 J / (1 + J) of the share J = TP / (TP + FP + FN), and so is its interval of J's
    (Wilson): a bootstrap would say 100 % to 100 % where eight of eight are right.
    """

    def counts(places: Places) -> tuple[int, int]:
        t, f = truth[places], found[places]
        return int((t & f).sum()), int((t | f).sum())

    def measure(places: Places) -> float | None:
        both, either = counts(places)
        return 2 * both / (both + either) if truth[places].any() else None

    def interval(places: Places) -> Interval | None:
        if not truth[places].any():
            return None
        low, high = wilson(*counts(places))
        return 2 * low / (1 + low), 2 * high / (1 + high)

    return Rated(truth == found, measure, interval)


def _row(
    column: str, value: str, places: Places, ways: Mapping[str, Rated], resamples: int
) -> GroupRow:
    drawn = any(rated.is_drawn for rated in ways.values())
    redrawn = resampled(places, resamples) if drawn else []  # the same ones for every way
    samples = {
        name: [rated.figure(each) for each in redrawn] if rated.is_drawn else []
        for name, rated in ways.items()
    }
    figures = {name: _figure(rated, places, samples[name]) for name, rated in ways.items()}
    row = GroupRow(column, value, len(places), figures)
    if len(ways) < 2:
        return row
    (first, one), (second, other) = list(ways.items())[:2]
    if one.correct is not None and other.correct is not None:
        before, after = one.correct[places], other.correct[places]
        changed = int((before & ~after).sum()), int((~before & after).sum())
        return replace(row, changed=changed, p=exact_mcnemar(*changed), test=MCNEMAR)
    pairs = zip(samples[first], samples[second], strict=True)
    gaps = [b - a for a, b in pairs if a is not None and b is not None]
    return replace(row, p=bootstrap_p(gaps), test=BOOTSTRAP) if gaps else row


def _figure(rated: Rated, places: Places, samples: Sequence[float | None]) -> Figure:
    value = rated.figure(places)
    if rated.measure is None and rated.correct is not None:
        return Figure(value, wilson(int(rated.correct[places].sum()), len(places)))
    if rated.interval is not None:
        return Figure(value, rated.interval(places))
    known = [each for each in samples if each is not None]
    low, high = percentiles(known) if known and value is not None else (0.0, 0.0)
    return Figure(value, (low, high) if low < high else None)  # one value says no interval


def _is_worse(row: GroupRow) -> bool:
    if row.changed is not None:
        return row.changed[0] > row.changed[1]
    before, after = [figure.value for figure in row.figures.values()][:2]
    return before is not None and after is not None and after < before
