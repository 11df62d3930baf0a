"""The labels of a compiled folder's pictures, and how right its answers are by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mcucc.answers.answer import (
    Answer,
    BoxesAnswer,
    ClassesAnswer,
    EmbeddingAnswer,
    KeypointsAnswer,
    MaskAnswer,
)
from mcucc.base.progress import Progress
from mcucc.driver.folder import CompiledFolder
from mcucc.errors import DataError
from mcucc.evaluate.group_columns import Columns
from mcucc.evaluate.judge import Judged, Network, judge
from mcucc.evaluate.tasks.coco import MISSING, available
from mcucc.evaluate.tasks.task import Case
from mcucc.evaluate.ways import Way
from mcucc.images.labels import Labels
from mcucc.images.labels_find import HINT, find_labels, holds_masks
from mcucc.images.placement import Placement
from mcucc.images.samples import Picture, Sample

PLACED = BoxesAnswer | KeypointsAnswer | MaskAnswer  # labelled by files beside the pictures


@dataclass(frozen=True, eq=False)
class Labelled:
    """Labels of boxes and points, and of masks, as far as there are any."""

    boxes: Labels | None = None
    masks: Labels | None = None

    def of(self, answer: Answer) -> Labels | None:
        """With the answer's classes or points."""
        if isinstance(answer, MaskAnswer):
            return self.masks
        if self.boxes is None:
            return None
        if isinstance(answer, KeypointsAnswer):
            return self.boxes.of_points(answer.names)
        if isinstance(answer, BoxesAnswer):
            named = self.boxes.of_points(answer.point_names) if answer.points else self.boxes
            return named.of_classes(answer.classes) if answer.classes else named
        return None


def labels_for(
    compiled: CompiledFolder, samples: Sequence[Sample], data: Path, given: Sequence[Path]
) -> Labelled:
    """The labels beside pictures or the `given` ones, as far as the folder's answers need them.

    DataError for labels that are broken, or that nothing of this network can be compared with.
    """
    names = [sample.name for sample in samples]
    placed = any(isinstance(answer, BoxesAnswer | KeypointsAnswer) for answer in compiled.answers)
    masked = any(isinstance(answer, MaskAnswer) for answer in compiled.answers)
    own: dict[bool, Path] = {}
    for path in given:
        masks = holds_masks(path, names)
        if not (masked if masks else placed):
            what = "masks" if masks else "boxes or points"
            raise DataError(
                f"the folder has no answers that labels of {what} say anything of",
                where=str(path),
                hint="[output] of the model's TOML says what its outputs mean (docs/answers.md)",
            )
        if masks in own:
            raise DataError("two labels of the same pictures", where=str(path), hint=HINT)
        own[masks] = path
    beside = data.is_dir()
    return Labelled(
        find_labels(data, names, own.get(False)) if placed and (beside or own) else None,
        find_labels(data, names, own.get(True), masks=True) if masked and (beside or own) else None,
    )


def judged(
    compiled: CompiledFolder,
    samples: Sequence[Sample],
    labels: Labelled,
    ways: Sequence[Way],
    class_names: Sequence[str],
    note: str,
    columns: Columns,
    progress: Progress,
) -> tuple[Judged, ...]:
    """Every answer, of every way; a classifier without [output] by `class_names` of the data.

    `note` is what `relabelled` says, `columns` put pictures into groups.
    """
    answers: Sequence[Answer] = compiled.answers
    implied = not answers and bool(compiled.scores)
    if implied:
        name = compiled.scores[0]
        answers = [ClassesAnswer(name, (name,), tuple(class_names), 0.0)]
    network = Network(compiled.graph, compiled.integer)
    found = []
    for answer in answers:
        own = labels.of(answer)
        cases = [_case(compiled, sample, own) for sample in samples]
        notes = (*_notes(answer, own, cases, note), *columns.notes)
        made = judge(
            network,
            answer,
            cases,
            ways,
            notes,
            columns=columns.values,
            implied=implied,
            progress=progress,
        )
        found.append(made)
    return tuple(found)


def _case(compiled: CompiledFolder, sample: Sample, labels: Labels | None) -> Case:
    if isinstance(sample, Picture):
        placement = sample.placement
    else:
        first = compiled.integer.activations[compiled.integer.inputs[0]]
        placement = Placement.same((first.height, first.width))
    truth = None if labels is None else labels.of(sample.name)
    if truth is not None:
        height, width = placement.picture
        truth = truth.on(width, height, sample.name, str(labels.path) if labels else "")
    return Case(sample.name, placement, truth, sample.label)


def _notes(
    answer: Answer, labels: Labels | None, cases: Sequence[Case], note: str
) -> tuple[str, ...]:
    """Where the labels are from, and what a reader of the figures must know."""
    if isinstance(answer, ClassesAnswer | EmbeddingAnswer):
        return (note,) if note else ()
    if labels is None:
        return (f"no labels: {HINT}",)
    told = sum(case.truth is not None for case in cases)
    notes = [f"{labels.form}, {labels.path}: {told} of {len(cases)} pictures", *labels.notes]
    if isinstance(answer, BoxesAnswer | KeypointsAnswer) and not available():
        notes.append(MISSING)
    return tuple(notes)


def relabelled(
    samples: Sequence[Sample], class_names: Sequence[str], answers: Sequence[Answer]
) -> tuple[tuple[Sample, ...], str]:
    """With labels by the names of class folders where [output.classes] has all of these names.

    And a note that says whether they go by name or by order, "" where there is nothing to say.
    """
    known = next((a.classes for a in answers if isinstance(a, ClassesAnswer) and a.classes), ())
    if not known or not class_names:
        return tuple(samples), ""
    place = {name.casefold(): i for i, name in enumerate(known)}
    order = [place.get(name.casefold()) for name in class_names]
    if any(i is None for i in order):
        return tuple(samples), "classes of the folders by order: their names are others"
    moved = [
        sample
        if sample.label is None or not isinstance(sample, Picture)
        else replace(sample, label=order[sample.label])
        for sample in samples
    ]
    return tuple(moved), "classes of the folders by name"
