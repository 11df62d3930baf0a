"""Which tensors must have one and the same scale and zero point.

Ops that move values without arithmetic (MaxPool, Reshape, Pad, ...) give their output the
quantization of their input. An op of several inputs that can rescale them (Concat) shares one
quantization with every input that nobody else reads, so that it becomes a copy; any other input is
rescaled by a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mcucc.ir.graph import Graph, Node
from mcucc.ir.tensor import Quant
from mcucc.ops.pad import Pad

INFINITE = 1e30  # pads beyond stand for infinity: they saturate instead of widening the range


@dataclass(frozen=True, eq=False)
class QuantGroup:
    """Tensors of one quantization, in topological order.

    `measured` are the members whose values are new: their ranges make the group's range.
    `fixed` is the quantization when an op or the input prescribes it.
    """

    members: tuple[str, ...]
    measured: tuple[str, ...]
    fixed: Quant | None


def quant_groups(graph: Graph) -> tuple[QuantGroup, ...]:
    """Every activation of `graph` in exactly one group, ordered by first member."""
    order = [*graph.inputs, *(node.output for node in graph.nodes)]
    fixed = _fixed(graph)
    union = _merge(graph, order, fixed)
    members: dict[str, list[str]] = {}
    for name in order:
        members.setdefault(union.root(name), []).append(name)
    producers = {node.output: node for node in graph.nodes}
    groups = []
    for names in members.values():
        prescribed = [fixed[name] for name in names if name in fixed]
        same = set(names)
        measured = tuple(n for n in names if _is_new(graph, producers.get(n), same))
        groups.append(QuantGroup(tuple(names), measured, prescribed[0] if prescribed else None))
    return tuple(groups)


def _fixed(graph: Graph) -> dict[str, Quant]:
    fixed = {}
    for name in graph.inputs:
        quant = graph.tensors[name].quant
        if quant is not None:
            fixed[name] = quant
    for node in graph.nodes:
        prescribed = node.op.fixed_quant()
        if prescribed is not None:
            fixed[node.output] = prescribed
    return fixed


class _Union:
    """Union-find over tensors in topological order; a root is the earliest of its group."""

    def __init__(self, order: Sequence[str], fixed: Mapping[str, Quant]) -> None:
        self._rank = {name: i for i, name in enumerate(order)}
        self._parent = {name: name for name in order}
        self._bound = dict(fixed)

    def __contains__(self, name: str) -> bool:
        return name in self._rank

    def root(self, name: str) -> str:
        while self._parent[name] != name:
            name = self._parent[name]
        return name

    def bound(self, name: str) -> Quant | None:
        """The prescribed quantization of the group of `name`."""
        return self._bound.get(self.root(name))

    def unite(self, a: str, b: str) -> None:
        first, second = sorted((self.root(a), self.root(b)), key=self._rank.__getitem__)
        self._parent[second] = first
        if second in self._bound:
            self._bound.setdefault(first, self._bound[second])


def _merge(graph: Graph, order: Sequence[str], fixed: Mapping[str, Quant]) -> _Union:
    union = _Union(order, fixed)
    for node in graph.nodes:
        source = node.inputs[0]
        if node.op.SHARES_QUANT and not node.op.RESCALES and source in union:
            union.unite(source, node.output)
    for node in graph.nodes:
        if node.op.RESCALES:
            _merge_inputs(graph, node, union)
    return union


def _merge_inputs(graph: Graph, node: Node, union: _Union) -> None:
    """Unite the output with the inputs it alone reads."""
    inputs = [name for name in dict.fromkeys(node.inputs) if name in union]
    quants = {union.bound(name) for name in inputs}
    if len(quants) == 1 and None not in quants and union.bound(node.output) is None:
        # All inputs are prescribed the same quantization (say, several sigmoids): keep it.
        for name in inputs:
            union.unite(name, node.output)
        return
    for name in inputs:
        free = union.bound(name) is None and union.bound(node.output) is None
        if free and len(graph.consumers(name)) == 1:
            union.unite(name, node.output)


def _is_new(graph: Graph, producer: Node | None, group: set[str]) -> bool:
    """Whether a member's values are not all copies of other members' values."""
    if producer is None or not producer.op.SHARES_QUANT:
        return True
    if isinstance(producer.op, Pad):
        return 0.0 < abs(producer.op.value) < INFINITE
    return not all(name in group for name in producer.inputs)
