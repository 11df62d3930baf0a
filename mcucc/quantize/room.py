"""How far biases may move without breaking what scales were chosen for.

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


def room_of(graph: Graph, node: Node) -> tuple[DoubleArray, DoubleArray]:
    """The least and the largest bias (C_out,) of a layer of an int8 graph."""
    x, weights, *rest = graph.tensors_of(node.inputs)
    zero, (lowest, highest) = x.quantization.zero_point, x.interval
    flat = np.moveaxis(weights.constant, node.op.WEIGHT_AXIS or 0, 0).astype(np.float64)
    flat = flat.reshape(len(flat), -1)
    bias = rest[0].constant.astype(np.float64) if rest else np.zeros(len(flat))
    spread = largest_added(graph, node, 0.0) + 1.0
    most = INT32_MAX - (abs(zero) - lowest) * np.abs(flat).sum(axis=1) - spread
    factor = np.asarray(weights.quantization.scale) * x.quantization.per_tensor_scale
    reach = short_reach(factor / graph.tensors[node.output].quantization.per_tensor_scale)
    positive, negative = np.maximum(flat, 0).sum(axis=1), np.minimum(flat, 0).sum(axis=1)
    up, down = highest - zero, lowest - zero
    lower = np.maximum(-most, -reach - (down * positive + up * negative) + spread)
    upper = np.minimum(most, reach - (up * positive + down * negative) - spread)
    proved = (lower <= bias) & (bias <= upper)
    if not proved.all():  # the layer's factors are not short: int32 alone counts
        lower, upper = -most, most
    return np.minimum(lower, bias), np.maximum(upper, bias)


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
