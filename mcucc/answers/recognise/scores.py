"""Which columns of a decoded output are scores, and of which channels of the heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from mcucc.answers.recognise.rows import Indices, NotRowsError, Table, random_heads
from mcucc.answers.recognise.tail import FloatArray
from mcucc.ops.common.detection import Curve

SCORE_TOLERANCE = 1e-4
SAMPLED = 64  # candidates that are looked at before all are
SIDES_OF_BOX = 4
MOST_COLUMNS = 1 << 10


class Scoring(StrEnum):
    """How the file makes probabilities of the numbers of a head."""

    SIGMOID = "sigmoid"
    SOFTMAX = "softmax"  # over all classes of a candidate
    IDENTITY = "identity"


@dataclass(frozen=True)
class Part:
    """The channels of an anchor that a kind of numbers has: `count` from `first` of a role."""

    role: int
    first: int
    count: int


@dataclass(frozen=True)
class Layout:
    """What the columns of the table are, and which channels they follow from.

    `product`: scores are multiplied by the sigmoid of `objectness`, which then has no column of
    its own.
    """

    boxes: Part
    scores: Part
    objectness: Part | None
    scoring: Scoring
    product: bool
    box_columns: tuple[int, ...]
    score_columns: tuple[int, ...]

    @property
    def bins(self) -> int:
        """Channels of a side of the box."""
        return self.boxes.count // SIDES_OF_BOX


def scores_of(numbers: FloatArray, scoring: Scoring) -> FloatArray:
    """Probabilities of the numbers (candidates, classes) of a head."""
    if scoring is Scoring.IDENTITY:
        return numbers
    if scoring is Scoring.SIGMOID:
        return Curve.SIGMOID.of(numbers)
    powers = np.exp(numbers - numbers.max(axis=1, keepdims=True))
    made: FloatArray = powers / powers.sum(axis=1, keepdims=True)
    return made


def layout_of(table: Table) -> Layout:
    """The layout of a table; NotRowsError where its scores, or its four box numbers, are none."""
    heads = random_heads(table.tail, 4)
    search = _Search(table.compute(heads), [table.gather(heads, r) for r in range(_roles(table))])
    return search.softmax() or search.sigmoids()


def _roles(table: Table) -> int:
    return len(table.roles)


def joined_layout(table: Table, box_columns: Sequence[int], score_columns: Sequence[int]) -> Layout:
    """The layout of outputs that join raw boxes and the scores of known columns.

    Boxes are the numbers of their heads, unchanged; NotRowsError where they are not.
    """
    heads = random_heads(table.tail, 4)
    columns = table.compute(heads)
    roles = [table.gather(heads, role) for role in range(_roles(table))]
    boxes, scores = columns[:, list(box_columns)], columns[:, list(score_columns)]
    box_part = _part(roles, boxes, Scoring.IDENTITY)
    parts = [(_part(roles, scores, scoring), scoring) for scoring in Scoring]
    found = [(part, scoring) for part, scoring in parts if part is not None]
    if box_part is None or not found:
        raise NotRowsError("its boxes and scores are not the numbers of the heads, joined")
    part, scoring = found[0]
    return Layout(box_part, part, None, scoring, False, tuple(box_columns), tuple(score_columns))


def _part(roles: list[FloatArray], columns: FloatArray, scoring: Scoring) -> Part | None:
    """The channels of a role that columns are."""
    count = columns.shape[1]
    for role, numbers in enumerate(roles):
        for first in range(numbers.shape[1] - count + 1):
            if _same(scores_of(numbers[:, first : first + count], scoring), columns):
                return Part(role, first, count)
    return None


class _Search:
    """The columns of one table for random numbers, and what the heads have for each candidate."""

    def __init__(self, columns: FloatArray, roles: list[FloatArray]) -> None:
        if columns.shape[1] > MOST_COLUMNS:
            raise NotRowsError(f"{columns.shape[1]} numbers a candidate")
        self.columns, self.roles = columns, roles
        step = max(len(columns) // SAMPLED, 1)
        self.some: Indices = np.arange(0, len(columns), step)

    def softmax(self) -> Layout | None:
        """Neighbouring columns that are a softmax over all channels of a role from one on."""
        for role, numbers in enumerate(self.roles):
            for first in range(numbers.shape[1] - 1):
                count = numbers.shape[1] - first
                part = Part(role, first, count)
                few = scores_of(numbers[self.some, first:], Scoring.SOFTMAX)
                for column in range(self.columns.shape[1] - count + 1):
                    columns = self.columns[:, column : column + count]
                    if not _same(columns[self.some], few):
                        continue
                    if _same(columns, scores_of(numbers[:, first:], Scoring.SOFTMAX)):
                        scored = tuple(range(column, column + count))
                        return self._layout(part, None, scored, Scoring.SOFTMAX)
        return None

    def sigmoids(self) -> Layout:
        """Columns that are sigmoids of a channel each, or the product of two."""
        channels = [(r, k) for r, n in enumerate(self.roles) for k in range(n.shape[1])]
        table = np.concatenate(self.roles, axis=1)
        curves = Curve.SIGMOID.of(table)
        plain = self._matches(curves)
        if plain:
            return self._of_matches({j: channels[k] for j, k in plain.items()}, None)
        few = curves[self.some]
        ends = [self.columns[self.some, j : j + 1] for j in (0, self.columns.shape[1] - 1)]
        for number, channel in enumerate(channels):
            # Scores stand at either end: few channels are worth a look at all columns.
            trial = few * few[:, number : number + 1]
            near = min(float(np.abs(trial - end).max(axis=0).min()) for end in ends)
            if near > SCORE_TOLERANCE:
                continue
            product = self._matches(curves * curves[:, number : number + 1])
            product = {j: k for j, k in product.items() if k != number}
            if product:
                return self._of_matches({j: channels[k] for j, k in product.items()}, channel)
        raise NotRowsError("no column is a score (sigmoid, softmax, or a product of two sigmoids)")

    def _matches(self, curves: FloatArray) -> dict[int, int]:
        """Which column of `curves` each column of the table is."""
        found = {}
        for j in range(self.columns.shape[1]):
            near = np.abs(curves[self.some] - self.columns[self.some, j : j + 1]).max(axis=0)
            k = int(np.argmin(near))
            if near[k] <= SCORE_TOLERANCE and _same(self.columns[:, j], curves[:, k]):
                found[j] = k
        return found

    def _of_matches(
        self, matches: dict[int, tuple[int, int]], objectness: tuple[int, int] | None
    ) -> Layout:
        columns = tuple(sorted(matches))
        places = [matches[j] for j in columns]
        product = Part(*objectness, 1) if objectness else None
        own = None
        if objectness is None and len(places) > 1 and places[1][0] != places[0][0]:
            own, places, columns = Part(*places[0], 1), places[1:], columns[1:]
        role, first = places[0]
        if places != [(role, first + i) for i in range(len(places))]:
            raise NotRowsError("its scores are not in the order of a head's channels")
        scores = Part(role, first, len(places))
        return self._layout(scores, product or own, columns, product=product is not None)

    def _layout(
        self,
        scores: Part,
        objectness: Part | None,
        columns: tuple[int, ...],
        scoring: Scoring = Scoring.SIGMOID,
        *,
        product: bool = False,
    ) -> Layout:
        scored = set(columns)
        if objectness is not None and not product:
            scored.add(columns[0] - 1)
        left = tuple(j for j in range(self.columns.shape[1]) if j not in scored)
        if len(left) != SIDES_OF_BOX:
            raise NotRowsError(f"{len(left)} columns are no scores: a box has four")
        used = {(p.role, p.first + i) for p in (scores, objectness) if p for i in range(p.count)}
        free = [
            (r, k)
            for r, n in enumerate(self.roles)
            for k in range(n.shape[1])
            if (r, k) not in used
        ]
        if not free or len(free) % SIDES_OF_BOX:
            raise NotRowsError(f"{len(free)} channels an anchor are no numbers of four sides")
        role, first = free[0]
        if free != [(role, first + i) for i in range(len(free))]:
            raise NotRowsError("the channels of a box do not lie together")
        boxes = Part(role, first, len(free))
        return Layout(boxes, scores, objectness, scoring, product, left, columns)


def _same(a: FloatArray, b: FloatArray) -> bool:
    return bool((np.abs(a - b) <= SCORE_TOLERANCE).all())
