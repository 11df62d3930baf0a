"""Fold quantized Pads into the windows behind them: the border is the zero point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mcucc.ir.graph import Graph, Node
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.pad import Pad


def fold_pads(graph: Graph) -> Graph:
    """Every Pad with the real value 0 whose readers are all convolutions becomes their padding.

    A convolution pads with the zero point of its input, which is what such a Pad writes: input and
    output of the Pad have one quantization. A Pad that is an output of the network stays.
    """
    readers: dict[str, list[Node]] = {}
    for node in graph.nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    folded: dict[str, Node] = {}  # the Pad that computed each name
    for node in reversed(graph.nodes):  # the last of a chain of Pads first
        if _folds(graph, node, readers.get(node.output, []), folded):
            folded[node.output] = node
    nodes = [_padded(node, folded) for node in graph.nodes if node.output not in folded]
    return graph.with_(nodes=nodes)


def _folds(graph: Graph, node: Node, readers: list[Node], folded: Mapping[str, Node]) -> bool:
    op = node.op
    return (
        isinstance(op, Pad)
        and op.value == 0.0
        and not any(op.channels)
        and node.output not in graph.outputs
        and graph.tensors[node.inputs[0]].quant == graph.tensors[node.output].quant
        and bool(readers)
        and all(
            isinstance(reader.op, Conv2d | DepthwiseConv2d) or reader.output in folded
            for reader in readers
        )
    )


def _padded(node: Node, folded: Mapping[str, Node]) -> Node:
    """The convolution behind folded Pads with their border as its own; other nodes as they are."""
    while isinstance(node.op, Conv2d | DepthwiseConv2d) and node.inputs[0] in folded:
        pad = folded[node.inputs[0]]
        if not isinstance(pad.op, Pad):
            break
        window = replace(node.op.window, pads=node.op.window.pads + pad.op.pads)
        inputs = (pad.inputs[0], *node.inputs[1:])
        node = replace(node, op=replace(node.op, window=window), inputs=inputs)
    return node
