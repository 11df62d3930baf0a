"""How right every way's answers are, by the labels, and how they differ from each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.answers.answer import Answer, BoxesAnswer, KeypointsAnswer, MaskAnswer
from mcucc.answers.decode import decode
from mcucc.base.progress import Progress, silent
from mcucc.evaluate.judged_groups import GroupTable, group_tables
from mcucc.evaluate.tasks.choose import task_of
from mcucc.evaluate.tasks.task import Case, Difference, Score, Task, Wrong
from mcucc.evaluate.ways import Values, Way
from mcucc.ir.graph import Graph
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.window import hwc
from mcucc.ops.arg_max import index_entries

Array = npt.NDArray[Any]
DECODED = "decoded"  # the way: int8 heads, decoded in float
INT8, FLOAT = "quantized", "float"
WORST = 8  # pictures named


@dataclass(frozen=True)
class Worst:
    """A picture whose int8 answer is wrong, and what float says of it (None: no float)."""

    index: int
    name: str
    int8: Wrong
    floats: Wrong | None

    def to_dict(self) -> dict[str, Any]:
        """For --json."""
        floats = None if self.floats is None else vars(self.floats)
        return {"picture": self.name, "int8": vars(self.int8), "float": floats}


@dataclass(frozen=True, eq=False)
class Judged:
    """One output's answers.

    `scores` are by way, empty without labels. `parts` are what each way said of each picture, which
    `task` scores for any group of them. `implied`: no [output] says so, it looks like a classifier.
    `groups` are of pictures that labels.csv tells apart.
    """

    task: Task[Any]
    cases: tuple[Case, ...]
    notes: tuple[str, ...]
    scores: Mapping[str, Score]
    parts: Mapping[str, Sequence[Any]]
    differences: Mapping[str, Difference] = field(default_factory=dict)
    worst: tuple[Worst, ...] = ()
    implied: bool = False
    groups: tuple[GroupTable, ...] = ()

    @property
    def answer(self) -> Answer:
        """What the output says."""
        return self.task.answer

    @property
    def kind(self) -> str:
        """The table of [output]."""
        return type(self.answer).__name__.removesuffix("Answer").lower()

    def to_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "output": self.answer.output,
            "task": self.kind,
            "measured": self.task.title,
            "notes": list(self.notes),
            "ways": {way: score.to_dict() for way, score in self.scores.items()},
            "differences": {
                name: {"words": made.words, **made.figures}
                for name, made in self.differences.items()
            },
            "worst": [picture.to_dict() for picture in self.worst],
            **({"groups": [table.to_dict() for table in self.groups]} if self.groups else {}),
        }


@dataclass(frozen=True, eq=False)
class Network:
    """The graph that ends in answers, of floats and of integers."""

    graph: Graph
    integer: IntegerGraph


def judge(
    network: Network,
    answer: Answer,
    cases: Sequence[Case],
    ways: Sequence[Way],
    notes: Sequence[str] = (),
    *,
    columns: Mapping[str, Sequence[str]] = MappingProxyType({}),
    implied: bool = False,
    progress: Progress = silent,
) -> Judged:
    """One output, of every way that has it or its heads; `cases` are the pictures in order.

    `columns` put each picture into groups.
    """
    truths = [case.truth for case in cases if case.truth is not None]
    task = task_of(_named(network, answer), truths)
    parts: dict[str, Sequence[Any]] = {}
    scores: dict[str, Score] = {}
    labelled = False
    for way, values in _values(network, answer, ways, progress):
        parts[way] = [task.part(value, case) for value, case in zip(values, cases, strict=True)]
        twin = _twin(answer, ways, way)
        scores[way] = scores[twin] if twin in scores else task.score(parts[way])
        labelled = labelled or scores[way].pictures > 0
    return Judged(
        task,
        tuple(cases),
        tuple(notes),
        scores if labelled else {},
        parts,
        _differences(task, parts),
        _worst(task, cases, parts),
        implied,
        group_tables(task, parts, (FLOAT, INT8), columns),
    )


def _named(network: Network, answer: Answer) -> Answer:
    """With a name for each class of a mask that has more than it and what is not it."""
    if not isinstance(answer, MaskAnswer) or answer.classes:
        return answer
    count = index_entries(network.integer, answer.output) or 2
    return answer if count <= 2 else replace(answer, classes=tuple(map(str, range(count))))


def real_values(integer: IntegerGraph, answer: Answer, values: Array) -> Array:
    """What `answer.read` takes of an int8 output: records as they are, anything else as reals."""
    if isinstance(answer, BoxesAnswer | KeypointsAnswer):
        return values
    real: Array = integer.activations[answer.output].real(values)
    return real


def _values(
    network: Network, answer: Answer, ways: Sequence[Way], progress: Progress
) -> list[tuple[str, Sequence[Array]]]:
    """Of each way that has values: the output of every picture, as `answer.read` takes it."""
    found: list[tuple[str, Sequence[Array]]] = []
    for way in ways:
        if way.values is None:
            continue
        decoded = answer.output not in way.values or not way.integer
        if not decoded:
            if way.name == INT8 and answer.output not in answer.heads and _has(way, answer):
                found.append((DECODED, _decoded(network, answer, way, progress)))
            own = real_values(network.integer, answer, way.values[answer.output])
            found.append((way.name, list(own)))
        elif _has(way, answer):
            found.append((way.name, _decoded(network, answer, way, progress)))
    return found


def _twin(answer: Answer, ways: Sequence[Way], name: str) -> str:
    """The integer way whose output has the same bytes: it need not be scored again."""
    by_name = {way.name: way.values for way in ways if way.integer and way.values is not None}
    one, other = by_name.get(name, {}), by_name.get(INT8, {})
    if name == INT8 or answer.output not in one or answer.output not in other:
        return ""
    return INT8 if np.array_equal(one[answer.output], other[answer.output]) else ""


def _has(way: Way, answer: Answer) -> bool:
    return way.values is not None and all(head in way.values for head in answer.heads)


def _decoded(network: Network, answer: Answer, way: Way, progress: Progress) -> Sequence[Array]:
    """The float decode of a way's heads, picture by picture."""
    assert way.values is not None
    heads = {name: _real(network.integer, way.values, name, way.integer) for name in answer.heads}
    count = len(next(iter(heads.values())))
    made = []
    for i in range(count):
        progress("decoding in float", i, count)
        own = {name: values[i] for name, values in heads.items()}
        values = decode(network.graph, [answer], own)[answer.output]
        made.append(values.reshape(hwc(network.graph.tensors[answer.output].shape)))
    return made


def _real(integer: IntegerGraph, values: Values, name: str, whole: bool) -> Array:
    own: Array = values[name]
    return integer.activations[name].real(own) if whole else own


def _differences(task: Task[Any], parts: Mapping[str, Sequence[Any]]) -> dict[str, Difference]:
    """What int8 loses of the float network's answers, and what integers do to the decode."""
    made = {}
    for name in (FLOAT, DECODED):
        if name in parts and INT8 in parts:
            made[name] = task.difference(parts[name], parts[INT8])
    return made


def _worst(
    task: Task[Any], cases: Sequence[Case], parts: Mapping[str, Sequence[Any]]
) -> tuple[Worst, ...]:
    """The pictures whose int8 answers are most wrong, those first that float has righter."""
    found = []
    for i, part in enumerate(parts.get(INT8, ())):
        wrong = task.wrong(part)
        if wrong is None or wrong.loss <= 0:
            continue
        floats = task.wrong(parts[FLOAT][i]) if FLOAT in parts else None
        found.append(Worst(i, cases[i].name, wrong, floats))
    found.sort(key=lambda w: (-w.int8.loss, 0.0 if w.floats is None else w.floats.loss))
    return tuple(found[:WORST])
