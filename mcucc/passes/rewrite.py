"""A Graph being rewritten: what passes ask and change, before it is a frozen Graph again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.graph import Graph, Node, Shape, Tensor
from mcucc.ops.reshape import Reshape


class Rewriter:
    """Nodes in order and tensors by name, both mutable."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.nodes = list(graph.nodes)
        self.tensors = dict(graph.tensors)
        self.inputs, self.outputs = graph.inputs, graph.outputs
        self.changed = False

    def finish(self) -> Graph:
        """The rewritten graph; the very same object when nothing changed."""
        if not self.changed:
            return self._graph
        return self._graph.with_(nodes=self.nodes, tensors=self.tensors)

    # Questions

    def producer(self, name: str) -> Node | None:
        """The node that computes a tensor."""
        return next((node for node in self.nodes if name in node.outputs), None)

    def users(self, name: str) -> list[Node]:
        """The nodes that read a tensor."""
        return [node for node in self.nodes if name in node.inputs]

    def sole_user(self, name: str) -> Node | None:
        """The only reader of a tensor that is no output of the graph, or None."""
        users = self.users(name)
        return users[0] if len(users) == 1 and name not in self.outputs else None

    def constant(self, name: str) -> npt.NDArray[Any] | None:
        """The array of a constant, None for an activation."""
        return self.tensors[name].data

    def fresh(self, name: str) -> str:
        """`name`, numbered when a tensor or a node has it."""
        taken = self.tensors.keys() | {node.name for node in self.nodes}
        number, unique = 0, name
        while unique in taken:
            number += 1
            unique = f"{name}.{number}"
        return unique

    # Changes

    def add_constant(self, name: str, data: npt.NDArray[Any]) -> str:
        """A new float32 constant; returns its name."""
        unique = self.fresh(name)
        self.tensors[unique] = Tensor.const(unique, np.ascontiguousarray(data, dtype=np.float32))
        return unique

    def replace(self, old: Node, *new: Node) -> None:
        """Put nodes in the place of one; nothing deletes it."""
        index = self.nodes.index(old)
        self.nodes[index : index + 1] = new
        self.changed = True

    def redirect(self, old: str, new: str, users: Iterable[Node] | None = None) -> None:
        """Let readers of `old` (all, or these) read `new`."""
        chosen = self.users(old) if users is None else list(users)
        for node in chosen:
            inputs = tuple(new if name == old else name for name in node.inputs)
            self.replace(node, replace(node, inputs=inputs))

    def bypass(self, node: Node) -> bool:
        """Drop a node whose output equals its first input; False where names forbid it."""
        source, output = node.inputs[0], node.output
        if output not in self.outputs:
            self.redirect(output, source)
            self.replace(node)
            return True
        producer = self.producer(source)
        if producer is None or source in self.outputs:
            return False
        # The network's output keeps its name: the tensor behind it takes it over.
        self.replace(node)
        self.tensors[output] = replace(self.tensors[source], name=output)
        self.replace(producer, replace(producer, outputs=(output,)))
        self.redirect(source, output)
        return True

    def give(self, node: Node, maker: Node, shape: Shape) -> None:
        """Put `maker` in the place of `node`; its output may have another shape.

        `maker` computes node.output. Readers that expect the old shape get a Reshape under a new
        name, and so does the network's output, which keeps its name and shape.
        """
        output, old = node.output, self.tensors[node.output]
        if shape == old.shape:
            self.replace(node, replace(maker, outputs=(output,)))
            return
        other = self.fresh(f"{output}.shape")
        view = self.fresh(f"{node.name}.reshape")
        if output in self.outputs:
            self.tensors[other] = replace(old, name=other, shape=shape)
            reshape = Node(view, Reshape(old.shape), (other,), (output,))
            self.replace(node, replace(maker, outputs=(other,)), reshape)
            return
        users = self.users(output)
        self.tensors[other] = replace(old, name=other)
        self.tensors[output] = replace(old, shape=shape)
        reshape = Node(view, Reshape(old.shape), (output,), (other,))
        self.redirect(output, other, users)
        self.replace(node, replace(maker, outputs=(output,)), reshape)
