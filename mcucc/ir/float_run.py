"""The float reference of a Graph: every op's `evaluate`, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.errors import ModelError
from mcucc.ir.graph import Graph

FloatArray = npt.NDArray[np.float32]


def evaluate_graph(graph: Graph, inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, FloatArray]:
    """Every activation of a float graph by name, inputs included.

    `inputs` have the shapes of the graph's own tensors (NHWC, not the model file's order).
    Raises ModelError for a missing input or a wrong shape.
    """
    values: dict[str, FloatArray] = {}
    for name in graph.inputs:
        expected = graph.tensors[name].shape
        if name not in inputs or inputs[name].shape != expected:
            found = list(inputs[name].shape) if name in inputs else "missing"
            raise ModelError(f"input {name} is {found}, not {list(expected)}", where=graph.name)
        values[name] = np.asarray(inputs[name], dtype=np.float32)
    constants = {name: t.data for name, t in graph.tensors.items() if t.data is not None}
    for node in graph.nodes:
        operands = [constants[n] if n in constants else values[n] for n in node.inputs]
        values[node.output] = node.op.evaluate(operands)
    return values
