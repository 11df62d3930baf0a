"""Classes: top-1 and top-5, what is taken for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.answers.answer import ClassesAnswer, Scores
from mcucc.evaluate.tasks.task import (
    Array,
    Case,
    ClassRow,
    Confusion,
    Difference,
    Measure,
    Score,
    Wrong,
    share,
)

NONE = "none"
TOP = 5


@dataclass(frozen=True)
class ClassesPart:
    """Of a picture: its class, None without a label, and what was found."""

    label: int | None
    found: Scores

    @property
    def first(self) -> int:
        """The largest score, the first of equals."""
        return int(np.argmax(self.found.scores))


@dataclass(frozen=True)
class ClassesTask:
    """Judges one class a picture."""

    answer: ClassesAnswer

    @property
    def title(self) -> str:
        """What counts as right."""
        threshold = self.answer.threshold
        none = f"; a best score below {threshold:g} is none" if threshold > 0 else ""
        return f"the class with the largest score{none}"

    def part(self, values: Array, case: Case) -> ClassesPart:
        """The scores, and the label of the data."""
        return ClassesPart(None if self.answer.several else case.label, self.answer.read(values))

    def score(self, parts: Sequence[ClassesPart]) -> Score:
        """Over pictures with a label."""
        told = [(part.label, part) for part in parts if part.label is not None]
        if not told:
            return Score(0, ())
        count = len(told[0][1].found.scores)
        names = self._names(count)
        table = np.zeros((count, count + 1), np.int64)
        for label, part in told:
            best = part.found.best
            table[label, count if best is None else best] += 1
        right = sum(part.first == label for label, part in told)
        measures = [share("top1", "top-1", right, len(told))]
        if count > TOP:
            among = sum(label in _best(part.found.scores, TOP) for label, part in told)
            measures.append(share("top5", "top-5", among, len(told)))
        rows = tuple(_row(name, i, table) for i, name in enumerate(names))
        recalls = [m.value for row in rows for m in row.measures[:1] if m.value is not None]
        measures.append(Measure("balanced", "mean of the classes", float(np.mean(recalls))))
        none = bool(table[:, count].any())
        shown = table if none else table[:, :count]
        columns = (*names, NONE) if none else names
        counts = tuple(map(tuple, shown.tolist()))
        return Score(
            len(told), tuple(measures), rows, Confusion(names, columns, counts, "pictures")
        )

    def wrong(self, part: ClassesPart) -> Wrong | None:
        """How much surer another class is than the right one."""
        if part.label is None:
            return None
        scores, best = part.found.scores, part.found.best
        names = self._names(len(scores))
        if best == part.label:
            return Wrong(0.0, f"{names[best]}, {scores[best]:.2f}")
        taken = NONE if best is None else f"{names[best]}, {scores[best]:.2f}"
        gap = scores[part.first] - scores[part.label]
        return Wrong(1.0 + gap, f"{names[part.label]} taken for {taken}")

    def difference(self, one: Sequence[ClassesPart], other: Sequence[ClassesPart]) -> Difference:
        """Pictures whose class is another."""
        differ = sum(a.found.best != b.found.best for a, b in zip(one, other, strict=True))
        words = f"{differ} of {len(one)} pictures have another class"
        return Difference(words, {"pictures": len(one), "pictures_differ": differ})

    def _names(self, count: int) -> tuple[str, ...]:
        own = self.answer.classes
        return own if len(own) == count else tuple(map(str, range(count)))


def _best(scores: Sequence[float], count: int) -> set[int]:
    return set(np.argsort(-np.array(scores), kind="stable")[:count].tolist())


def _row(name: str, kind: int, table: npt.NDArray[np.int64]) -> ClassRow:
    right, true = int(table[kind, kind]), int(table[kind].sum())
    measures = (
        share("recall", "found of true", right, true),
        share("precision", "right of found", right, int(table[:, kind].sum())),
    )
    return ClassRow(name, true, measures)
