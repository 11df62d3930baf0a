"""Pictures that a .tflite reads channels first, as PyTorch's converters write them: the camera's.

Where everything that reads an input (1, C, H, W) turns it to (1, H, W, C), the graph's input is
what it is turned to, and the Port says how the file's value becomes that. A border padded before
the turn is padded behind it.
"""

from __future__ import annotations

from dataclasses import replace

from mcucc.ir.graph import Graph, Node
from mcucc.ops.common.spatial import Pads
from mcucc.ops.pad import Pad
from mcucc.ops.reshape import Reshape
from mcucc.ops.transpose import Transpose

TO_HWC = (0, 2, 3, 1)
MOST_PADS = 2  # one after the other, before the turn


def turn_inputs(graph: Graph) -> tuple[Graph, frozenset[str]]:
    """The graph without transposes right behind its inputs, and the inputs that are turned.

    What the file stores between an input and a turn is no tensor of the graph any more.
    """
    turned = frozenset(name for name in graph.inputs if _is_turned(graph, name))
    for name in sorted(turned):
        graph = _turned(graph, name)
    return graph, turned


def _is_turned(graph: Graph, name: str, pads_before: int = 0) -> bool:
    """Whether every reader turns it, or is a Pad that every reader turns."""
    readers = [node for node in graph.nodes if name in node.inputs]
    if not readers or name in graph.outputs or len(graph.tensors[name].shape) != 4:
        return False
    if all(_turns(graph, node) for node in readers):
        return all(node.output not in graph.outputs for node in readers)
    if pads_before == MOST_PADS or not all(isinstance(node.op, Pad) for node in readers):
        return False
    return all(
        _same_quant(graph, node) and _is_turned(graph, node.output, pads_before + 1)
        for node in readers
    )


def _turns(graph: Graph, node: Node) -> bool:
    """Whether a node makes (1, H, W, C) of (1, C, H, W): of one channel that is a reshape."""
    shape, made = (graph.tensors[name].shape for name in (node.inputs[0], node.output))
    if not _same_quant(graph, node):
        return False
    if isinstance(node.op, Reshape):
        return len(shape) == 4 and shape[1] == 1 and made == (1, *shape[2:], 1)
    return isinstance(node.op, Transpose) and node.op.permutation == TO_HWC


def _same_quant(graph: Graph, node: Node) -> bool:
    return graph.tensors[node.inputs[0]].quant == graph.tensors[node.output].quant


def _turned(graph: Graph, name: str) -> Graph:
    """The graph with `name` as (1, H, W, C)."""
    before = graph.tensors[name]
    shape = tuple(before.shape[axis] for axis in TO_HWC)
    readers = [node for node in graph.nodes if name in node.inputs]
    turns = {node.output for node in readers if not isinstance(node.op, Pad)}
    nodes = []
    for node in graph.nodes:
        if node.output in turns:
            continue
        if name in node.inputs and isinstance(node.op, Pad):
            node = replace(node, op=_pad_behind(node.op))
        inputs = tuple(name if read in turns else read for read in node.inputs)
        nodes.append(replace(node, inputs=inputs))
    tensors = {key: value for key, value in graph.tensors.items() if key not in turns}
    tensors[name] = replace(before, shape=shape)
    made = Graph(graph.name, tuple(nodes), tensors, graph.inputs, graph.outputs)
    for node in readers:
        if node.output not in turns:
            made = _turned(made, node.output)
    return made


def _pad_behind(pad: Pad) -> Pad:
    """A Pad of (1, C, H, W), whose axes the op calls rows, columns and channels, once turned."""
    (_, of_c, of_h, of_w) = pad.widths
    pads = Pads(of_h[0], of_w[0], of_h[1], of_w[1])
    return replace(pad, pads=pads, channels=of_c)
