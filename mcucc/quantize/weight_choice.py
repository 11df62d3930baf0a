"""Which grid the weights of each layer are rounded to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcucc.errors import DataError
from mcucc.ir.graph import Graph, Node
from mcucc.numerics.weights import GRIDS, INT8, WeightGrid
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.fully_connected import FullyConnected

# Ops whose weights have packed storage (mcucc/kernels/packing.py).
LowBit = Conv2d | DepthwiseConv2d | FullyConnected
AUTO = "auto"  # a default that says: as few bits as the flash asks for (auto_weights.py)


@dataclass(frozen=True)
class WeightChoice:
    """Bits of weights: for every layer, and for layers by name (a node or its output).

    `default` leaves the first and last layers at int8: they are few of the weights and most of the
    loss. A layer that is named takes what it is given.
    """

    default: str = "int8"
    layers: Mapping[str, str] = field(default_factory=dict)

    def names(self, node: Node) -> bool:
        """Whether the layer is named."""
        return node.name in self.layers or node.output in self.layers


def grids_of(graph: Graph, choice: WeightChoice) -> dict[str, WeightGrid]:
    """The grid of every node with weights, by its name.

    Raises DataError for layers that are not there, or have no such weights.
    """
    weighted = [node for node in graph.nodes if node.op.WEIGHT_AXIS is not None]
    grids = dict.fromkeys((node.name for node in weighted), INT8)
    able = {node.name: node for node in able_layers(graph)}
    ends = first_layers(graph) | last_layers(graph)
    grids |= {name: GRIDS[choice.default] for name in able if name not in ends}
    names = {name: node.name for node in able.values() for name in (node.output, node.name)}
    for wanted, grid in choice.layers.items():
        if wanted not in names:
            raise DataError(
                f"no layer {wanted} has weights of fewer bits",
                where="--weights",
                hint=f"one of {', '.join(list(able)[:12])}",
            )
        grids[names[wanted]] = GRIDS[grid]
    return grids


def able_layers(graph: Graph) -> list[Node]:
    """The nodes whose weights may have fewer bits."""
    return [node for node in graph.nodes if isinstance(node.op, LowBit)]


def few_bits(graph: Graph, choice: WeightChoice) -> dict[str, str]:
    """The layers whose weights are not int8, and what they are."""
    names = {grid: name for name, grid in GRIDS.items()}
    return {node: names[grid] for node, grid in grids_of(graph, choice).items() if grid != INT8}


def first_layers(graph: Graph) -> frozenset[str]:
    """Nodes with weights that read a picture: nothing but ops without weights is before them.

    A depthwise 1x1 on the input itself is its normalisation (passes/fold_input.py), no layer.
    """
    reached, found = set(graph.inputs), set()
    for node in graph.nodes:
        if not any(name in reached for name in node.inputs):
            continue
        scales = isinstance(node.op, DepthwiseConv2d) and node.op.window.kernel == (1, 1)
        if node.op.WEIGHT_AXIS is None or (scales and node.inputs[0] in graph.inputs):
            reached.update(node.outputs)
        if node.op.WEIGHT_AXIS is not None:
            found.add(node.name)
    return frozenset(found)


def last_layers(graph: Graph) -> frozenset[str]:
    """Nodes with weights whose values reach an output through ops without weights only."""
    reaching, found = set(graph.outputs), set()
    for node in reversed(graph.nodes):
        if node.output not in reaching:
            continue
        if node.op.WEIGHT_AXIS is None:
            reaching.update(_activations(graph, node))
        else:
            found.add(node.name)
    return frozenset(found)


def _activations(graph: Graph, node: Node) -> list[str]:
    return [name for name in node.inputs if graph.tensors[name].data is None]
