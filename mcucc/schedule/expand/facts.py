"""A network as the planner sees it: nodes in order, tensors by number, lifetimes, rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from mcucc.ir.integer import IntegerGraph, IntegerNode
from mcucc.ir.kernel import Granularity
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.window import Window
from mcucc.schedule.split.block import SplitBlockKernel

STREAMING = (Granularity.ROW, Granularity.BLOCK, Granularity.SINK)


@dataclass(frozen=True)
class Operand:
    """One activation input of a node, and its windows (None: the whole tensor is read)."""

    tensor: int
    rows: Window | None
    columns: Window | None


@dataclass(frozen=True)
class PartFacts:
    """Calls of one C kernel by a block: for each row of its output, or of its input, `calls`.

    `macs` and `channels` are those of a pixel, of all these calls together.
    """

    key: KernelId
    of_input: bool
    calls: int
    macs: int
    channels: int


@dataclass(frozen=True)
class NodeFacts:
    """What the planner needs of a node. `macs` are per output pixel, bytes are bytes.

    `key` is the C kernel that computes it, None for an alias; a block has `parts`.
    """

    name: str
    granularity: Granularity
    output: int
    operands: tuple[Operand, ...]
    macs: int
    weight_bytes: int
    scratch_bytes: int
    in_place: tuple[bool, ...]
    source: IntegerNode
    key: KernelId | None = None
    parts: tuple[PartFacts, ...] = ()

    def scratch(self, columns: int, rows: int) -> int:
        """Scratch bytes of calls that make at most so many columns and rows."""
        return self.source.narrowed(columns, rows).scratch_bytes

    @property
    def streams(self) -> bool:
        """Whether the node can work row by row inside a fused stage."""
        return self.granularity in STREAMING


@dataclass(frozen=True)
class TensorFacts:
    """Shape and life of a tensor.

    `producer` is the position of its node (-1: a network input), `last` that of its last reader
    (the number of nodes for network outputs). `root` is the tensor whose bytes it is (aliases).
    """

    name: str
    height: int
    width: int
    channels: int
    producer: int
    last: int
    root: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.height * self.width * self.channels

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.width * self.channels


def _parts(block: SplitBlockKernel) -> tuple[PartFacts, ...]:
    """What the groups of a block call, by kernel."""
    found: dict[tuple[KernelId, bool], PartFacts] = {}
    for group in block.groups:
        for node in group.nodes:
            key, of_input = node.call().id, node is group.expand
            channels = block.outputs if node is group.project else group.channels
            old = found.get((key, of_input), PartFacts(key, of_input, 0, 0, 0))
            found[key, of_input] = PartFacts(
                key,
                of_input,
                old.calls + 1,
                old.macs + node.kernel.macs_per_pixel,
                old.channels + channels,
            )
    return tuple(found.values())


class Network:
    """Nodes in the order of execution, tensors by number."""

    def __init__(self, graph: IntegerGraph, order: Sequence[IntegerNode]) -> None:
        self.graph = graph
        self.source = tuple(order)
        names = [*graph.inputs, *(node.output for node in order)]
        self.number = {name: i for i, name in enumerate(names)}
        self.nodes = tuple(self._node(node) for node in order)
        self.inputs = tuple(self.number[name] for name in graph.inputs)
        self.outputs = tuple(self.number[name] for name in graph.outputs)
        self.tensors = self._tensors(names)

    def _node(self, node: IntegerNode) -> NodeFacts:
        kernel = node.kernel
        windowed = kernel.granularity in STREAMING
        operands = []
        for i, name in enumerate(node.inputs):
            rows, columns = kernel.windows(i) if windowed else (None, None)
            if rows is not None and rows.stride == 0:
                rows = columns = None
            operands.append(Operand(self.number[name], rows, columns))
        call = None if kernel.granularity is Granularity.ALIAS else node.call()
        return NodeFacts(
            name=node.name,
            granularity=kernel.granularity,
            output=self.number[node.output],
            operands=tuple(operands),
            macs=kernel.macs_per_pixel,
            weight_bytes=sum(int(array.data.nbytes) for array in call.arrays) if call else 0,
            scratch_bytes=node.scratch_bytes,
            in_place=tuple(kernel.in_place(i) for i in range(len(node.inputs))),
            source=node,
            key=call.id if call else None,
            parts=_parts(kernel) if isinstance(kernel, SplitBlockKernel) else (),
        )

    def _tensors(self, names: Sequence[str]) -> tuple[TensorFacts, ...]:
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
        for number in self.outputs:
            last[number] = count
        for number in range(len(names)):  # a tensor lives as long as any name of its bytes
            last[root[number]] = max(last[root[number]], last[number])
        activations = [self.graph.activations[name] for name in names]
        return tuple(
            TensorFacts(a.name, a.height, a.width, a.channels, producer[i], last[i], root[i])
            for i, a in enumerate(activations)
        )

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

    def readers(self, tensor: int) -> tuple[int, ...]:
        """Positions of the nodes that read a tensor."""
        return self._readers[tensor]

    @cached_property
    def _readers(self) -> tuple[tuple[int, ...], ...]:
        found: list[list[int]] = [[] for _ in self.tensors]
        for position, node in enumerate(self.nodes):
            for number in dict.fromkeys(operand.tensor for operand in node.operands):
                found[number].append(position)
        return tuple(tuple(positions) for positions in found)
