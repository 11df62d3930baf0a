"""Fold quantized Pads into the windows behind them: the border is the zero point."""

from __future__ import annotations

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
    while True:
        folded = _fold_first(graph)
        if folded is None:
            return graph
        graph = folded


def _fold_first(graph: Graph) -> Graph | None:
    readers: dict[str, list[Node]] = {}
    for node in graph.nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    for node in graph.nodes:
        if isinstance(node.op, Pad) and _folds(graph, node, readers.get(node.output, [])):
            return _without(graph, node, node.op)
    return None


def _folds(graph: Graph, node: Node, readers: list[Node]) -> bool:
    op = node.op
    return (
        isinstance(op, Pad)
        and op.value == 0.0
        and not any(op.channels)
        and node.output not in graph.outputs
        and graph.tensors[node.inputs[0]].quant == graph.tensors[node.output].quant
        and bool(readers)
        and all(isinstance(reader.op, Conv2d | DepthwiseConv2d) for reader in readers)
    )


def _without(graph: Graph, pad: Node, op: Pad) -> Graph:
    nodes = []
    for node in graph.nodes:
        if node is pad:
            continue
        if pad.output in node.inputs and isinstance(node.op, Conv2d | DepthwiseConv2d):
            window = replace(node.op.window, pads=node.op.window.pads + op.pads)
            inputs = tuple(pad.inputs[0] if n == pad.output else n for n in node.inputs)
            node = replace(node, op=replace(node.op, window=window), inputs=inputs)
        nodes.append(node)
    return graph.with_(nodes=nodes)
