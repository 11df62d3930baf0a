"""Our float graph against ONNX Runtime on the user's file: nothing is quantized before they agree.

Scales, weights and every later comparison come from the imported graph; what it gets wrong here
would be right by definition everywhere behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.errors import ModelError
from mcucc.frontends.imported import ImportedModel
from mcucc.images.preprocess import FloatArray
from mcucc.images.samples import Sample
from mcucc.ir.float_run import evaluate_graph
from mcucc.ir.graph import Graph, Node
from mcucc.ops.arg_max import ArgMax
from mcucc.oracles.float_session import FloatSession

# Of the largest value of a tensor; float32 sums in another order are about 1e-6 apart a layer.
RELATIVE = 1e-3
# Of the largest operand, and of what the sum would be without cancelling.
RELATIVE_TO_INPUT, RELATIVE_TO_SUM = 1e-5, 1e-5


@dataclass(frozen=True)
class WrongValue:
    """The first tensor of the file that a float graph computes otherwise than ONNX Runtime.

    `largest` is the largest difference in it, `index` counts in the file's layout.
    """

    layer: str
    tensor: str
    index: int
    expected: float
    found: float
    largest: float
    oracle: str = "ONNX Runtime"

    def __str__(self) -> str:
        return (
            f"layer {self.layer} (tensor {self.tensor}, element {self.index}) is {self.found:.6g} "
            f"where {self.oracle} computes {self.expected:.6g}; the largest difference in it is "
            f"{self.largest:.3g}"
        )


def check_float(model: ImportedModel, forms: Sequence[Graph], sample: Sample) -> None:
    """Raise ModelError for the first layer of any form that differs on one sample."""
    wrong = first_wrong_of(model, forms, sample)
    if wrong is not None:
        raise ModelError(
            f"the import is wrong: {wrong}",
            where=str(model.model_path),
            hint="this is a defect of mcucc: please report it with the file",
        )


def first_wrong_of(
    model: ImportedModel, forms: Sequence[Graph], sample: Sample
) -> WrongValue | None:
    """The first difference of the first form that has one."""
    found = (first_wrong_value(model, graph, sample) for graph in forms)
    return next((wrong for wrong in found if wrong is not None), None)


def first_wrong_value(model: ImportedModel, graph: Graph, sample: Sample) -> WrongValue | None:
    """Compare every tensor that a form of `model.graph` shares with the file, on one sample.

    A graph whose input is byte - 128 reads what its quantization makes of the integers.
    ModelError where the file itself computes infinity or NaN: no quantization has such values.
    """
    made = [node.output for node in graph.nodes]
    names = [n for n in made if n in model.sources and n not in graph.inputs]
    folded = [n for n in graph.inputs if graph.tensors[n].quant is not None]
    session = FloatSession(model, graph, [*folded, *names], optimize=False)
    theirs = session.run_sample(sample)
    first = {
        name: theirs[name] if name in folded else value.reshape(graph.tensors[name].shape)
        for name, value in zip(graph.inputs, sample.real, strict=True)
    }
    ours = evaluate_graph(graph, first)
    for at, node in enumerate(graph.nodes):
        name = node.output
        if name not in theirs:
            continue
        want, have = theirs[name].astype(np.float64), ours[name].astype(np.float64)
        _check_finite(model, node, want)
        if isinstance(node.op, ArgMax) and (want != have).any():
            scores = ours[node.inputs[0]]
            if _are_ties(node.op, scores, want):  # what reads the index is compared behind theirs
                ours[name] = theirs[name].astype(np.float32)
                ours |= _behind(graph, at + 1, ours)
                continue
        off = np.abs(want - have)
        allowed = RELATIVE * np.abs(want).max(initial=0.0)
        if not (off <= allowed).all():
            allowed = allowed + _noise(graph, node, ours)
        wrong = np.flatnonzero(~(off <= allowed).reshape(-1))
        if wrong.size:
            i = int(wrong[0])
            place = model.sources[name]
            return WrongValue(
                layer=node.name,
                tensor=place.name,
                index=place.flat_index(i, want.shape),
                expected=float(want.reshape(-1)[i]),
                found=float(have.reshape(-1)[i]),
                largest=float(off.max()),
                oracle=session.oracle,
            )
    return None


def _are_ties(op: ArgMax, scores: FloatArray, theirs: npt.NDArray[np.float64]) -> bool:
    """Whether indices of the other runtime are of scores as good as the best, to float32's noise.

    Sums in another order choose otherwise where two scores are nearly equal.
    """
    if not ((theirs >= 0) & (theirs < op.entries)).all():
        return False
    chosen, best = (
        np.take_along_axis(scores, index.reshape(*scores.shape[:-1], 1), axis=-1)
        for index in (theirs.astype(np.int64), op.index(scores))
    )
    gap = np.abs(best.astype(np.float64) - chosen)
    return bool(gap.max(initial=0.0) <= RELATIVE * np.abs(scores).max(initial=0.0))


def _behind(graph: Graph, begin: int, values: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """The values of all nodes from `begin` on, of those before them."""
    made = dict(values)
    for node in graph.nodes[begin:]:
        operands = [
            t.data if t.data is not None else made[t.name] for t in graph.tensors_of(node.inputs)
        ]
        made[node.output] = node.op.evaluate(operands)
    return made


def _check_finite(model: ImportedModel, node: Node, values: npt.NDArray[np.float64]) -> None:
    odd = np.flatnonzero(~np.isfinite(values).reshape(-1))
    if odd.size:
        place, i = model.sources[node.output], int(odd[0])
        raise ModelError(
            f"layer {node.name} (tensor {place.name}, element {place.flat_index(i, values.shape)}) "
            f"is {values.reshape(-1)[i]} on a calibration picture, by ONNX Runtime too",
            where=str(model.model_path),
            hint="add a small number to what is divided by, or is the operand of a logarithm",
        )


def _noise(graph: Graph, node: Node, values: dict[str, FloatArray]) -> npt.NDArray[np.float64]:
    """What float32 may lose where large terms cancel to a small result."""
    operands = [
        t.data if t.data is not None else values[t.name] for t in graph.tensors_of(node.inputs)
    ]
    largest = max(float(np.abs(x).max(initial=0.0)) for x in operands)
    noise = np.asarray(RELATIVE_TO_INPUT * largest)
    if node.op.WEIGHT_AXIS is not None:
        terms = [np.abs(x).astype(np.float32) for x in operands]
        noise = noise + RELATIVE_TO_SUM * np.abs(node.op.evaluate(terms)).astype(np.float64)
    return noise
