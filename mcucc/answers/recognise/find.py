"""From a model file to the `[output]` that its decoded outputs stand for, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mcucc.answers.recognise.boxes import ways
from mcucc.answers.recognise.decoder import Found, decoder_of
from mcucc.answers.recognise.ending import Ending, NotReadError, best_of_all, ending_of
from mcucc.answers.recognise.found import Recognised, heads_of
from mcucc.answers.recognise.joined import ssd_of
from mcucc.answers.recognise.metadata import class_names
from mcucc.answers.recognise.proof import Nodes, outputs_of, prove
from mcucc.answers.recognise.rows import NotRowsError, Table, table_of
from mcucc.answers.recognise.scores import layout_of
from mcucc.answers.recognise.tail import Tail, tails_of
from mcucc.answers.spec import OutputSpec
from mcucc.errors import McuccError, UnsupportedError
from mcucc.frontends.imported import ImportedModel
from mcucc.frontends.load import ModelFile, import_file, read_file
from mcucc.frontends.tflite.file import TfliteFile
from mcucc.ir.window import hwc
from mcucc.ops.common.detection import Merge

NO_PICTURE = "it has not one picture as its input"


def recognise_file(
    file: ModelFile, input_shapes: Mapping[str, tuple[int, ...]] | None = None
) -> Recognised | str:
    """What the outputs of a file mean where they are decoded boxes; a reason where they are not.

    A file that ends in an operator which chooses among boxes is cut in front of it. Raises
    ModelError for a file that cannot be imported, whatever its outputs are.
    """
    try:
        ending = ending_of(file)
        if ending is None:
            if not may_be_decoded(file):
                return "its outputs are no lists of candidates"
            return _named(file, recognise(import_file(file, input_shapes)))
        cut = import_file(read_file(file.path, (ending.boxes, ending.scores)), input_shapes)
        if ending.anchors is None:
            return _named(file, _suppressed(ending, recognise(cut)))
        side = _side(cut)
        if side is None:
            return NO_PICTURE
        spec, proof = ssd_of(cut, ending, side)
    except NotReadError as refusal:
        return str(refusal)
    except UnsupportedError as refusal:
        if refusal.ends and best_of_all(file):
            return _named(file, _chosen(file.path, refusal.ends, input_shapes))
        return f"it cannot be compiled: {refusal.what}"
    words = f"{ending.name} with {ending.classes} classes and {len(ending.anchors)} anchors"
    found = Recognised(
        OutputSpec(boxes=(spec,)), heads_of(spec), words, proof, ending.classes, ending.assumed
    )
    return _named(file, found)


def may_be_decoded(file: ModelFile) -> bool:
    """Whether an output of a file may be a list of candidates, by its axes alone."""
    if isinstance(file.parsed, TfliteFile):
        shapes = [file.parsed.tensors[index].shape for index in file.parsed.outputs]
    else:
        types = [value.type.tensor_type for value in file.parsed.graph.output]
        shapes = [
            tuple(d.dim_value if d.HasField("dim_value") else 1 for d in t.shape.dim)
            if t.HasField("shape")
            else (1, 1, 1)
            for t in types
        ]
    return any(len(shape) == 3 or (len(shape) == 4 and 1 in shape[1:]) for shape in shapes)


def _chosen(
    path: Path, ends: Sequence[str], input_shapes: Mapping[str, tuple[int, ...]] | None
) -> Recognised | str:
    """Decoded boxes in front of a TopK that keeps the best of them, as YOLOv10 ends.

    `ends` is where the network can end before that: the lists of boxes and scores among them.
    """
    try:
        whole = import_file(read_file(path, ends), input_shapes)
        lists = [port.name for port in whole.outputs if len(port.shape) == 3]
        if not lists:
            return "nothing in front of its TopK is a list of candidates"
        found = recognise(import_file(read_file(path, lists), input_shapes))
    except UnsupportedError as refusal:
        return f"it cannot be compiled: {refusal.what}"
    if isinstance(found, str):
        return f"in front of its TopK: {found}"
    (spec,) = found.spec.boxes
    spec = replace(spec, merge=Merge.NONE)
    words = f"{found.words}, the best of which it keeps without a suppression"
    return replace(found, spec=OutputSpec(boxes=(spec,)), words=words)


def _suppressed(ending: Ending, found: Recognised | str) -> Recognised | str:
    """Decoded boxes in front of a suppression, with its thresholds."""
    if isinstance(found, str):
        return f"in front of {ending.name}: {found}"
    (spec,) = found.spec.boxes
    told = ending.spec
    spec = replace(
        spec,
        threshold=told.threshold,
        overlap=told.overlap,
        most=told.most,
        agnostic=told.agnostic,
        merge=told.merge,
    )
    return replace(
        found,
        spec=OutputSpec(boxes=(spec,)),
        words=f"{found.words}, {ending.name}",
        assumed=(*found.assumed, *ending.assumed),
    )


def _named(file: ModelFile, found: Recognised | str) -> Recognised | str:
    """With the names of classes that the file has, where they are as many."""
    if isinstance(found, str):
        return found
    (spec,) = found.spec.boxes
    names = class_names(file)
    if not names or len(names) != found.classes:
        return found
    return replace(found, spec=OutputSpec(boxes=(replace(spec, classes=names),)))


def recognise(imported: ImportedModel) -> Recognised | str:
    """The specification of decoded boxes, proved by numbers; a reason where there is none.

    Nothing is raised for a network that is no detector.
    """
    side = _side(imported)
    if side is None:
        return NO_PICTURE
    tails = tails_of(imported)
    if isinstance(tails, str):
        return tails
    reason = ""
    for tail in tails:
        with np.errstate(all="ignore"):  # what is no number is no decoder
            found = _of_tail(imported, tail, side)
        if isinstance(found, Recognised):
            return found
        reason = reason or found
    return reason


def _of_tail(imported: ImportedModel, tail: Tail, side: tuple[int, int]) -> Recognised | str:
    try:
        table = table_of(tail)
        layout = layout_of(table)
        step = max((max(p.quant.scale) for p in imported.outputs if p.quant), default=0.0)
        found = decoder_of(table, layout, ways(table, layout), side, step)
        nodes = Nodes.of(found.spec, table, side)
        proof = prove(imported, nodes, outputs_of(found, side), found.slack)
    except NotRowsError as refusal:
        return str(refusal)
    except McuccError as error:  # an oracle that is not there, or refuses the file
        return f"it could not be proved: {error}"
    except ValueError as error:  # of an op that real numbers do not suit
        return f"its last steps are not computed in real numbers ({error})"
    if not proof:
        return "its outputs are not what the decoder that they look like computes"
    return _recognised(table, found, proof)


def _side(imported: ImportedModel) -> tuple[int, int] | None:
    """Height and width of the only input."""
    shapes = [imported.graph.tensors[name].shape for name in imported.graph.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4:
        return None
    height, width, _ = hwc(shapes[0])
    return height, width


def _recognised(table: Table, found: Found, proof: str) -> Recognised:
    spec, layout = found.spec, found.layout
    heads = heads_of(spec)
    maps = ", ".join(f"{h} x {w}" for h, w in (level.size for level in table.levels))
    bins = f", {layout.bins} bins a side" if layout.bins > 1 else ""
    words = (
        f"{spec.decoder} with {layout.scores.count} classes on maps of {maps}{bins}: "
        f"{table.count} candidates"
    )
    classes = layout.scores.count - bool(spec.background)
    return Recognised(OutputSpec(boxes=(spec,)), heads, words, proof, classes, found.assumed)
