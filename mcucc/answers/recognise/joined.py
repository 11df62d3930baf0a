"""TFLite_Detection_PostProcess as a specification: the maps that its two inputs join."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcucc.answers.recognise.decoder import DIGITS
from mcucc.answers.recognise.ending import Ending, NotReadError
from mcucc.answers.recognise.rows import Indices, NotRowsError, Table, table_of
from mcucc.answers.recognise.scores import SIDES_OF_BOX, Layout, Scoring, joined_layout
from mcucc.answers.recognise.tail import FloatArray, tails_of
from mcucc.answers.spec import BoxesSpec, Decoder, HeadSpec
from mcucc.frontends.imported import ImportedModel
from mcucc.ops.common.detection import Curve, Form


def ssd_of(imported: ImportedModel, ending: Ending) -> tuple[BoxesSpec, str]:
    """The specification of a file that is cut at the inputs of its ending, and how it was proved.

    Its heads are the maps where numbers show which those are, else the inputs themselves.
    """
    boxes, scores = imported.outputs
    if ending.anchors is None or boxes.shape[1:] != (len(ending.anchors), SIDES_OF_BOX):
        raise NotReadError(f"{boxes.name} has the shape {list(boxes.shape)}, not that of anchors")
    classes = scores.shape[-1] if len(scores.shape) == 3 else 0
    if scores.shape[:2] != boxes.shape[:2] or classes - ending.classes not in (0, 1):
        raise NotReadError(
            f"{scores.name} has the shape {list(scores.shape)}: not {ending.classes} classes of "
            f"{len(ending.anchors)} anchors"
        )
    spec = replace(
        ending.spec,
        decoder=Decoder.SSD,
        form=Form.CENTER_YX,
        score=Curve.IDENTITY,
        background=classes > ending.classes or None,
        variances=tuple(float(f"{value:.{DIGITS}g}") for value in ending.variances),
    )
    mapped = _maps(imported, classes)
    if mapped is None:
        every = np.arange(len(ending.anchors))
        head = HeadSpec(boxes=boxes.name, scores=scores.name, anchors=_shares(ending, every))
        return replace(spec, heads=(head,)), "its options and anchors are read from the file"
    table, layout = mapped
    softmax = layout.scoring is Scoring.SOFTMAX
    curve = Curve.SIGMOID if layout.scoring is Scoring.SIGMOID else Curve.IDENTITY
    spec = replace(
        spec,
        heads=_heads(table, layout, ending),
        score=None if softmax else curve,
        softmax=softmax or None,
    )
    return spec, (
        "its options and anchors are read from the file; each of their numbers is one of the "
        f"maps', found by changing those, all {table.count} candidates"
    )


def _maps(imported: ImportedModel, classes: int) -> tuple[Table, Layout] | None:
    """The maps that boxes and scores join, where each has its own."""
    tails = tails_of(imported)
    for tail in () if isinstance(tails, str) else tails:
        try:
            table = table_of(tail)
            box_columns = range(SIDES_OF_BOX)
            layout = joined_layout(table, box_columns, range(SIDES_OF_BOX, SIDES_OF_BOX + classes))
        except NotRowsError:
            continue
        parts = (layout.boxes, layout.scores)
        if all(part.first == 0 for part in parts) and layout.boxes.role != layout.scores.role:
            return table, layout
    return None


def _heads(table: Table, layout: Layout, ending: Ending) -> tuple[HeadSpec, ...]:
    made = []
    for index in np.argsort([level.rows.min() for level in table.levels]).tolist():
        level = table.levels[index]
        boxes, scores = (table.roles[p.role][index] for p in (layout.boxes, layout.scores))
        made.append(
            HeadSpec(
                boxes=table.tail.names[boxes],
                scores=table.tail.names[scores],
                anchors=_shares(ending, level.rows.reshape(-1)),
            )
        )
    return tuple(made)


def _shares(ending: Ending, rows: Indices) -> tuple[tuple[float, ...], ...]:
    anchors: FloatArray = np.zeros((0, 4)) if ending.anchors is None else ending.anchors
    return tuple(
        tuple(float(f"{value:.{DIGITS}g}") for value in anchor) for anchor in anchors[rows].tolist()
    )
