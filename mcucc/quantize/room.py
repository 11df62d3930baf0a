"""How far sums may reach without breaking what scales were chosen for.

Scales are such that no accumulator leaves int32 and, where they were snapped, that a 32-bit product
with a short multiplier does not either (snap.py). Both were proved for the weights and biases that
the scales were chosen with; whatever changes later stays within them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mcucc.ir.graph import Graph, Node
from mcucc.numerics.fixed_point import INT32_MAX
from mcucc.numerics.weights import DoubleArray
from mcucc.quantize.border import largest_added
from mcucc.quantize.snap import LARGEST_SHIFT

EXACT = 1e-9  # relative error of a factor computed from three scales, and much more


def reach_of(graph: Graph, node: Node) -> DoubleArray:
    """The largest accumulator (C_out,) for which a layer's multipliers are short.

    Infinite where they are not, or its sums go beyond already: int32 alone counts then.
    """
    scale = np.asarray(graph.tensors[node.inputs[1]].quantization.scale)
    x, y = (graph.tensors[name].quantization for name in (node.inputs[0], node.output))
    reach = short_reach(scale * x.per_tensor_scale / y.per_tensor_scale)
    bias = bias_of(graph, node)
    least, most = room_of(graph, node, reach)
    proved = ((least <= bias) & (bias <= most)).all()
    return reach if proved else np.full(scale.shape, np.inf)


def room_of(graph: Graph, node: Node, reach: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """The least and the largest bias (C_out,) with which no accumulator goes beyond its reach.

    For the layer's weights and border as they are; no bias at all where the least is the larger.
    """
    x, weights = graph.tensors_of(node.inputs[:2])
    zero, (low, high) = x.quantization.zero_point, x.interval
    flat = np.moveaxis(weights.constant, node.op.WEIGHT_AXIS or 0, 0).astype(np.float64)
    flat = flat.reshape(len(flat), -1)
    spread = largest_added(graph, node, 0.0) + 1.0
    # As in safe_scales: sums that do not have the zero point in their bias stay inside too.
    span = max(-low, high) + abs(zero)
    most = INT32_MAX - span * np.abs(flat).sum(axis=1) - spread
    positive, negative = np.maximum(flat, 0).sum(axis=1), np.minimum(flat, 0).sum(axis=1)
    up, down = high - zero, low - zero
    lower = np.maximum(-most, -reach - (down * positive + up * negative) + spread)
    upper = np.minimum(most, reach - (up * positive + down * negative) - spread)
    return lower, upper


def bias_of(graph: Graph, node: Node) -> DoubleArray:
    """The integer biases (C_out,) of a layer, 0 where it has none."""
    if len(node.inputs) > 2:
        bias: DoubleArray = graph.tensors[node.inputs[2]].constant.astype(np.float64)
        return bias
    return np.zeros(len(graph.tensors[node.inputs[1]].quantization.scale))


def short_reach(factor: npt.NDArray[np.float64]) -> DoubleArray:
    """The largest accumulator (C_out,) whose product with a short multiplier fits int32.

    Infinite where the layer's factors have no common shift: their product is wider anyway.
    """
    for shift in range(1, LARGEST_SHIFT + 1):
        multiplier = np.rint(np.ldexp(factor, shift))
        if (np.abs(np.ldexp(factor, shift) - multiplier) <= EXACT * multiplier).all():
            reach: DoubleArray = (INT32_MAX - 2.0 ** (shift + 8)) / np.maximum(multiplier, 1)
            return reach
    return np.full(factor.shape, np.inf)
