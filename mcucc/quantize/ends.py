"""Where a network ends for whoever measures its noise: an index has none, its scores have."""

from __future__ import annotations

from mcucc.ir.graph import Graph
from mcucc.ops.arg_max import ArgMax
from mcucc.ops.reshape import Reshape
from mcucc.ops.softmax import Softmax


def end_tensors(graph: Graph) -> tuple[str, ...]:
    """The outputs, before their softmax: a sure picture's probabilities do not move at all.

    Before an index, which moves in steps, too.
    """
    ends: dict[str, None] = {}
    for name in judged_tensors(graph):
        node = graph.producer(name)
        before = node is not None and isinstance(node.op, Softmax)
        ends[node.inputs[0] if node is not None and before else name] = None
    return tuple(ends)


def judged_tensors(graph: Graph) -> tuple[str, ...]:
    """The outputs, and instead of an index the scores it is chosen from."""
    found: dict[str, None] = {}
    for name in graph.outputs:
        scores = scores_of(graph, name)
        found[name if scores is None else scores] = None
    return tuple(found)


def scores_of(graph: Graph, name: str) -> str | None:
    """What an index was chosen from; None for a tensor that is no index, reshaped or not."""
    node = graph.producer(name)
    while node is not None and isinstance(node.op, Reshape):
        node = graph.producer(node.inputs[0])
    return node.inputs[0] if node is not None and isinstance(node.op, ArgMax) else None


def compared_tensors(graph: Graph) -> frozenset[str]:
    """What indices are chosen from, and the tensors that hold the same values unmoved or moved."""
    found: set[str] = set()
    left = [node.inputs[0] for node in graph.nodes if isinstance(node.op, ArgMax)]
    while left:
        name = left.pop()
        found.add(name)
        node = graph.producer(name)
        if node is not None and node.op.SHARES_QUANT:
            left += [source for source in node.inputs if source not in found]
    return frozenset(found)
