"""A graph to which nodes are added behind its outputs: float or int8, by the same calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mcucc.ir.graph import Graph, Node
from mcucc.ir.op import Op
from mcucc.ir.tensor import Quant, Tensor
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import INT8, INT8_MAX, INT16
from mcucc.ops.requantize import Requantize


class Builder:
    """Adds nodes; `outputs` become those of the graph, in the order of what they are made of."""

    def __init__(self, graph: Graph) -> None:
        self._graph, self._nodes = graph, list(graph.nodes)
        self.tensors = dict(graph.tensors)
        self._names = {node.name for node in graph.nodes}
        self._makers = {name: node for node in graph.nodes for name in node.outputs}
        self._narrow: dict[str, str] = {}
        self.quantized = any(self.tensors[name].quant is not None for name in graph.inputs)

    def shape(self, name: str) -> tuple[int, int, int]:
        """(height, width, channels) of a tensor."""
        return hwc(self.tensors[name].shape)

    def producer(self, name: str) -> Node | None:
        """The node that makes a tensor."""
        return self._makers.get(name)

    def add(self, name: str, op: Op, inputs: Sequence[str]) -> str:
        """A node and its output, both called `name` or a numbered form of it.

        What it writes is quantized as the op prescribes, or as what it reads.
        """
        unique = self._graph.fresh(name, self.tensors, self._names)
        made = op.infer([self.tensors[i].type for i in inputs])
        first = self.tensors[inputs[0]]
        tensor = Tensor(unique, made.shape, made.dtype)
        if self.quantized:
            quant = op.fixed_quant() or first.quantization
            tensor = Tensor(unique, made.shape, INT8 if op.fixed_quant() else first.dtype, quant)
        self._put(Node(unique, op, tuple(inputs), (unique,)), tensor)
        return unique

    def int8(self, name: str) -> str:
        """The tensor in int8: of int16 the upper bits."""
        tensor = self.tensors[name]
        if tensor.dtype != INT16:
            return name
        if name not in self._narrow:
            unique = self._graph.fresh(f"{name}/int8", self.tensors, self._names)
            most = max(map(abs, tensor.interval)) * tensor.quantization.per_tensor_scale
            made = Tensor(unique, tensor.shape, INT8, Quant((most / INT8_MAX,)))
            self._put(Node(unique, Requantize(), (name,), (unique,)), made)
            self._narrow[name] = unique
        return self._narrow[name]

    def _put(self, node: Node, tensor: Tensor) -> None:
        self.tensors[tensor.name] = tensor
        self._nodes.append(node)
        self._names.add(node.name)
        self._makers[tensor.name] = node

    def finish(self, ends: Iterable[tuple[str, tuple[str, ...]]]) -> Graph:
        """The graph that ends in these (output, heads it is made of), and in what no one reads.

        An output stands where the first of its heads stood.
        """
        made: dict[str, list[str]] = {}
        for output, heads in ends:
            made.setdefault(heads[0], []).append(output)
            for head in heads[1:]:
                made.setdefault(head, [])
        outputs: dict[str, None] = {}
        for name in self._graph.outputs:
            outputs.update(dict.fromkeys(made.get(name, [name])))
        return self._graph.with_(nodes=self._nodes, tensors=self.tensors, outputs=outputs)
