"""Whether answers of a manifest are those of a network: nothing is read by sizes that are not."""

from __future__ import annotations

from collections.abc import Sequence

from mcucc.answers.answer import (
    Answer,
    BoxesAnswer,
    ClassesAnswer,
    KeypointsAnswer,
    MaskAnswer,
)
from mcucc.answers.check_spec import MOST_POINTS
from mcucc.base.typed import wrong
from mcucc.ir.graph import Graph
from mcucc.ir.window import hwc
from mcucc.ops.common.detection import POINT_BYTES
from mcucc.ops.common.record import record_bytes


def check_answers(graph: Graph, answers: Sequence[Answer]) -> None:
    """ValueError unless every answer is an output of `graph` of the size its words imply."""
    if len({answer.output for answer in answers}) != len(answers):
        raise wrong("answers", "an answer an output", [answer.output for answer in answers])
    for answer in answers:
        if answer.output not in graph.outputs:
            raise wrong("answers", "an output", answer.output)
        if not answer.heads or not all(head in graph.tensors for head in answer.heads):
            raise wrong("answers", "heads in the network", answer.heads)
        height, width, channels = hwc(graph.tensors[answer.output].shape)
        wanted, names = _size(answer)
        if wanted is not None and wanted != height * width * channels:
            raise wrong("answers", f"{wanted} bytes of records", height * width * channels)
        if isinstance(answer, ClassesAnswer) and names not in (0, channels):
            raise wrong("answers", f"{channels} classes", names)


def _size(answer: Answer) -> tuple[int | None, int]:
    """Bytes of an answer's records, None where it has none; how many names it has."""
    if isinstance(answer, BoxesAnswer):
        if not (0 <= answer.points <= MOST_POINTS and answer.most > 0):
            raise wrong("answers", "a number of points and boxes", (answer.points, answer.most))
        return answer.most * record_bytes(answer.points), len(answer.classes)
    if isinstance(answer, KeypointsAnswer):
        return len(answer.names) * POINT_BYTES, len(answer.names)
    if isinstance(answer, ClassesAnswer | MaskAnswer):
        return None, len(answer.classes)
    return None, 0
