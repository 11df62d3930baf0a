"""A Graph being rewritten: what passes ask and change, before it is a frozen Graph again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.graph import Graph, Node
from mcucc.ir.tensor import Shape, Tensor
from mcucc.ops.reshape import Reshape


class Rewriter:
    """Nodes in order and tensors by name, both mutable; every question takes constant time."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.tensors = dict(graph.tensors)
        self.inputs, self.outputs = graph.inputs, graph.outputs
        self.changed = False
        # What stands in the place of each node of the graph, and where each node stands.
        self._places: list[list[Node]] = [[] for _ in graph.nodes]
        self._place: dict[int, int] = {}
        self._producers: dict[str, Node] = {}
        self._users: dict[str, dict[int, Node]] = {}
        self._names: dict[str, Node] = {}
        for place, node in enumerate(graph.nodes):
            self._places[place].append(node)
            self._enter(node, place)

    @property
    def nodes(self) -> list[Node]:
        """All nodes in order."""
        return [node for place in self._places for node in place]

    def finish(self) -> Graph:
        """The rewritten graph; the very same object when nothing changed."""
        if not self.changed:
            return self._graph
        return self._graph.with_(nodes=self.nodes, tensors=self.tensors)

    def _enter(self, node: Node, place: int) -> None:
        self._place[id(node)] = place
        self._names[node.name] = node
        for name in node.outputs:
            self._producers[name] = node
        for name in node.inputs:
            self._users.setdefault(name, {})[id(node)] = node

    def _leave(self, node: Node) -> None:
        del self._place[id(node)]
        if self._names.get(node.name) is node:
            del self._names[node.name]
        for name in node.outputs:
            if self._producers.get(name) is node:
                del self._producers[name]
        for name in dict.fromkeys(node.inputs):
            del self._users[name][id(node)]

    # Questions

    def __contains__(self, node: Node) -> bool:
        """Whether the very same node is still there."""
        return id(node) in self._place

    def named(self, name: str) -> Node | None:
        """The node of this name."""
        return self._names.get(name)

    def producer(self, name: str) -> Node | None:
        """The node that computes a tensor."""
        return self._producers.get(name)

    def users(self, name: str) -> list[Node]:
        """The nodes that read a tensor."""
        found = list(self._users.get(name, {}).values())
        return sorted(found, key=lambda node: self._place[id(node)])

    def sole_user(self, name: str) -> Node | None:
        """The only reader of a tensor that is no output of the graph, or None."""
        users = self.users(name)
        return users[0] if len(users) == 1 and name not in self.outputs else None

    def place(self, node: Node) -> int:
        """Where a node stands: nothing reads what a later place makes."""
        return self._place[id(node)]

    def constant(self, name: str) -> npt.NDArray[Any] | None:
        """The array of a constant, None for an activation."""
        return self.tensors[name].data

    def fresh(self, name: str) -> str:
        """`name`, numbered when a tensor, a node or the model file has it, or had it."""
        return self._graph.fresh(name, self.tensors, self._names)

    # Changes

    def add_constant(self, name: str, data: npt.NDArray[Any]) -> str:
        """A new float32 constant; returns its name."""
        unique = self.fresh(name)
        self.tensors[unique] = Tensor.const(unique, np.ascontiguousarray(data, dtype=np.float32))
        return unique

    def add_like(self, model: str, name: str, channels: int | None = None) -> str:
        """A new tensor of another's type, or with so many channels; returns its name."""
        unique, like = self.fresh(name), self.tensors[model]
        shape = like.shape if channels is None else (*like.shape[:-1], channels)
        self.tensors[unique] = replace(like, name=unique, shape=shape)
        return unique

    def replace(self, old: Node, *new: Node) -> None:
        """Put nodes in the place of one; nothing deletes it."""
        place = self._place[id(old)]
        stand = self._places[place]
        index = next(i for i, node in enumerate(stand) if node is old)
        self._leave(old)
        stand[index : index + 1] = new
        for node in new:
            self._enter(node, place)
        self.changed = True

    def prepend(self, node: Node) -> None:
        """Put a node before all others."""
        if not self._places:
            self._places.append([])
        self._places[0].insert(0, node)
        self._enter(node, 0)
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
