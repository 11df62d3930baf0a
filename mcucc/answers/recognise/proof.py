"""The proof of a recognised specification: its nodes compute what the file itself computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.answers.append import append
from mcucc.answers.ends import Ends
from mcucc.answers.recognise.boxes import same_boxes
from mcucc.answers.recognise.decoder import Found
from mcucc.answers.recognise.rows import Indices, NotRowsError, Table, random_heads
from mcucc.answers.recognise.scores import SCORE_TOLERANCE
from mcucc.answers.recognise.tail import FloatArray, Heads
from mcucc.answers.spec import BoxesSpec, OutputSpec
from mcucc.errors import DataError
from mcucc.frontends.imported import ImportedModel
from mcucc.ir.graph import Graph
from mcucc.ops.detect_head import DetectHead
from mcucc.oracles.float_session import FloatSession

PICTURES = 2
Candidates = tuple[FloatArray, FloatArray, Indices]  # corners in pixels, best scores, classes
OfFile = Callable[[FloatArray], tuple[FloatArray, FloatArray]]  # the table: corners, all scores


@dataclass(frozen=True, eq=False)
class Nodes:
    """The nodes of `[output]` on heads of any values, in the order of a table's candidates."""

    table: Table
    heads: tuple[tuple[DetectHead, tuple[str, ...]], ...]

    @staticmethod
    def of(spec: BoxesSpec, table: Table, side: tuple[int, int]) -> Nodes:
        """Made as for any `[output]`; NotRowsError where it cannot be."""
        graph = table.tail.graph
        maps = {name: graph.tensors[name] for name in table.tail.heads}
        bare = Graph("heads", (), maps, table.tail.heads, table.tail.heads)
        ends = Ends({own: name for name, own in table.tail.names.items()}, size=side)
        try:
            made = append(bare, OutputSpec(boxes=(spec,)), ends).graph
        except DataError as error:
            raise NotRowsError(f"mcucc has no nodes for it: {error.what}") from error
        found = [(n.op, n.inputs) for n in made.nodes if isinstance(n.op, DetectHead)]
        return Nodes(table, tuple(found))

    def decode(self, heads: Heads) -> Candidates:
        """All candidates, whatever their score."""
        corners, scores = np.empty((self.table.count, 4)), np.empty(self.table.count)
        kinds = np.empty(self.table.count, np.int64)
        for (op, names), rows in zip(self.heads, self.table.ordered_rows(), strict=True):
            maps = [np.asarray(heads[name], np.float64)[0] for name in names]
            corners[rows], scores[rows], kinds[rows] = op.candidates(maps)
        return corners, scores, kinds


def prove(imported: ImportedModel, nodes: Nodes, of_file: OfFile, slack: float) -> str:
    """How it was proved that the nodes give what the outputs of the file say; "" if they do not.

    A quantized file's last steps are computed in real numbers: its own integers are as coarse as
    the scale of its outputs. `slack` is half a step of them, in pixels.
    """
    table = nodes.table

    def agrees(heads: Heads, outputs: FloatArray) -> bool:
        return _same(nodes.decode(heads), of_file(outputs), slack)

    for seed in range(7, 7 + PICTURES):
        heads = random_heads(table.tail, seed)
        if not agrees(heads, table.compute(heads)):
            return ""
    if imported.quantized:
        return (
            f"the float decode of {PICTURES} sets of random heads is what the file's own last "
            f"steps make of them in real numbers, all {table.count} candidates"
            + (f", within a step of its output ({2 * slack:.2g} pixels)" if slack else "")
        )
    session = FloatSession(
        imported, tensors=[*table.tail.heads, *(port.tensor for port in imported.outputs)]
    )
    for seed in range(PICTURES):
        values = session.run(_picture(imported, seed))
        outputs = [
            port.in_file(values[port.tensor]).astype(np.float64) for port in imported.outputs
        ]
        heads_of_file: Mapping[str, FloatArray] = {
            name: values[name].astype(np.float64) for name in table.tail.heads
        }
        if not agrees(heads_of_file, table.values(outputs)):
            return ""
    return (
        f"the float decode of its heads is what {session.oracle} computes at its outputs for "
        f"{PICTURES} random pictures, all {table.count} candidates"
    )


def outputs_of(found: Found, side: tuple[int, int]) -> OfFile:
    """How the file's outputs say boxes in pixels and the scores of all classes."""
    layout = found.layout
    unit = np.array([*side[::-1], *side[::-1]], np.float64) if found.shares else np.ones(4)

    def read(table: FloatArray) -> tuple[FloatArray, FloatArray]:
        scores = table[:, layout.score_columns]
        if layout.objectness is not None and not layout.product:
            column = layout.score_columns[0] - 1
            scores = scores * table[:, column : column + 1]
        if found.spec.background:
            scores = scores[:, 1:]
        return found.solved.read(table) * unit, scores

    return read


def _same(made: Candidates, wanted: tuple[FloatArray, FloatArray], slack: float) -> bool:
    """Whether boxes are the file's, and the best class is one of its best."""
    corners, scores, kinds = made
    boxes, all_scores = wanted
    best = all_scores.max(axis=1)
    chosen = np.take_along_axis(all_scores, kinds[:, None], 1)[:, 0]
    return (
        same_boxes(corners, boxes, 2 * slack)
        and bool((np.abs(scores - best) <= SCORE_TOLERANCE).all())
        and bool((np.abs(chosen - best) <= SCORE_TOLERANCE).all())
    )


def _picture(imported: ImportedModel, seed: int) -> list[npt.NDArray[np.float32]]:
    draw = np.random.default_rng(9 + seed)
    shapes = [imported.graph.tensors[name].shape for name in imported.graph.inputs]
    return [draw.uniform(0, 1, shape).astype(np.float32) for shape in shapes]
