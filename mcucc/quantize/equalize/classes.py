"""Which channels of which tensors share one factor: classes of the pairs (tensor, channel).

A factor k > 0 that a layer gives its output channel goes through ops that only move values or that
are homogeneous, and is taken back by the weights of the layers that read it: layers with weights
end a class. Channels are fixed (k = 1) at inputs and outputs of the network, on both sides of any
other function, and where a clamp does not hold 0: clamps are homogeneous only about 0.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from mcucc.ir.graph import Graph, Node
from mcucc.ir.op import FloatArray
from mcucc.ir.tensor import Tensor
from mcucc.numerics.fixed_point import NO_CLAMP
from mcucc.passes.linear import Linear

Numbers = npt.NDArray[np.int64]
FIXED = -1
LARGEST_LABEL = 2**23  # a float32 holds twice that exactly


@dataclass(frozen=True, eq=False)
class ChannelClasses:
    """The class of every channel by tensor, (C,) each: 0 to `count` - 1, or FIXED."""

    count: int
    of: Mapping[str, Numbers]


def channel_classes(graph: Graph, fixed: Collection[str] = ()) -> ChannelClasses:
    """The classes of the activations of `graph`; the tensors in `fixed` keep their values, too."""
    union = _ChannelUnion([t for t in graph.tensors.values() if t.data is None])
    for name in (*graph.inputs, *graph.outputs, *fixed):
        union.fix(name)
    for node in graph.nodes:
        _relate(graph, node, union)
    return union.classes()


def is_layer(graph: Graph, node: Node) -> bool:
    """Whether factors go into the node's weights: a layer whose constants are known reals."""
    constants = graph.tensors_of(node.inputs[1:])
    known = all(t.data is not None and t.data.dtype.kind == "f" for t in constants)
    return isinstance(node.op, Linear) and known


class _ChannelUnion:
    """Union-find over channels; all tensors' channels are numbered in one row, 0 is fixed."""

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self.numbers: dict[str, Numbers] = {}
        count = 1
        for tensor in tensors:
            channels = tensor.shape[-1]
            self.numbers[tensor.name] = np.arange(count, count + channels)
            count += channels
        self._parent = list(range(count))

    def root(self, number: int) -> int:
        """The smallest number of the class."""
        while self._parent[number] != number:
            self._parent[number] = self._parent[self._parent[number]]
            number = self._parent[number]
        return number

    def unite(self, a: int, b: int) -> None:
        first, second = sorted((self.root(a), self.root(b)))
        self._parent[second] = first

    def fix(self, name: str) -> None:
        """All channels of a tensor."""
        for number in self.numbers.get(name, ()):
            self.unite(0, int(number))

    def classes(self) -> ChannelClasses:
        """Numbered in the order of their first channels."""
        roots = np.array([self.root(number) for number in range(len(self._parent))])
        names = np.unique(roots)
        places = np.searchsorted(names, roots) - 1
        of = {name: places[numbers] for name, numbers in self.numbers.items()}
        return ChannelClasses(names.size - 1, of)


def _relate(graph: Graph, node: Node, union: _ChannelUnion) -> None:
    op, clamp = node.op, node.op.fused_clamp
    read = [name for name in node.inputs if name in union.numbers]
    if not clamp.lo <= 0.0 <= clamp.hi:
        union.fix(node.output)
    if is_layer(graph, node):
        return
    if op.SCALED_BY and len(read) == len(node.inputs):
        _channelwise(node, union)
    elif op.SHARES_QUANT and clamp == NO_CLAMP and len(read) == len(node.inputs):
        _copied(graph, node, union)
    else:
        for name in (*read, node.output):
            union.fix(name)


def _channelwise(node: Node, union: _ChannelUnion) -> None:
    output = union.numbers[node.output]
    for index, name in enumerate(node.inputs):
        source = union.numbers[name]
        if index not in node.op.SCALED_BY or source.size != output.size:
            union.fix(name)
            if index in node.op.SCALED_BY:
                union.fix(node.output)
            continue
        for a, b in zip(source.tolist(), output.tolist(), strict=True):
            union.unite(a, b)


def _copied(graph: Graph, node: Node, union: _ChannelUnion) -> None:
    """Follow the values of an op that only moves them, by moving numbers instead."""
    sources = [union.numbers[name] for name in node.inputs]
    labels = np.concatenate(sources)
    if labels.size > LARGEST_LABEL or prod(graph.tensors[node.output].shape) > LARGEST_LABEL * 8:
        for name in (*node.inputs, node.output):
            union.fix(name)
        return
    moved, other = (on_channel_numbers(graph, node, more) for more in (0, labels.size))
    constant = moved == other  # what the op puts there itself
    own = (moved != 0) & (np.abs(moved) < np.inf) & constant
    moved = np.where(constant, 0, moved).astype(np.int64)
    uniform = (moved == moved[0]).all(axis=0)
    for channel, number in enumerate(union.numbers[node.output].tolist()):
        if own[:, channel].any():
            union.unite(0, number)
        column = moved[:1, channel] if uniform[channel] else np.unique(moved[:, channel])
        for label in column[column > 0]:
            union.unite(int(labels[label - 1]), number)


def on_channel_numbers(graph: Graph, node: Node, more: int = 0) -> FloatArray:
    """The op on inputs whose channels hold the numbers from 1 + `more` on: (positions, C)."""
    inputs, begin = [], 1 + more
    for tensor in graph.tensors_of(node.inputs):
        row = np.arange(begin, begin + tensor.shape[-1], dtype=np.float32)
        inputs.append(np.broadcast_to(row, tensor.shape))
        begin += tensor.shape[-1]
    made = node.op.unclamped().evaluate(inputs)
    return made.reshape(-1, made.shape[-1])
