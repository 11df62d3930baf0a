"""Operator order: the order of a DAG that needs the least memory at its peak.

Best-first search over down-sets (sets of executed nodes) by (peak, nodes left): the first complete
order popped has the least peak. A forced move keeps the search small: a ready node that does not
raise the peak and frees at least what it takes runs at once, which no order can improve on.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mcucc.ir.integer import IntegerGraph, IntegerNode
from mcucc.ir.kernel import Granularity


@dataclass(frozen=True)
class OrderLimits:
    """Limits of the search for an order.

    While the best order is looked for, up to `states` down-sets are kept. Where they do not
    suffice, a `beam` of so many goes through the network level by level: the order it finds is not
    proved to be the best.
    """

    states: int = 3_000
    beam: int = 30


DEFAULT_LIMITS = OrderLimits()


@dataclass(frozen=True)
class Ordered:
    """An order of nodes, its peak in bytes, and whether the peak is proved to be the least."""

    nodes: tuple[IntegerNode, ...]
    peak: int
    optimal: bool


@dataclass(frozen=True)
class _State:
    """A down-set: `done` as a bit mask, bytes alive now, and the largest seen on the way."""

    done: int
    live: int
    peak: int
    order: tuple[int, ...]


class _Costs:
    """Bytes each node takes and frees, by index."""

    def __init__(self, graph: IntegerGraph) -> None:
        self.graph = graph
        self.nodes = graph.nodes
        index = {node.output: i for i, node in enumerate(self.nodes)}
        self.sources = [tuple(dict.fromkeys(node.inputs)) for node in self.nodes]
        self.needs = [
            _mask(index[name] for name in names if name in index) for names in self.sources
        ]
        self.readers: Mapping[str, int] = {
            name: _mask(i for i, node in enumerate(self.nodes) if name in node.inputs)
            for name in graph.activations
        }
        self.size = {name: a.size for name, a in graph.activations.items()}
        self.kept = {*graph.outputs}
        # An alias is its root's bytes; only the last reader of all names frees them.
        self.root: dict[str, str] = {}
        for node in self.nodes:
            if node.kernel.granularity is Granularity.ALIAS:
                self.root[node.output] = self.resolve(node.inputs[0])
        for name, root in self.root.items():
            merged = dict(self.readers)
            merged[root] = merged[root] | merged[name]
            self.readers = merged
            if name in self.kept:
                self.kept.add(root)

    def resolve(self, name: str) -> str:
        """The tensor whose bytes `name` is."""
        return self.root.get(name, name)

    def run(self, state: _State, i: int) -> _State:
        """The state after node i."""
        node, done = self.nodes[i], state.done | 1 << i
        dying = [
            name
            for name in dict.fromkeys(self.resolve(n) for n in self.sources[i])
            if name not in self.kept and self.readers[name] & ~done == 0
        ]
        freed = sum(self.size[name] for name in dying)
        if node.kernel.granularity is Granularity.ALIAS:
            return _State(done, state.live - freed, state.peak, (*state.order, i))
        taken = self.size[node.output]
        in_place = any(
            node.kernel.in_place(k)
            and self.resolve(name) in dying
            and self.size[self.resolve(name)] == taken
            for k, name in enumerate(node.inputs)
        )
        during = state.live + node.scratch_bytes + (0 if in_place else taken)
        unread = node.output not in self.kept and not self.readers[node.output]
        after = state.live + taken - freed - (taken if unread else 0)
        return _State(done, after, max(state.peak, during), (*state.order, i))

    def ready(self, state: _State) -> list[int]:
        """Nodes whose operands are computed."""
        return [
            i
            for i in range(len(self.nodes))
            if not state.done >> i & 1 and self.needs[i] & ~state.done == 0
        ]


def least_peak_order(graph: IntegerGraph, limits: OrderLimits = DEFAULT_LIMITS) -> Ordered:
    """The order of least peak; `optimal` is False when the search was cut off."""
    costs = _Costs(graph)
    start = _State(0, sum(costs.size[name] for name in graph.inputs), 0, ())
    start = _State(0, start.live, start.live, ())
    everything = (1 << len(graph.nodes)) - 1
    queue: list[tuple[int, int, int, _State]] = []
    pushed: dict[int, int] = {}
    tickets = itertools.count()

    def push(state: _State) -> None:
        state = _forced(costs, state)
        if pushed.get(state.done, 1 << 62) > state.peak:
            pushed[state.done] = state.peak
            left = len(graph.nodes) - len(state.order)
            heapq.heappush(queue, (state.peak, left, next(tickets), state))

    push(start)
    while queue:
        state = heapq.heappop(queue)[3]
        if state.done == everything:
            return _ordered(graph, state, optimal=True)
        if len(pushed) > limits.states:
            break
        for i in costs.ready(state):
            push(costs.run(state, i))
    return _ordered(graph, _beam(costs, start, everything, limits.beam), optimal=False)


def with_late_queries(graph: IntegerGraph, nodes: tuple[IntegerNode, ...]) -> list[IntegerNode]:
    """The order with what streams into a product just before it.

    One operand of an attention or a product is read pixel by pixel, the others must be whole before
    it begins. The nodes behind the one, that nothing else reads, can share a stage with it only
    where the others are made before them.
    """
    found = list(nodes)
    makers = {node.output: node for node in nodes}
    for node in nodes:
        if not _needs_whole_operands(node):
            continue
        chain = [node]
        while True:
            name = chain[-1].inputs[0]
            maker = makers.get(name)
            alone = len(graph.consumers(name)) == 1 and name not in graph.outputs
            if maker is None or not alone or len(set(maker.inputs)) != 1:
                break
            if maker.kernel.granularity is not Granularity.ROW or _needs_whole_operands(maker):
                break
            chain.append(maker)
        moved = {id(each) for each in chain[1:]}
        found = [each for each in found if id(each) not in moved]
        place = next(i for i, each in enumerate(found) if each is node)
        found[place:place] = reversed(chain[1:])
    return found


def with_early_lists(graph: IntegerGraph, nodes: Sequence[IntegerNode]) -> list[IntegerNode]:
    """The order with the heads of a detector right behind the maps that they read.

    A head (a sink that makes a list, and the nodes that only it waits for) hardly counts where
    tensors are whole, so that its place in an order of least peak is any. Where rows are streamed
    its map must not wait for it.
    """
    found = list(nodes)
    for node in reversed(nodes):  # what only the last head waits for may be most of the network
        if not _makes_list(graph, node):
            continue
        head = _head_of(graph, node)
        inside = [each for each in found if each.name in head]
        given = {name for each in inside for name in each.inputs}
        rest = [each for each in found if each.name not in head]
        places = [i for i, each in enumerate(rest) if each.output in given]
        place = max(places, default=-1) + 1
        found = [*rest[:place], *inside, *rest[place:]]
    return found


def _makes_list(graph: IntegerGraph, node: IntegerNode) -> bool:
    """Whether a node takes whole maps and makes something else than a pixel of one."""
    if node.kernel.granularity is not Granularity.SINK:
        return False
    channels = graph.activations[node.output].channels
    return len(node.inputs) > 1 or channels != graph.activations[node.inputs[0]].channels


def _head_of(graph: IntegerGraph, sink: IntegerNode) -> set[str]:
    """Names of a sink and of the nodes that nothing but it waits for."""
    names, outputs = {sink.name}, {sink.output}
    readers: dict[str, list[str]] = {}
    for node in graph.nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node.output)
    for node in reversed(graph.nodes):
        own = readers.get(node.output, [])
        if own and node.output not in graph.outputs and outputs.issuperset(own):
            names.add(node.name)
            outputs.add(node.output)
    return names


def _needs_whole_operands(node: IntegerNode) -> bool:
    """Whether pixels of an operand are all read for each pixel of the output."""
    if node.kernel.granularity is not Granularity.ROW:
        return False
    pairs = [node.kernel.windows(i) for i in range(1, len(node.inputs))]
    return any(not w.stride and w.kernel > 1 for pair in pairs for w in pair)


def _forced(costs: _Costs, state: _State) -> _State:
    """Run every node that cannot hurt."""
    progress = True
    while progress:
        progress = False
        for i in costs.ready(state):
            after = costs.run(state, i)
            if after.peak == state.peak and after.live <= state.live:
                state, progress = after, True
    return state


def _beam(costs: _Costs, start: _State, everything: int, width: int) -> _State:
    """The best of a beam of states, level by level."""
    level = [start]
    while level[0].done != everything:
        found: dict[int, _State] = {}
        for state in level:
            for i in costs.ready(state):
                after = costs.run(state, i)
                known = found.get(after.done)
                if known is None or after.peak < known.peak:
                    found[after.done] = after
        level = sorted(found.values(), key=lambda s: (s.peak, s.live))[:width]
    return level[0]


def _ordered(graph: IntegerGraph, state: _State, *, optimal: bool) -> Ordered:
    return Ordered(tuple(graph.nodes[i] for i in state.order), state.peak, optimal)


def _mask(indices: Iterable[int]) -> int:
    mask = 0
    for i in indices:
        mask |= 1 << i
    return mask
