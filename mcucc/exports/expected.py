"""What the example of an export prints: the outputs of the reference in Python, in its words.

An engineer compares the first lines of a board with these; Zephyr's twister does so by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
)
from mcucc.base.names import string
from mcucc.codegen.answers import SHIFT, Real
from mcucc.codegen.model import ModelCode
from mcucc.images.camera import CameraInput
from mcucc.ir.integer import Activation, IntegerGraph
from mcucc.ops.common.detection import FULL_SCORE, SUBPIXELS
from mcucc.ops.common.record import Found, points_of_bytes

Values = npt.NDArray[Any]


def printed_lines(
    code: ModelCode,
    graph: IntegerGraph,
    cameras: Mapping[str, CameraInput],
    answers: Sequence[Answer],
) -> tuple[str, ...]:
    """The lines that `first_run` prints: all outputs of a picture of noise, then what they say."""
    inputs = {}
    for index, name in enumerate(graph.inputs):
        a = graph.activations[name]
        shape = (1, a.height, a.width, a.channels)
        picture = noise(index, a.height, a.width * a.channels).reshape(shape)
        if name in cameras:
            inputs[name] = cameras[name].apply(picture)
        else:
            inputs[name] = (
                picture.view(np.int8) if a.dtype.itemsize == 1 else np.zeros(shape, a.dtype)
            )
    values = graph.run(inputs)
    lines = []
    names = {end.identifier: name for end, name in zip(code.outputs, graph.outputs, strict=True)}
    for end in (*code.handed_out, *code.printed):  # rows come before the run ends
        numbers = (str(value) for value in values[names[end.identifier]].reshape(-1))
        lines.append(f"{end.identifier}: {' '.join(numbers)}")
    gone = {names[end.identifier] for end in code.handed_out}
    spoken = [
        answer
        for answer in answers
        if not isinstance(answer, EmbeddingAnswer) and answer.output not in gone
    ]
    for answer, answer_code in zip(spoken, code.answers, strict=True):
        lines += said(
            answer,
            answer_code.output.end,
            values[answer.output],
            graph.activations[answer.output],
        )
    return tuple(lines)


def noise(index: int, height: int, row_bytes: int) -> npt.NDArray[np.uint8]:
    """The picture of input `index`, (height, row_bytes), as `noise` of the example makes it."""
    state = np.arange(height, dtype=np.uint32) + np.uint32(index << 16)
    rows = np.empty((height, row_bytes), np.uint8)
    for column in range(row_bytes):
        state = state * np.uint32(1664525) + np.uint32(1013904223)
        rows[:, column] = state >> 24
    return rows


def said(answer: Answer, end: str, raw: Values, a: Activation) -> Iterator[str]:
    """What the example prints of an answer: integers, cut towards zero as C does."""
    if isinstance(answer, BoxesAnswer):
        yield from _boxes(answer, end, Found.of_bytes(raw.reshape(-1), answer.points))
    elif isinstance(answer, ClassesAnswer):
        best = answer.read(a.real(raw)).best
        name = "no class is sure" if best is None else _named(answer.classes, best, "class")
        unit = Real.of(a, FULL_SCORE)
        score = (unit.factor * (int(raw.max()) - unit.zero_point) + (1 << SHIFT - 1)) >> SHIFT
        yield f"{end}: {name}, score per mille {_mille(score)}"
    elif isinstance(answer, MaskAnswer):
        others = np.count_nonzero(answer.read(a.real(raw)[0]))
        yield f"{end}: pixels of other classes than the first {others}"
    elif isinstance(answer, KeypointsAnswer):
        points = points_of_bytes(raw.reshape(-1)).astype(np.int64)
        sure = np.count_nonzero(points[:, 2] >= answer.threshold * FULL_SCORE)
        yield f"{end}: sure points {sure}"
        for index, (x, y, score) in enumerate(points.tolist()):
            name = _named(answer.names, index, "point")
            yield f"  {name}, score per mille {_mille(score)}, pixel {_pixel(x)} {_pixel(y)}"


def _boxes(answer: BoxesAnswer, end: str, found: Found) -> Iterator[str]:
    yield f"{end}: boxes {len(found.kinds)}"
    for corners, score, kind, points in zip(
        found.corners, found.scores, found.kinds, found.points, strict=True
    ):
        left, top, right, bottom = (_pixel(side) for side in corners)
        name = _named(answer.classes, int(kind), "class")
        place = f"pixels {left} {top} to {right} {bottom}"
        yield f"  {name}, score per mille {_mille(int(score))}, {place}"
        for x, y, _ in points:
            yield f"    point {_pixel(x)} {_pixel(y)}"


def _named(names: Sequence[str], index: int, otherwise: str) -> str:
    return string(names[index]).replace('\\"', '"') if names else f"{otherwise} {index}"


def _mille(score: int) -> int:
    return score * 1000 // FULL_SCORE


def _pixel(place: float) -> int:
    return int(place / SUBPIXELS)
