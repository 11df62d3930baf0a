"""Graph, Node and Tensor: a network as data.

Activations are NHWC with batch 1; vectors are (1, N). Constants carry their array.
Weights: Conv2d (C_out, kh, kw, C_in / groups), DepthwiseConv2d (kh, kw, C_out),
FullyConnected (C_out, C_in).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from mcucc.ir.op import Op
from mcucc.ir.tensor import Tensor


@dataclass(frozen=True)
class Node:
    """One operation; `inputs` are activations and constants in the order the op states.

    `merges`: the layers of the model file that it computes at once, where they are several.
    """

    name: str
    op: Op
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    merges: tuple[str, ...] = ()

    @property
    def output(self) -> str:
        """The name of the only output."""
        (name,) = self.outputs
        return name


@dataclass(frozen=True, eq=False)
class Graph:
    """A network in topological order. `tensors` holds every value by name.

    `reserved` are names of the model file: no tensor made later takes one, whatever is left of it.
    """

    name: str
    nodes: tuple[Node, ...]
    tensors: Mapping[str, Tensor]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    reserved: frozenset[str] = frozenset()

    def producer(self, tensor: str) -> Node | None:
        """The node that computes `tensor`, or None for inputs and constants."""
        return self._producers.get(tensor)

    def consumers(self, tensor: str) -> tuple[Node, ...]:
        """The nodes that read `tensor`, in order."""
        return tuple(self._consumers.get(tensor, ()))

    @cached_property
    def _producers(self) -> dict[str, Node]:
        return {name: node for node in self.nodes for name in node.outputs}

    @cached_property
    def _consumers(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found.setdefault(name, []).append(node)
        return found

    def fresh(self, wanted: str, *taken: Container[str]) -> str:
        """`wanted`, numbered when a tensor, the model file or anything in `taken` has that name."""
        name, number = wanted, 0
        while any(name in names for names in (self.tensors, self.reserved, *taken)):
            number += 1
            name = f"{wanted}.{number}"
        return name

    def tensors_of(self, names: Iterable[str]) -> tuple[Tensor, ...]:
        """The tensors of these names, in order."""
        return tuple(self.tensors[name] for name in names)

    def with_(
        self,
        *,
        nodes: Iterable[Node] | None = None,
        tensors: Mapping[str, Tensor] | None = None,
        inputs: Iterable[str] | None = None,
        outputs: Iterable[str] | None = None,
    ) -> Graph:
        """A copy with parts replaced and tensors nobody refers to dropped."""
        changed = replace(
            self,
            nodes=self.nodes if nodes is None else tuple(nodes),
            tensors=self.tensors if tensors is None else tensors,
            inputs=self.inputs if inputs is None else tuple(inputs),
            outputs=self.outputs if outputs is None else tuple(outputs),
        )
        used = {*changed.inputs, *changed.outputs}
        for node in changed.nodes:
            used.update(node.inputs, node.outputs)
        kept = {name: tensor for name, tensor in changed.tensors.items() if name in used}
        return replace(changed, tensors=kept)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(
            node.op.macs(self.tensors_of(node.inputs), self.tensors[node.output])
            for node in self.nodes
        )

    @property
    def parameters(self) -> int:
        """Number of constant elements (weights and biases)."""
        return sum(t.data.size for t in self.tensors.values() if t.data is not None)
