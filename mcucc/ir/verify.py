"""What every graph must satisfy between two passes."""

from __future__ import annotations

from mcucc.errors import ModelError
from mcucc.ir.graph import Graph, Node


def verify(graph: Graph) -> None:
    """Raise ModelError unless the graph is well formed.

    Every value is defined once and before use, every name has a tensor, constants match their
    arrays, and each output has the type its op infers.
    """
    defined = {name for name, tensor in graph.tensors.items() if tensor.data is not None}
    _require(bool(graph.inputs and graph.outputs), graph, "there is no input, or no output")
    for name in graph.inputs:
        _require(name in graph.tensors, graph, f"input {name} has no tensor")
        defined.add(name)
    for name, tensor in graph.tensors.items():
        _require(name == tensor.name, graph, f"tensor {tensor.name} is filed under {name}")
        if tensor.data is not None:
            same = tuple(tensor.data.shape) == tensor.shape and tensor.data.dtype == tensor.dtype
            _require(same, graph, f"constant {name} differs from its array")
    for node in graph.nodes:
        _verify_node(graph, node, defined)
    for name in graph.outputs:
        _require(name in defined, graph, f"output {name} is never computed")
    names = [node.name for node in graph.nodes]
    _require(len(set(names)) == len(names), graph, "two nodes share a name")


def _verify_node(graph: Graph, node: Node, defined: set[str]) -> None:
    for name in node.inputs:
        _require(name in defined, graph, f"node {node.name} reads {name} before it is defined")
    try:
        inferred = node.op.infer([graph.tensors[name].type for name in node.inputs])
    except ValueError as error:
        raise ModelError(str(error), where=f"{graph.name}, node {node.name}") from error
    _require(node.output in graph.tensors, graph, f"{node.output} has no tensor")
    actual = graph.tensors[node.output].type
    _require(
        inferred.shape == actual.shape,
        graph,
        f"node {node.name} computes {inferred.shape}, its tensor says {actual.shape}",
    )
    _require(node.output not in defined, graph, f"{node.output} is defined twice")
    defined.add(node.output)


def _require(condition: bool, graph: Graph, message: str) -> None:
    if not condition:
        raise ModelError(message, where=f"graph {graph.name}")
