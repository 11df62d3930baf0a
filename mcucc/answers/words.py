"""Answers in words and as data for --json: in pixels of the picture, and of the input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.answers.answer import (
    Answer,
    BoxesAnswer,
    ClassesAnswer,
    EmbeddingAnswer,
    KeypointsAnswer,
    MaskAnswer,
    Scores,
)
from mcucc.answers.draw import Said, in_picture, name_of, shares_of
from mcucc.answers.records import Box, Point
from mcucc.images.placement import Placement
from mcucc.ir.integer import Activation

FEW = 3  # of a vector's numbers


def said_of(
    answers: Sequence[Answer],
    activations: Mapping[str, Activation],
    outputs: Mapping[str, npt.NDArray[Any]],
) -> tuple[Said, ...]:
    """What the integers of one picture's outputs (H, W, C) say."""
    found = []
    for answer in answers:
        values = outputs[answer.output]
        if not isinstance(answer, BoxesAnswer | KeypointsAnswer):  # those are records of bytes
            values = activations[answer.output].real(values)
        found.append(Said(answer, answer.read(values)))
    return tuple(found)


def lines_of(said: Said, placement: Placement, top: int) -> list[str]:
    """In words, a line each thing: a box, a point, a class; of classes the best `top`."""
    answer, value = said.answer, said.value
    if isinstance(answer, BoxesAnswer):
        boxes = [in_picture(placement, box) for box in _boxes(value)]
        lines = [line for box in boxes for line in _box_lines(answer, box)]
        return lines or [f"nothing of a score of {answer.threshold:g} or more"]
    if isinstance(answer, KeypointsAnswer):
        return [_point_line(answer, k, p, placement) for k, p in enumerate(_points(value))]
    if isinstance(answer, ClassesAnswer) and isinstance(value, Scores):
        best = _best(value)[:top]
        lines = [f"{name_of(answer.classes, k)} {value.scores[k]:.4f}" for k in best]
        return lines if _chosen(answer, value) else [_none(answer), *lines]
    assert isinstance(value, np.ndarray)
    if isinstance(answer, MaskAnswer):
        return [
            f"{name} {100 * share:.1f} %"
            for name, share in _shares(answer, value, placement).items()
        ]
    return [_vector(value)]


def brief(said: Said, placement: Placement) -> str:
    """In words on one line."""
    answer, value = said.answer, said.value
    if isinstance(answer, ClassesAnswer) and isinstance(value, Scores):
        chosen = _chosen(answer, value)
        return ", ".join(f"{name_of(answer.classes, k)} {value.scores[k]:.2f}" for k in chosen) or (
            _none(answer)
        )
    if isinstance(answer, BoxesAnswer) and not _boxes(value):
        return "nothing"
    if isinstance(answer, BoxesAnswer):
        return ", ".join(_box_lines(answer, in_picture(placement, box))[0] for box in _boxes(value))
    return ", ".join(lines_of(said, placement, FEW))


def to_dict(said: Said, placement: Placement) -> dict[str, Any]:
    """For --json."""
    answer, value = said.answer, said.value
    found: dict[str, Any] = {"output": answer.output, "task": task_of(answer)}
    if isinstance(answer, BoxesAnswer):
        return {**found, "boxes": [_box_dict(answer, box, placement) for box in _boxes(value)]}
    if isinstance(answer, KeypointsAnswer):
        points = enumerate(_points(value))
        names = answer.names
        return {**found, "points": [_point_dict(names, k, p, placement) for k, p in points]}
    if isinstance(answer, ClassesAnswer) and isinstance(value, Scores):
        scores = [
            {"class": k, "name": name_of(answer.classes, k), "score": value.scores[k]}
            for k in _best(value)
        ]
        return {**found, "classes": list(_chosen(answer, value)), "scores": scores}
    assert isinstance(value, np.ndarray)
    if isinstance(answer, MaskAnswer):
        return {**found, "shares": _shares(answer, value, placement), "mask": value.tolist()}
    return {**found, "vector": value.tolist()}


def task_of(answer: Answer) -> str:
    """The table of [output] that an answer is of."""
    tasks: dict[type[Any], str] = {
        BoxesAnswer: "boxes",
        KeypointsAnswer: "keypoints",
        ClassesAnswer: "classes",
        MaskAnswer: "mask",
        EmbeddingAnswer: "embedding",
    }
    return tasks[type(answer)]


def _boxes(value: Any) -> list[Box]:
    return [each for each in value if isinstance(each, Box)]


def _points(value: Any) -> list[Point]:
    return [each for each in value if isinstance(each, Point)]


def _best(value: Scores) -> list[int]:
    return sorted(range(len(value.scores)), key=lambda k: (-value.scores[k], k))


def _chosen(answer: ClassesAnswer, value: Scores) -> list[int]:
    """The class, or those of several that may be true; [] where none reaches the threshold."""
    if answer.several:
        return [k for k in _best(value) if value.scores[k] >= answer.threshold]
    return [] if value.best is None else [value.best]


def _none(answer: ClassesAnswer) -> str:
    return f"no class reaches {answer.threshold:g}"


def _box_lines(answer: BoxesAnswer, box: Box) -> list[str]:
    corners = ", ".join(f"{side:.1f}" for side in (box.left, box.top, box.right, box.bottom))
    lines = [f"{name_of(answer.classes, box.kind)} {box.score:.2f} ({corners})"]
    for number, point in enumerate(box.points):
        name = _point_name(answer.point_names, number)
        lines.append(f"  {name} ({point.x:.1f}, {point.y:.1f})")
    return lines


def _point_name(names: Sequence[str], number: int) -> str:
    return names[number] if number < len(names) else f"point {number}"


def _point_line(answer: KeypointsAnswer, number: int, point: Point, placement: Placement) -> str:
    x, y = placement.to_picture([point.x, point.y]).tolist()
    unsure = "" if point.score >= answer.threshold else f", below {answer.threshold:g}"
    name = _point_name(answer.names, number)
    return f"{name} {point.score:.2f} ({x:.1f}, {y:.1f}){unsure}"


def _shares(answer: MaskAnswer, mask: npt.NDArray[Any], placement: Placement) -> dict[str, float]:
    """Of the picture's area that the network saw, by class."""
    shares = shares_of(placement, mask)
    return {name_of(answer.classes, kind): part for kind, part in shares.items()}


def _vector(value: npt.NDArray[Any]) -> str:
    begin = ", ".join(f"{number:.3f}" for number in value.reshape(-1)[:FEW].tolist())
    return f"vector of {value.size}: {begin}{' ...' if value.size > FEW else ''}"


def _box_dict(answer: BoxesAnswer, box: Box, placement: Placement) -> dict[str, Any]:
    inside = in_picture(placement, box)
    return {
        "class": box.kind,
        "name": name_of(answer.classes, box.kind),
        "score": box.score,
        "picture": [inside.left, inside.top, inside.right, inside.bottom],
        "input": [box.left, box.top, box.right, box.bottom],
        "points": [
            _point_dict(answer.point_names, number, point, placement)
            for number, point in enumerate(box.points)
        ],
    }


def _point_dict(
    names: Sequence[str], number: int, point: Point, placement: Placement
) -> dict[str, Any]:
    return {
        "name": _point_name(names, number),
        "score": point.score,
        "picture": placement.to_picture([point.x, point.y]).tolist(),
        "input": [point.x, point.y],
    }
