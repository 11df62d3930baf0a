"""What judges the answers of a task: of each picture a part, of any pictures' parts a score.

A part holds what was found and what is true in pixels of the picture, so that a group of pictures,
or all of them, is scored alike: `score` of their parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy.typing as npt

from mcucc.answers.answer import Answer
from mcucc.evaluate.intervals import wilson
from mcucc.images.labels import Truth
from mcucc.images.placement import Placement

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Measure:
    """One figure, a share unless `unit` says otherwise; None where there is nothing to measure.

    Where it is `hits` of `count` independent cases it has an interval. `lost` says that less is
    better.
    """

    key: str
    title: str
    value: float | None
    hits: int | None = None
    count: int | None = None
    unit: str = ""
    lost: bool = False

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % confidence (Wilson)."""
        if self.hits is None or not self.count:
            return None
        return wilson(self.hits, self.count)

    def to_dict(self) -> dict[str, Any]:
        """For --json."""
        some = {} if self.count is None else {"hits": self.hits, "count": self.count}
        between = {} if self.interval is None else {"interval": list(self.interval)}
        return {"value": self.value, **some, **between}


def share(key: str, title: str, hits: int, count: int) -> Measure:
    """Of independent cases."""
    return Measure(key, title, hits / count if count else None, hits, count)


@dataclass(frozen=True)
class ClassRow:
    """A class: how often it is true, and its measures."""

    name: str
    count: int
    measures: tuple[Measure, ...]

    def to_dict(self) -> dict[str, Any]:
        """For --json."""
        own = {measure.key: measure.to_dict() for measure in self.measures}
        return {"class": self.name, "count": self.count, **own}


@dataclass(frozen=True)
class Confusion:
    """How often what is true (rows) was taken for what (columns); `unit` is what is counted."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    unit: str

    def to_dict(self) -> dict[str, Any]:
        """For --json: what is true, what was found, how often, where that is ever."""
        cells = [
            [true, found, count]
            for true, row in zip(self.rows, self.counts, strict=True)
            for found, count in zip(self.columns, row, strict=True)
            if count
        ]
        return {"unit": self.unit, "cells": cells}


@dataclass(frozen=True)
class Score:
    """Of some pictures: `pictures` with labels; the measures, the most telling first."""

    pictures: int
    measures: tuple[Measure, ...]
    classes: tuple[ClassRow, ...] = ()
    confusion: Confusion | None = None

    def to_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "pictures": self.pictures,
            **{measure.key: measure.to_dict() for measure in self.measures},
            "classes": [row.to_dict() for row in self.classes],
            **({} if self.confusion is None else {"confusion": self.confusion.to_dict()}),
        }


@dataclass(frozen=True)
class Wrong:
    """How much of a picture's answer is wrong (0: nothing), and in words what."""

    loss: float
    words: str


@dataclass(frozen=True)
class Difference:
    """How the answers of two ways differ: in words, and as figures by name."""

    words: str
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A picture: how it lies in the input, and what is on it, None where nobody said."""

    name: str
    placement: Placement
    truth: Truth | None = None
    label: int | None = None


Part = TypeVar("Part")


class Task(Protocol[Part]):
    """Judges the answers of one output."""

    @property
    def answer(self) -> Answer:
        """What the output says."""

    @property
    def title(self) -> str:
        """What is measured, in words, with what the figures depend on."""

    def part(self, values: Array, case: Case) -> Part:
        """Of one picture's output: int8 records, their float form, or real values."""

    def score(self, parts: Sequence[Part]) -> Score:
        """Of any pictures."""

    def wrong(self, part: Part) -> Wrong | None:
        """Of one picture; None without labels."""

    def difference(self, one: Sequence[Part], other: Sequence[Part]) -> Difference:
        """Of the same pictures: float, then integers."""
