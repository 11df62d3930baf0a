"""From a model file to the `[output]` that its decoded outputs stand for, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from mcucc.answers.recognise.boxes import ways
from mcucc.answers.recognise.decoder import Found, decoder_of
from mcucc.answers.recognise.proof import prove
from mcucc.answers.recognise.rows import NotRowsError, Table, table_of
from mcucc.answers.recognise.scores import layout_of
from mcucc.answers.recognise.tail import Tail, tails_of
from mcucc.answers.spec import BoxesSpec, OutputSpec
from mcucc.errors import McuccError
from mcucc.frontends.imported import ImportedModel
from mcucc.ir.window import hwc


@dataclass(frozen=True)
class Recognised:
    """What a file's outputs are: the specification with its raw heads, and why it is believed.

    `heads` are the tensors of the file at which the network then ends, `words` what was found in
    a line, `proof` how it was proved, `assumed` what no number of the file says.
    """

    spec: OutputSpec
    heads: tuple[str, ...]
    words: str
    proof: str
    assumed: tuple[str, ...] = ()


def recognise(imported: ImportedModel) -> Recognised | str:
    """The specification of decoded boxes, proved by numbers; a reason where there is none.

    Nothing is raised for a network that is no detector.
    """
    side = _side(imported)
    if side is None:
        return "it has not one picture as its input"
    tails = tails_of(imported)
    if isinstance(tails, str):
        return tails
    reason = ""
    for tail in tails:
        found = _of_tail(imported, tail, side)
        if isinstance(found, Recognised):
            return found
        reason = reason or found
    return reason


def _of_tail(imported: ImportedModel, tail: Tail, side: tuple[int, int]) -> Recognised | str:
    try:
        table = table_of(tail)
        layout = layout_of(table)
        found = decoder_of(table, layout, ways(table, layout), side)
        proof = prove(imported, table, found, side)
    except NotRowsError as refusal:
        return str(refusal)
    except McuccError as error:  # an oracle that is not there, or refuses the file
        return f"it could not be proved: {error}"
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
    return Recognised(OutputSpec(boxes=(spec,)), heads, words, proof, found.assumed)


def heads_of(spec: BoxesSpec) -> tuple[str, ...]:
    """The tensors that a specification's heads name, in its order."""
    named = (
        name
        for head in spec.heads
        for name in (head.tensor, head.boxes, head.scores, head.objectness, head.points)
    )
    return tuple(dict.fromkeys(name for name in named if name))
