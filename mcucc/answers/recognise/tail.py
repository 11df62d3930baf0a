"""The end of a network: what lies between the raw heads, which convolutions write, and the outputs.

It is arithmetic with constants, and moving of numbers: it can be computed for any values of the
heads, not only for those that a picture gives. All questions about an unknown decoder are asked
that way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.frontends.imported import ImportedModel, Port
from mcucc.ir.float_run import evaluate_graph
from mcucc.ir.graph import Graph, Node
from mcucc.ir.tensor import Tensor
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.conv_transpose2d import ConvTranspose2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.fully_connected import FullyConnected

FloatArray = npt.NDArray[np.float64]
Heads = Mapping[str, npt.NDArray[Any]]

MOST_STEPS = 2000  # of a tail; the longest known has 130
MOST_ELEMENTS = 1 << 23  # of a tail's tensor
WEIGHTED = (Conv2d, ConvTranspose2d, DepthwiseConv2d, FullyConnected)


@dataclass(frozen=True, eq=False)
class Tail:
    """The last steps as a float graph whose inputs are the raw heads, (1, H, W, C) each.

    `names` are the heads' names in the model file, `ports` its outputs.
    """

    graph: Graph
    names: Mapping[str, str]
    ports: tuple[Port, ...]

    @property
    def heads(self) -> tuple[str, ...]:
        """The raw heads by their names in the graph."""
        return self.graph.inputs

    def shape(self, head: str) -> tuple[int, int, int]:
        """H, W and C of a head."""
        _, height, width, channels = self.graph.tensors[head].shape
        return height, width, channels

    def evaluate(self, heads: Heads) -> tuple[FloatArray, ...]:
        """The outputs in the file's layout for any values of the heads."""
        with np.errstate(all="ignore"):
            values = evaluate_graph(self.graph, heads)
        return tuple(
            port.in_file(values[port.tensor]).astype(np.float64).reshape(port.shape)
            for port in self.ports
        )


def tails_of(imported: ImportedModel) -> tuple[Tail, ...] | str:
    """The tails of a network that may be a decoder, or why there is none to look at.

    A factor and an offset a channel right behind a convolution may be a norm, which is the head's,
    or a stride, which is the decoder's.
    """
    made = [_tail_of(imported, norms=norms) for norms in (True, False)]
    tails = [tail for tail in made if isinstance(tail, Tail)]
    if len(tails) > 1 and tails[0].heads == tails[1].heads:
        tails = tails[:1]
    return tuple(tails) or str(made[0])


def _tail_of(imported: ImportedModel, *, norms: bool) -> Tail | str:
    """The walk goes back from the outputs to whatever has weights of its own."""
    graph = imported.graph
    open_ = [port.tensor for port in imported.outputs]
    ends, inside = set(open_), set()
    heads: dict[str, None] = {}
    seen: set[str] = set()
    while open_:
        name = open_.pop()
        if name in seen or graph.tensors[name].data is not None:
            continue
        seen.add(name)
        node = graph.producer(name)
        if node is None:
            return "an output follows from an input without any weights"
        if _has_weights(graph, node) or (norms and _is_norm(graph, node)):
            heads[name] = None
            continue
        inside.add(node.name)
        open_ += node.inputs
    refusal = _refusal(graph, heads, ends, len(inside))
    if refusal:
        return refusal
    names = {}
    for head in heads:
        own = imported.name_in_file(head)
        if own is None:
            return f"the raw head {head} is no tensor of the file"
        names[head] = own
    ordered = tuple(node.output for node in graph.nodes if node.output in heads)
    nodes = tuple(node for node in graph.nodes if node.name in inside)
    tensors = {name: _real(tensor) for name, tensor in graph.tensors.items()}
    tail = graph.with_(nodes=nodes, tensors=tensors, inputs=ordered)
    return Tail(tail, {head: names[head] for head in ordered}, imported.outputs)


def _refusal(graph: Graph, heads: Mapping[str, None], ends: set[str], steps: int) -> str:
    """Why these heads are none of a detector whose outputs are decoded; "" where they may be."""
    shapes = [graph.tensors[head].shape for head in heads]
    if not steps or ends.intersection(heads):
        return "its outputs are raw maps already"
    if any(len(shape) != 4 or shape[0] != 1 for shape in shapes):
        return "its outputs follow from vectors, not from maps"
    if steps > MOST_STEPS:
        return f"more than {MOST_STEPS} steps behind its last weights"
    return ""


def _has_weights(graph: Graph, node: Node) -> bool:
    """Whether a node multiplies by numbers that were learned.

    A window of one pixel on channels of their own is a multiplication by constants; a product with
    0, 1, 2 .. is the expected bin of a distribution.
    """
    if not isinstance(node.op, WEIGHTED):
        return False
    weights = graph.tensors[node.inputs[1]]
    if isinstance(node.op, DepthwiseConv2d):
        return weights.shape[:2] != (1, 1)
    values = _real(weights).data
    if values is None:
        return False
    flat = values.reshape(-1)
    return not (flat.size > 1 and np.array_equal(flat, np.arange(flat.size)))


def _is_norm(graph: Graph, node: Node) -> bool:
    """Whether it multiplies the channels of a convolution's map, which nobody else reads."""
    if not isinstance(node.op, DepthwiseConv2d):
        return False
    before = graph.producer(node.inputs[0])
    return (
        before is not None
        and _has_weights(graph, before)
        and len(graph.consumers(before.output)) == 1
    )


def _real(tensor: Tensor) -> Tensor:
    """A tensor of real numbers: integers become what they stand for."""
    if tensor.quant is None:
        return tensor
    data = tensor.data
    if data is not None:
        scale = np.asarray(tensor.quant.scale)
        if scale.size > 1:
            axis = tensor.quant.axis or 0
            scale = scale.reshape([-1 if i == axis else 1 for i in range(data.ndim)])
        data = ((data.astype(np.float64) - tensor.quant.zero_point) * scale).astype(np.float32)
    return replace(tensor, dtype=np.dtype(np.float32), quant=None, data=data)
