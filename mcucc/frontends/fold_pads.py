"""Fold Pads into the windows behind them, and what is cut off behind a window into its padding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mcucc.ir.graph import Graph, Node
from mcucc.ops.common.spatial import Pads
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.pad import Pad
from mcucc.ops.slice import Slice


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


def fold_crops(graph: Graph) -> Graph:
    """A Slice of whole rows and columns of a convolution's output becomes less padding.

    What TensorFlow writes for a dilated convolution is padded to whole blocks and cropped again.
    """
    readers: dict[str, int] = {}
    for name in (*graph.outputs, *(name for node in graph.nodes for name in node.inputs)):
        readers[name] = readers.get(name, 0) + 1
    makers = {node.output: node for node in graph.nodes}
    cropped: dict[str, Node] = {}  # by the output of the convolution
    for node in graph.nodes:
        maker = makers.get(node.inputs[0])
        if maker is None or readers[maker.output] > 1 or not isinstance(node.op, Slice):
            continue
        made = _cropped(graph, maker, node)
        if made is not None:
            cropped[maker.output] = made
    gone = {node.output for node in cropped.values()}
    kept = [node for node in graph.nodes if node.output not in gone]
    return graph.with_(nodes=[cropped.get(node.output, node) for node in kept])


def _cropped(graph: Graph, maker: Node, cut: Node) -> Node | None:
    """The convolution that computes only what is kept; None where padding is not enough."""
    op = cut.op
    if not isinstance(op, Slice) or not isinstance(maker.op, Conv2d | DepthwiseConv2d):
        return None
    window, (_, height, width, channels) = maker.op.window, graph.tensors[maker.output].shape
    plain = op.stride == (1, 1, 1) and op.size[2] == channels and window.stride == (1, 1)
    if not plain or graph.tensors[maker.output].quant != graph.tensors[cut.output].quant:
        return None
    pads, (top, left, _) = window.pads, op.begin
    bottom, right = height - top - op.size[0], width - left - op.size[1]
    sides = (pads.top - top, pads.left - left, pads.bottom - bottom, pads.right - right)
    if min(sides) < 0:
        return None
    smaller = replace(maker.op, window=replace(window, pads=Pads(*sides)))
    return replace(maker, op=smaller, name=cut.name, outputs=cut.outputs)
