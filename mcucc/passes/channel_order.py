"""Channels in another order (shuffles, `x[:, order]`) cost nothing where weights can follow them.

Transposes that only move channels within pixels become GatherChannels. Such an order travels
downstream, through what treats all channels alike, until layers with weights, or other orders,
absorb it; else into the layer that makes its channels. Of a choice of channels it leaves their
ascending order: few runs to copy. What cannot vanish stays a copy within pixels, row by row.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mcucc.ir.graph import Graph, Node
from mcucc.ir.tensor import Tensor
from mcucc.ir.window import hwc
from mcucc.ops.concat import Concat
from mcucc.ops.gather_channels import GatherChannels
from mcucc.ops.permute import Permute
from mcucc.ops.reshape import Reshape
from mcucc.ops.slice import Slice
from mcucc.ops.transpose import Transpose
from mcucc.passes.constant_channels import KeptChannels
from mcucc.passes.ordered import Followed, Order, Taken, follow, make
from mcucc.passes.rewrite import Rewriter

ENDING = "/ordered"
MOST_STEPS = 8  # transposes and reshapes in a row that are looked at together
MOST_ELEMENTS = 2**26  # that are moved in all, to see where they go
MOST_NODES = 2**14  # that orders are followed through, in all


def run(graph: Graph) -> Graph:
    """Fold every order of channels that can be; tensors in another order have new names."""
    return ordered(graph)[0]


def ordered(graph: Graph) -> tuple[Graph, dict[str, KeptChannels]]:
    """The same, float or int8, and what tensors of new names hold, by these."""
    return _Pass(graph).done()


class _Pass:
    """A graph whose orders are folded one by one."""

    def __init__(self, graph: Graph) -> None:
        self._graph = Rewriter(graph)
        self._made: dict[str, KeptChannels] = {}
        self._elements, self._nodes = MOST_ELEMENTS, MOST_NODES

    def done(self) -> tuple[Graph, dict[str, KeptChannels]]:
        """The rewritten graph."""
        graph = self._graph
        for node in reversed(graph.nodes):
            if node in graph and isinstance(node.op, Reshape | Transpose | Permute):
                self._recognize(node)
        for node in graph.nodes:
            if node in graph:
                _ = self._compose(node) or self._join(node)
        for old in graph.nodes:
            found = graph.named(old.name)
            node = old if found is None else found
            if node in graph and isinstance(node.op, GatherChannels):
                self._fold(node, np.array(node.op.positions))
        return graph.finish(), self._made

    # Seeing orders

    def _recognize(self, node: Node) -> None:
        """A picture that is another one with its channels in another order, by whatever steps."""
        graph, output = self._graph, self._graph.tensors[node.output]
        steps: list[Node] = []
        at: Node | None = node
        found = None
        while at is not None and isinstance(at.op, Reshape | Transpose | Permute):
            steps.append(at)
            source = graph.tensors[at.inputs[0]]
            moves = any(not isinstance(step.op, Reshape) for step in steps)
            if moves and hwc(source.shape) == hwc(output.shape) and source.quant == output.quant:
                positions = self._positions(source, steps)
                found = found if positions is None else (source, positions)
            at = graph.producer(source.name) if len(steps) < MOST_STEPS else None
        if found is not None:
            source, op = found[0], GatherChannels(tuple(found[1].tolist()))
            graph.give(node, replace(node, op=op, inputs=(source.name,)), source.shape)
            self._drop(steps[1:])

    def _positions(self, source: Tensor, steps: Sequence[Node]) -> Order | None:
        """The order of channels that the steps make of every pixel of `source`."""
        size, channels = int(np.prod(source.shape)), source.shape[-1]
        self._elements -= size * len(steps)
        if self._elements < 0 or size >= 2**24:  # float32 numbers so many
            return None
        value = np.arange(size, dtype=np.float32).reshape(source.shape)
        for step in reversed(steps):
            value = step.op.evaluate([value])
        places = value.reshape(-1, channels).astype(np.int64)
        first: Order = places[0]
        same = places == first + channels * np.arange(len(places))[:, None]
        return first if same.all() and first.max() < channels else None

    def _chosen(self, node: Node | None) -> Order | None:
        """Which channels of all pixels of its input a node takes, or None."""
        if node is None or not isinstance(node.op, GatherChannels | Slice):
            return None
        if isinstance(node.op, GatherChannels):
            return np.array(node.op.positions)
        op, (height, width, channels) = node.op, hwc(self._graph.tensors[node.inputs[0]].shape)
        whole = op.begin[:2] == (0, 0) and op.size[:2] == (height, width)
        every = op.stride[:2] == (1, 1) or (height, width) == (1, 1)
        return np.arange(channels)[op.taken[-1]] if whole and every else None

    def _compose(self, node: Node) -> bool:
        """A choice of a choice of channels, one of them in another order, is one."""
        inner = self._graph.producer(node.inputs[0]) if node.inputs else None
        first, second = self._chosen(inner), self._chosen(node)
        if inner is None or first is None or second is None:
            return False
        quants = {self._graph.tensors[n].quant for n in (*inner.inputs, inner.output, node.output)}
        if len(quants) > 1 or (isinstance(inner.op, Slice) and isinstance(node.op, Slice)):
            return False
        op = GatherChannels(tuple(first[second].tolist()))
        self._graph.replace(node, replace(node, op=op, inputs=inner.inputs))
        self._drop([inner])
        return True

    def _join(self, node: Node) -> bool:
        """Choices of channels of one tensor, joined again."""
        graph = self._graph
        channels = graph.tensors[node.output].shape
        if not isinstance(node.op, Concat) or node.op.axis != len(channels) - 1:
            return False
        makers = [graph.producer(name) for name in node.inputs]
        chosen = [self._chosen(maker) for maker in makers]
        found = [(m, c) for m, c in zip(makers, chosen, strict=True) if m is not None]
        parts = [part for _, part in found if part is not None]
        alone = all(graph.sole_user(name) is not None for name in node.inputs)
        read = [name for maker, _ in found for name in maker.inputs]
        quants = {graph.tensors[name].quant for name in (*read, *node.inputs, node.output)}
        sources = {maker.inputs[0] for maker, _ in found}
        if len(parts) < len(node.inputs) or len(sources) > 1 or len(quants) > 1 or not alone:
            return False
        op = GatherChannels(tuple(np.concatenate(parts).tolist()))
        graph.replace(node, replace(node, op=op, inputs=(sources.pop(),)))
        self._drop([maker for maker, _ in found])
        return True

    # Folding them

    def _fold(self, node: Node, positions: Order) -> None:
        """Absorb an order of channels as far as it can be."""
        graph = self._graph
        if len(np.unique(positions)) == len(positions):
            ranks = np.argsort(np.argsort(positions))
            if not _ascending(ranks) and self._into_readers(node, positions, ranks):
                positions = np.sort(positions)
                node = graph.named(node.name) or node
        if node not in graph or self._into_maker(node, positions):
            return
        channels = graph.tensors[node.inputs[0]].shape[-1]
        if _ascending(positions) and positions.size == channels and graph.bypass(node):
            return
        steps = set(np.diff(positions).tolist()) or {1}
        shape = hwc(graph.tensors[node.output].shape)
        if len(steps) == 1 and min(steps) > 0:
            begin, stride = (0, 0, int(positions[0])), (1, 1, steps.pop())
            graph.replace(node, replace(node, op=Slice(begin, shape, stride)))

    def _into_readers(self, node: Node, positions: Order, ranks: Order) -> bool:
        """Let all that reads `node` read its channels in ascending order."""
        graph = self._graph
        steps = self._followed(node.output, ranks)
        if steps is None:
            return False
        if positions.size == graph.tensors[node.inputs[0]].shape[-1]:
            names = {node.output: node.inputs[0]}
        else:
            names = {node.output: self._ordered(node.output, np.argsort(ranks))}
            op = GatherChannels(tuple(np.sort(positions).tolist()))
            graph.replace(node, replace(node, op=op, outputs=(names[node.output],)))
        for reader, followed in steps:
            output = reader.output
            if followed.order is not None:
                names[output] = self._ordered(output, np.argsort(followed.order))
            self._change(reader, followed, names)
        if node in graph:
            graph.replace(node)
        return True

    def _followed(self, name: str, order: Order) -> list[tuple[Node, Followed]] | None:
        """What all that reads a tensor becomes where its channels are in another order."""
        graph, orders = self._graph, {name: order}
        steps: list[tuple[Node, Followed]] = []
        waiting = [(graph.place(n), n.name) for n in graph.users(name)]
        heapq.heapify(waiting)
        if name in graph.outputs or not waiting:
            return None
        seen: set[str] = set()
        while waiting:
            _, label = heapq.heappop(waiting)
            reader = graph.named(label)
            if label in seen or reader is None:
                continue
            seen.add(label)
            self._nodes -= 1
            followed = follow(reader, graph.tensors, orders) if self._nodes > 0 else None
            if followed is None:
                return None
            steps.append((reader, followed))
            if followed.order is not None:
                if reader.output in graph.outputs:
                    return None
                orders[reader.output] = followed.order
                for further in graph.users(reader.output):
                    heapq.heappush(waiting, (graph.place(further), further.name))
        return steps

    def _into_maker(self, node: Node, positions: Order) -> bool:
        """Let the layer that makes the channels make them in this order, or these only."""
        graph = self._graph
        steps: list[tuple[Node, Followed]] = []
        name, ends = node.inputs[0], False
        while not ends:
            maker = graph.producer(name)
            if maker is None or graph.sole_user(name) is None or not maker.inputs:
                return False
            found = make(maker, graph.tensors, positions)
            if found is None or positions.size > graph.tensors[name].shape[-1]:
                return False
            steps.append((maker, found[0]))
            name, ends = maker.inputs[0], found[1]
        names: dict[str, str] = {}
        for maker, followed in reversed(steps):
            last = maker is steps[0][0]
            old = maker.output
            names[old] = node.output if last else self._ordered(old, positions)
            if last:
                graph.replace(node)
            self._change(maker, followed, names)
        return True

    def _change(self, node: Node, followed: Followed, names: dict[str, str]) -> None:
        """Put the node as it follows an order in its place, with inputs and output of `names`."""
        inputs = [names.get(name, name) for name in node.inputs]
        for index, taken in followed.constants.items():
            inputs[index] = self._taken(node.inputs[index], taken)
        output = names.get(node.output, node.output)
        changed = replace(node, op=followed.op, inputs=tuple(inputs), outputs=(output,))
        self._graph.replace(node, changed)

    def _ordered(self, name: str, channels: Order) -> str:
        """A new tensor of these channels of another one; returns its name."""
        old = self._graph.tensors[name]
        wanted = f"{name.removesuffix(ENDING)}{ENDING}"
        new = self._graph.add_like(name, wanted, channels.size)
        known = self._made.get(name, KeptChannels(name, tuple(range(old.shape[-1]))))
        entries = tuple(known.channels[entry] for entry in channels)
        self._made[new] = KeptChannels(known.tensor, entries)
        return new

    def _taken(self, name: str, taken: Taken) -> str:
        """A new constant: entries of another one; returns its name."""
        old = self._graph.tensors[name]
        data = np.ascontiguousarray(np.take(old.constant, taken.entries, taken.axis))
        quant = old.quant
        if quant is not None and quant.axis == taken.axis and len(quant.scale) > 1:
            scale = tuple(quant.scale[entry] for entry in taken.entries)
            quant = replace(quant, scale=scale)
        new = self._graph.fresh(name)
        self._graph.tensors[new] = Tensor.const(new, data, quant)
        return new

    def _drop(self, nodes: Sequence[Node]) -> None:
        """The nodes that nothing reads, readers first."""
        for node in nodes:
            unread = node in self._graph and not self._graph.users(node.output)
            if unread and node.output not in self._graph.outputs:
                self._graph.replace(node)


def _ascending(order: Order) -> bool:
    return np.array_equal(order, np.arange(order.size))
