"""Int8 networks with weights that 4 or 2 bits hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcucc.ir import Graph
from mcucc.kernels.packing import step_of


def few_bits(graph: Graph, bits: int) -> Graph:
    """All weights rounded to multiples; biases and scales stay."""
    half, step = 1 << (bits - 1), step_of(bits)
    tensors = dict(graph.tensors)
    for node in graph.nodes:
        if node.op.WEIGHT_AXIS is not None:
            weights = tensors[node.inputs[1]]
            few = np.clip(np.rint(weights.constant / step), -half, half - 1) * step
            tensors[node.inputs[1]] = replace(weights, data=few.astype(np.int8))
    return graph.with_(tensors=tensors)
