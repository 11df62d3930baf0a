"""Which borders matter: what padding adds against what rounding costs inside.

Padding of the zero point is free, biases of the border's own cost tables and calls of the kernel at
every edge. The free one is taken where its error, the root mean square over the outputs at the
border, is at most TOLERATED of what the layer has anyway: rounding of the output (1/12 of a step
squared) and of the weights (1/12 of their step squared times the square of the camera bytes, any
byte as likely as any other; their mean goes into the bias). The error of both together is then
within twice that of the inside: sqrt(1 + TOLERATED^2) = 1.52.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mcucc.ir.graph import Graph, Node
from mcucc.ir.tensor import Quant
from mcucc.numerics.weights import DoubleArray
from mcucc.ops.common.border import Zones, zones_of
from mcucc.ops.common.spatial import Window2d
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.quantize.weight_scales import natural_scales

TOLERATED = 1.15
BYTE_DEVIATION = 255 / 12**0.5  # of a camera byte
ROUNDING = 1 / 12  # variance of a rounding, in steps squared

ZERO_POINT = "zero point"
BIASES = "biases"
LAYER = "layer"


@dataclass(frozen=True)
class BorderFacts:
    """How the border of a layer that pads a normalised input is computed.

    `padding` is ZERO_POINT, BIASES, or LAYER where the normalisation stays a layer of its own, this
    one, since something reads the picture that no scale can be folded into. `error` is what is left
    of the padding's error, `inside` what rounding costs everywhere: root mean squares in output
    steps. `biases` is their number.
    """

    layer: str
    padding: str
    error: float
    inside: float
    biases: int


def choose_borders(
    graph: Graph, quants: Mapping[str, Quant]
) -> tuple[Graph, tuple[BorderFacts, ...]]:
    """The float graph without the borders that do not matter, and what was chosen."""
    nodes, facts, dropped = [], [], set()
    for node in graph.nodes:
        zones = _zones(graph, node)
        if _normalises(graph, node):
            facts.append(BorderFacts(node.name, LAYER, 0.0, ROUNDING**0.5, 1))
        elif zones is not None:
            fact = _facts(graph, node, zones, quants)
            facts.append(fact)
            if fact.padding is ZERO_POINT:
                dropped.add(node.inputs[3])
                node = replace(node, inputs=node.inputs[:3])
        nodes.append(node)
    tensors = {name: tensor for name, tensor in graph.tensors.items() if name not in dropped}
    return graph.with_(nodes=nodes, tensors=tensors), tuple(facts)


def largest_added(graph: Graph, node: Node, more: DoubleArray | float) -> DoubleArray | float:
    """How far the border of a node and `more` of it move the biases (C_out,) at most."""
    zones = _zones(graph, node, more)
    return 0.0 if zones is None else np.abs(zones.added).max(axis=(0, 1))


def _normalises(graph: Graph, node: Node) -> bool:
    """Whether a node is what mcucc/passes/fold_input.py puts behind the picture."""
    plain = DepthwiseConv2d(Window2d((1, 1)))
    return node.op == plain and node.inputs[0] in graph.inputs and len(node.inputs) == 3


def _zones(graph: Graph, node: Node, more: DoubleArray | float = 0.0) -> Zones | None:
    if not isinstance(node.op, Conv2d | DepthwiseConv2d) or len(node.inputs) < 4:
        return None
    _, height, width, _ = graph.tensors[node.inputs[0]].shape
    border = graph.tensors[node.inputs[3]].constant.astype(np.float64)
    return zones_of(border + more, node.op.window, height, width)


def _facts(graph: Graph, node: Node, zones: Zones, quants: Mapping[str, Quant]) -> BorderFacts:
    x, y = (quants[name].per_tensor_scale for name in (node.inputs[0], node.output))
    weights = graph.tensors[node.inputs[1]].constant.astype(np.float64)
    flat = np.moveaxis(weights, node.op.WEIGHT_AXIS or 0, 0).reshape(zones.added.shape[2], -1)
    steps = natural_scales(flat, x, y) * x / y
    noise = ROUNDING * (1 + flat.shape[1] * (BYTE_DEVIATION * steps) ** 2)
    inside = float(np.sqrt(noise.mean()))
    touched = zones.added.any(axis=2)
    squares = (zones.added[touched] / y) ** 2
    error = 0.0
    if touched.any():
        error = float(np.sqrt(np.average(squares.mean(axis=1), weights=zones.pixels[touched])))
    if error <= TOLERATED * inside:
        return BorderFacts(node.name, ZERO_POINT, error, inside, 1)
    several = {added.tobytes() for row in zones.added for added in row}
    return BorderFacts(node.name, BIASES, 0.0, inside, len(several))
