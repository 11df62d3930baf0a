"""The proof of a recognised decoder: what the file itself computes, for pictures of noise."""

from __future__ import annotations

import numpy as np

from mcucc.answers.recognise.boxes import same_boxes, values_of
from mcucc.answers.recognise.decoder import Found
from mcucc.answers.recognise.rows import Table, random_heads
from mcucc.answers.recognise.scores import SCORE_TOLERANCE, Part, Scoring, scores_of
from mcucc.answers.recognise.tail import FloatArray, Heads
from mcucc.frontends.imported import ImportedModel
from mcucc.oracles.float_session import FloatSession

PICTURES = 2


def prove(imported: ImportedModel, table: Table, found: Found, side: tuple[int, int]) -> str:
    """How it was proved that a decoder with these parameters gives the file's own outputs.

    "" where it does not. A quantized file's last steps are computed in real numbers: its own
    integers are as coarse as the scale of its outputs.
    """
    for seed in range(7, 7 + PICTURES):
        heads = random_heads(table.tail, seed)
        if not _agrees(table, found, side, heads, table.compute(heads)):
            return ""
    if imported.quantized:
        return (
            f"the float decode of {PICTURES} sets of random heads is what the file's own last "
            f"steps make of them in real numbers, all {table.count} candidates, within a step of "
            f"its output ({2 * found.slack:.2g} pixels)"
        )
    session = FloatSession(
        imported, tensors=[*table.tail.heads, *(port.tensor for port in imported.outputs)]
    )
    draw = np.random.default_rng(9)
    for _ in range(PICTURES):
        picture = [
            draw.uniform(0, 1, imported.graph.tensors[name].shape).astype(np.float32)
            for name in imported.graph.inputs
        ]
        values = session.run(picture)
        heads = {name: values[name] for name in table.tail.heads}
        outputs = [
            port.in_file(values[port.tensor]).astype(np.float64) for port in imported.outputs
        ]
        if not _agrees(table, found, side, heads, table.values(outputs)):
            return ""
    return (
        f"the float decode of its heads is what {session.oracle} computes at its outputs for "
        f"{PICTURES} random pictures, all {table.count} candidates"
    )


def _agrees(
    table: Table, found: Found, side: tuple[int, int], heads: Heads, outputs: FloatArray
) -> bool:
    """Whether the decode of heads gives the table `outputs`, boxes and scores."""
    layout = found.layout
    unit = np.array([*side[::-1], *side[::-1]], np.float64) if found.shares else np.ones(4)
    boxes = found.exact.box(values_of(table, heads, layout.boxes))
    if not same_boxes(boxes, found.exact.read(outputs) * unit, 2 * found.slack):
        return False
    scores = scores_of(_numbers(table, heads, layout.scores), layout.scoring)
    wanted = outputs[:, layout.score_columns]
    if layout.objectness is not None:
        sure = scores_of(_numbers(table, heads, layout.objectness), Scoring.SIGMOID)
        if layout.product:
            scores = scores * sure
        else:
            column = layout.score_columns[0] - 1
            scores = np.concatenate([sure, scores], axis=1)
            wanted = outputs[:, (column, *layout.score_columns)]
    return bool((np.abs(scores - wanted) <= SCORE_TOLERANCE).all())


def _numbers(table: Table, heads: Heads, part: Part) -> FloatArray:
    return table.gather(heads, part.role)[:, part.first : part.first + part.count]
