"""A network as the planner sees it: nodes in order, tensors by number, lifetimes, rates.

An input whose rows come one by one has a source: a node without operands that produces rows. It
takes no position of its own, as it always runs in the stage of its first reader. Whether an input
is in the arena from the start or comes by rows is decided here and nowhere else.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

from mcucc.ir.integer import IntegerGraph, IntegerNode
from mcucc.ir.kernel import Granularity
from mcucc.ir.window import Window
from mcucc.schedule.expand.work import NodeWork, work_of
from mcucc.schedule.plan.buffers import BufferKind
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.row_outputs import check_leaves

STREAMING = (Granularity.ROW, Granularity.BLOCK, Granularity.SINK)


@dataclass(frozen=True)
class Operand:
    """One activation input of a node, and its windows (None: the whole tensor is read)."""

    tensor: int
    rows: Window | None
    columns: Window | None


@lru_cache(maxsize=1 << 13)  # views of a network have most nodes in common
def _scratch(node: IntegerNode, columns: int, rows: int) -> int:
    return node.narrowed(columns, rows).scratch_bytes


@dataclass(frozen=True)
class PlannerNode:
    """What the planner needs of a node; `scratch_bytes` are those of calls that make whole rows."""

    name: str
    granularity: Granularity
    output: int
    operands: tuple[Operand, ...]
    scratch_bytes: int
    node: IntegerNode
    work: NodeWork

    def scratch(self, columns: int, rows: int) -> int:
        """Scratch bytes of calls that make at most so many columns and rows."""
        return _scratch(self.node, columns, rows)

    @property
    def streams(self) -> bool:
        """Whether the node can work row by row inside a fused stage."""
        return self.granularity in STREAMING


@dataclass(frozen=True)
class Source:
    """What produces the rows of an input, in order and only as many as its readers ask for.

    Rows of a camera come `once`; those of a mapped image can be read again from the first one on.
    """

    once: bool


@dataclass(frozen=True)
class PlannerTensor:
    """Shape and life of a tensor.

    `producer` is the position of its node (-1: a network input), `last` that of its last reader
    (the number of nodes for network outputs). `root` is the tensor whose bytes it is (aliases).
    `born` is the position in whose stage its first bytes come to be: that of its producer, that of
    the first reader where it has a `source`, -1 where it is there from the start. Rows of one that
    `leaves` are handed out as they are complete: nothing of it outlives the stage that makes it.
    """

    name: str
    height: int
    width: int
    channels: int
    pixel_bytes: int
    producer: int
    last: int
    root: int
    born: int
    source: Source | None = None
    leaves: bool = False

    @property
    def size(self) -> int:
        """Bytes."""
        return self.height * self.row_bytes

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.width * self.pixel_bytes

    def arrives(self, begin: int) -> bool:
        """Whether a source produces it in stages from node `begin` on."""
        return self.source is not None and self.born >= begin

    def alive(self, begin: int) -> bool:
        """Whether it lies in the arena, whole, before the stages from node `begin` on."""
        return self.born < begin <= self.last

    def stored(self, end: int) -> bool:
        """Whether a stage that makes it and ends before node `end` makes it for others.

        Readers after the stage then, or whoever takes its rows as they leave.
        """
        return self.leaves or self.last >= end


# What nodes in a row are, and how the tensors that they touch live beyond them.
Context = tuple[object, ...]


class PlannerGraph:
    """The nodes of `graph` in their order, tensors by number: first the inputs.

    Raises ModelError where one of `row_outputs` cannot leave by rows.
    """

    def __init__(
        self, graph: IntegerGraph, image: ImagePolicy, row_outputs: Sequence[str] = ()
    ) -> None:
        self.graph, self.image, self.row_outputs = graph, image, tuple(row_outputs)
        names = [*graph.inputs, *(node.output for node in graph.nodes)]
        self.number = {name: i for i, name in enumerate(names)}
        self.nodes = tuple(self._node(node) for node in graph.nodes)
        self.inputs = tuple(self.number[name] for name in graph.inputs)
        self.outputs = tuple(self.number[name] for name in graph.outputs)
        self.tensors = self._tensors(names)

    def _node(self, node: IntegerNode) -> PlannerNode:
        kernel = node.kernel
        windowed = kernel.granularity in STREAMING
        operands = []
        for i, name in enumerate(node.inputs):
            rows, columns = kernel.windows(i) if windowed else (None, None)
            if rows is not None and rows.stride == 0:
                rows = columns = None
            operands.append(Operand(self.number[name], rows, columns))
        return PlannerNode(
            name=node.name,
            granularity=kernel.granularity,
            output=self.number[node.output],
            operands=tuple(operands),
            scratch_bytes=node.scratch_bytes,
            node=node,
            work=work_of(node),
        )

    def _tensors(self, names: Sequence[str]) -> tuple[PlannerTensor, ...]:
        count = len(self.nodes)
        last = [-1] * len(names)
        producer = [-1] * len(names)
        root = list(range(len(names)))
        for position, node in enumerate(self.nodes):
            producer[node.output] = position
            for operand in node.operands:
                last[operand.tensor] = position
            if node.granularity is Granularity.ALIAS:
                root[node.output] = root[node.operands[0].tensor]
        check_leaves(self.graph, self.row_outputs)
        leaving = {self.number[name] for name in self.row_outputs}
        for number in self.outputs:
            last[number] = producer[number] if number in leaving else count
        for number in range(len(names)):  # a tensor lives as long as any name of its bytes
            last[root[number]] = max(last[root[number]], last[number])
        source = Source(self.image is ImagePolicy.ROWS) if self.image.streams else None
        found = []
        for i, name in enumerate(names):
            a = self.graph.activations[name]
            shape = a.name, a.height, a.width, a.channels, a.pixel_bytes
            if producer[i] < 0 and source is not None:
                born = min(self.readers(i), default=0)
                found.append(PlannerTensor(*shape, producer[i], last[i], root[i], born, source))
            else:
                life = producer[i], last[i], root[i], producer[i]
                found.append(PlannerTensor(*shape, *life, leaves=i in leaving))
        return tuple(found)

    @cached_property
    def scales(self) -> tuple[tuple[Fraction, Fraction], ...]:
        """Rows and columns of an origin per row and column of each tensor.

        Origins are the inputs, and tensors to which no path or paths of different strides lead.
        """
        origin = (Fraction(1), Fraction(1))
        found = [origin] * len(self.tensors)
        for node in self.nodes:
            scales: set[tuple[Fraction, Fraction]] = set()
            for operand in node.operands:
                base = found[operand.tensor]
                if operand.rows is None or operand.columns is None:
                    continue
                rows, columns = operand.rows, operand.columns
                scales.add(
                    (
                        base[0] * rows.stride / rows.upsample,
                        base[1] * columns.stride / columns.upsample,
                    )
                )
            found[node.output] = scales.pop() if len(scales) == 1 else origin
        return tuple(found)

    @cached_property
    def alive(self) -> tuple[int, ...]:
        """Bytes of the tensors that are alive before each position, and after the last."""
        change = [0] * (len(self.nodes) + 2)
        for number, tensor in enumerate(self.tensors):
            if tensor.root == number and tensor.last > tensor.born:
                change[tensor.born + 1] += tensor.size
                change[tensor.last + 1] -= tensor.size
        return tuple(itertools.accumulate(change[:-1]))

    def kind(self, tensor: int) -> BufferKind:
        """What a whole tensor is for."""
        if tensor in self.inputs:
            return BufferKind.IMAGE
        return (
            BufferKind.OUTPUT if self.tensors[tensor].root in self._results else BufferKind.TENSOR
        )

    @cached_property
    def _results(self) -> frozenset[int]:
        return frozenset(self.tensors[number].root for number in self.outputs)

    def context(self, begin: int, end: int) -> Context:
        """All that stages of nodes [begin, end) follow from, but for their plans.

        It is the same at places and in networks where they are the same; positions count from
        `begin`, and what lies beyond the nodes is only before or behind them.
        """

        def place(position: int) -> int:
            return min(position, end) - begin if position >= begin else -1

        nodes = self.nodes[begin:end]
        touched = {operand.tensor for node in nodes for operand in node.operands}
        found: list[object] = []
        for number in sorted(touched.union(node.output for node in nodes)):
            x = self.tensors[number]
            shape = x.name, x.height, x.width, x.pixel_bytes, self.kind(number)
            life = place(x.producer), place(x.last), place(x.born), x.source, x.leaves
            found.append((*shape, *life, self.tensors[x.root].name, self._scale_terms[number]))
        return (tuple(node.node for node in nodes), *found)

    @cached_property
    def _scale_terms(self) -> tuple[tuple[int, ...], ...]:
        """Numerators and denominators of the scales: they are hashed sooner."""
        return tuple(
            (*rows.as_integer_ratio(), *columns.as_integer_ratio()) for rows, columns in self.scales
        )

    def readers(self, tensor: int) -> tuple[int, ...]:
        """Positions of the nodes that read a tensor."""
        return self._readers[tensor]

    @cached_property
    def _readers(self) -> tuple[tuple[int, ...], ...]:
        found: list[list[int]] = [[] for _ in self.number]
        for position, node in enumerate(self.nodes):
            for number in dict.fromkeys(operand.tensor for operand in node.operands):
                found[number].append(position)
        return tuple(tuple(positions) for positions in found)
