"""TFLite_Detection_PostProcess as a specification: the maps that its two inputs join."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcucc.answers.recognise.decoder import DIGITS
from mcucc.answers.recognise.ending import Ending, NotReadError
from mcucc.answers.recognise.proof import Nodes, OfFile, prove
from mcucc.answers.recognise.rows import Indices, NotRowsError, Table, table_of
from mcucc.answers.recognise.scores import SIDES_OF_BOX, Layout, Scoring, joined_layout
from mcucc.answers.recognise.tail import FloatArray, tails_of
from mcucc.answers.spec import BoxesSpec, Decoder, HeadSpec
from mcucc.frontends.imported import ImportedModel
from mcucc.ops.common.detection import Curve, Form


def ssd_of(imported: ImportedModel, ending: Ending, side: tuple[int, int]) -> tuple[BoxesSpec, str]:
    """The specification of a file that is cut at the inputs of its ending, and how it was proved.

    Its heads are the maps where numbers show which those are, else the inputs themselves.
    NotReadError says what does not fit.
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
    try:
        nodes = Nodes.of(spec, table, side)
        proof = prove(imported, nodes, _formula(ending, side, classes > ending.classes), 0.0)
    except NotRowsError as refusal:
        raise NotReadError(str(refusal)) from refusal
    if not proof:
        raise NotReadError("its maps do not decode to what its formula says")
    return spec, f"its options and anchors are read from the file; {proof}"


def _formula(ending: Ending, side: tuple[int, int], background: bool) -> OfFile:
    """What the operator makes of its inputs: y, x, height, width by anchors and scales."""
    anchors = np.zeros((0, 4)) if ending.anchors is None else ending.anchors
    of_x, of_y, of_w, of_h = ending.variances
    unit = np.array([*side[::-1], *side[::-1]], np.float64)

    def read(table: FloatArray) -> tuple[FloatArray, FloatArray]:
        y, x, h, w = table[:, :SIDES_OF_BOX].T
        left, top, width, height = anchors.T
        centre = np.stack([x * of_x * width + left, y * of_y * height + top], axis=1)
        half = np.stack([np.exp(w * of_w) * width, np.exp(h * of_h) * height], axis=1) / 2
        corners = np.concatenate([centre - half, centre + half], axis=1) * unit
        return corners, table[:, SIDES_OF_BOX + background :]

    return read


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
    for index in table.in_order():
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
