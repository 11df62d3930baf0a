"""Outputs of unlike ranges get scales of their own: a Concat of them is not computed.

A decoded detector ends in a Concat of boxes in pixels and scores of 0 to 1. One int8 scale for both
has steps of more than 1: every score becomes 0. Where operands of an output's Concat would keep
fewer than LEAST_LEVELS of the 256 values, each run of like ones becomes an output itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy.typing as npt

from mcucc.ir.graph import Graph, Node
from mcucc.ir.op import Op
from mcucc.ir.tensor import Shape, Tensor, TensorType
from mcucc.ops.concat import Concat
from mcucc.ops.reshape import Reshape
from mcucc.ops.slice import Slice
from mcucc.ops.transpose import Transpose
from mcucc.passes import dead_code
from mcucc.quantize.calibrate import Ranges
from mcucc.quantize.observers.base import Range

# 5 bits. Values that fill all 8 have a signal to noise ratio of about 48 dB by their rounding, 6 dB
# less for each bit that is not theirs: 30 dB with 5, where the int8 layers of mcunet-10fps leave 26
# in the median and 23 at the logits. Below, the scale of the output would decide what is left.
LEAST_LEVELS = 32
LEVELS = 256


@dataclass(frozen=True)
class OutputPart:
    """One output of the compiled network: elements [begin, end) along the axis, values seen.

    `scale` is that of its int8, 0 as long as it has none.
    """

    name: str
    begin: int
    end: int
    low: float
    high: float
    scale: float = 0.0


@dataclass(frozen=True)
class SplitOutput:
    """An output of the file and what it is written as.

    `axis` is one of (H, W, C), `file_axis` the same of the file's output. The parts, one after the
    other along it, are the file's output.
    """

    output: str
    axis: int
    file_axis: int
    parts: tuple[OutputPart, ...]

    def pieces(self, values: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        """The file's output (pictures, H, W, C) as its parts, by name."""
        ahead = (slice(None),) * (self.axis + 1)
        return {part.name: values[(*ahead, slice(part.begin, part.end))] for part in self.parts}

    def place(self, part: OutputPart) -> str:
        """Where a part lies in the file's output."""
        return f"{part.begin}..{part.end - 1} of axis {self.file_axis}"


@dataclass(frozen=True)
class _Piece:
    """A run of elements along an axis: its shape, the ranges in it, and how it is made."""

    shape: Shape
    ranges: tuple[Range, ...]
    make: Callable[[_Maker], str]


@dataclass(frozen=True)
class _Cut:
    """A tensor as pieces along an axis of its own shape (batch included)."""

    axis: int
    pieces: tuple[_Piece, ...]


def split_outputs(
    graph: Graph, ranges: Ranges, permutations: Mapping[str, tuple[int, ...]]
) -> tuple[Graph, tuple[SplitOutput, ...]]:
    """The float graph with such outputs split, and what became of each.

    `permutations`: axis i of an output is axis permutation[i] in the file, by output.
    """
    maker = _Maker(graph)
    outputs: list[str] = []
    splits: list[SplitOutput] = []
    for name in graph.outputs:
        cut = _cut(graph, name, ranges.by_name)
        parts = _runs(cut.pieces) if cut is not None else []
        if cut is None or len(parts) < 2:
            outputs.append(name)
            continue
        made, begin = [], 0
        for number, pieces in enumerate(parts):
            length = sum(piece.shape[cut.axis] for piece in pieces)
            seen = _union([r for piece in pieces for r in piece.ranges])
            part = maker.output(f"{name}_{number}", cut.axis, pieces)
            made.append(OutputPart(part, begin, begin + length, seen.low, seen.high))
            begin += length
        outputs += [part.name for part in made]
        rank = len(graph.tensors[name].shape)
        order = permutations.get(name, ())
        file_axis = order[cut.axis] if len(order) == rank else cut.axis
        splits.append(SplitOutput(name, cut.axis + 3 - rank, file_axis, tuple(made)))
    if not splits:
        return graph, ()
    return dead_code.run(maker.graph(outputs)), tuple(splits)


def moved_from(graph: Graph, names: Sequence[str]) -> frozenset[str]:
    """These tensors and those whose values they hold, moved or not."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        found.add(name)
        node = graph.producer(name)
        if node is not None and isinstance(node.op, Concat | Transpose | Reshape | Slice):
            left += [source for source in node.inputs if source not in found]
    return frozenset(found)


def with_scales(splits: Sequence[SplitOutput], graph: Graph) -> tuple[SplitOutput, ...]:
    """The same with the scales of the int8 graph."""

    def scaled(part: OutputPart) -> OutputPart:
        return replace(part, scale=graph.tensors[part.name].quantization.per_tensor_scale)

    return tuple(replace(s, parts=tuple(scaled(part) for part in s.parts)) for s in splits)


class _Maker:
    """Adds nodes behind those of a graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._nodes: list[Node] = []
        self.tensors: dict[str, Tensor] = dict(graph.tensors)
        self._names = {node.name for node in graph.nodes}

    def graph(self, outputs: Sequence[str]) -> Graph:
        """All nodes, with these outputs."""
        nodes = (*self._graph.nodes, *self._nodes)
        return self._graph.with_(nodes=nodes, tensors=self.tensors, outputs=outputs)

    def add(self, name: str, op: Op, inputs: Sequence[str]) -> str:
        """A node and its output, both called `name` or a numbered form of it."""
        unique = self._graph.fresh(name, self.tensors, self._names)
        made = op.infer([self.tensors[i].type for i in inputs])
        self.tensors[unique] = Tensor(unique, made.shape, made.dtype)
        self._nodes.append(Node(unique, op, tuple(inputs), (unique,)))
        self._names.add(unique)
        return unique

    def output(self, name: str, axis: int, pieces: Sequence[_Piece]) -> str:
        """Pieces joined under a name of their own; one alone is a view, which costs nothing."""
        made = [piece.make(self) for piece in pieces]
        if len(made) == 1:
            return self.add(name, Reshape(self.tensors[made[0]].shape), made)
        return self.add(name, Concat(axis), made)


# How a tensor falls into pieces


def _cut(graph: Graph, name: str, ranges: Mapping[str, Range]) -> _Cut | None:
    """The pieces of a tensor that a Concat made, through operators that only move elements."""
    node = graph.producer(name)
    if node is None:
        return None
    if isinstance(node.op, Concat):
        return _of_concat(graph, node, node.op.axis, ranges)
    if not isinstance(node.op, Transpose | Reshape | Slice):
        return None
    inner = _cut(graph, node.inputs[0], ranges)
    if inner is None:
        return None
    if isinstance(node.op, Transpose):
        axis = node.op.permutation.index(inner.axis)
        return _Cut(axis, tuple(_moved(p, node.name, node.op) for p in inner.pieces))
    if isinstance(node.op, Reshape):
        return _reshaped(node.name, node.op, graph.tensors[node.inputs[0]].shape, inner)
    return _sliced(node.name, node.op, inner)


def _of_concat(graph: Graph, node: Node, axis: int, ranges: Mapping[str, Range]) -> _Cut:
    """Along its own axis, or along one on which all operands fall apart alike (scales of heads)."""
    inner = [_cut(graph, name, ranges) for name in node.inputs]
    pieces: list[_Piece] = []
    for name, cut in zip(node.inputs, inner, strict=True):
        same = cut is not None and cut.axis == axis
        pieces += cut.pieces if cut is not None and same else [_leaf(graph, name, cut, ranges)]
    along = _Cut(axis, tuple(pieces))
    across = _across(node, axis, inner)
    return along if across is None or _worst(along) >= _worst(across) else across


def _across(node: Node, axis: int, cuts: Sequence[_Cut | None]) -> _Cut | None:
    known = [cut for cut in cuts if cut is not None]
    lengths = {(c.axis, tuple(p.shape[c.axis] for p in c.pieces)) for c in known}
    if len(known) != len(cuts) or len(lengths) != 1 or known[0].axis == axis:
        return None
    return _Cut(
        known[0].axis,
        tuple(
            _joined(node.name, axis, column)
            for column in zip(*(c.pieces for c in known), strict=True)
        ),
    )


def _leaf(graph: Graph, name: str, cut: _Cut | None, ranges: Mapping[str, Range]) -> _Piece:
    inside = (
        (_range_of(graph, name, ranges),)
        if cut is None
        else tuple(r for piece in cut.pieces for r in piece.ranges)
    )
    return _Piece(graph.tensors[name].shape, inside, lambda _: name)


def _moved(piece: _Piece, name: str, op: Op) -> _Piece:
    """A piece behind an operator that moves elements."""
    shape = op.infer([_type(piece.shape)]).shape
    return _Piece(shape, piece.ranges, lambda maker: maker.add(name, op, [piece.make(maker)]))


def _joined(name: str, axis: int, pieces: Sequence[_Piece]) -> _Piece:
    op = Concat(axis)
    shape = op.infer([_type(piece.shape) for piece in pieces]).shape
    inside = tuple(r for piece in pieces for r in piece.ranges)
    return _Piece(shape, inside, lambda maker: maker.add(name, op, [p.make(maker) for p in pieces]))


def _reshaped(name: str, op: Reshape, before: Shape, cut: _Cut) -> _Cut | None:
    """Where an axis of the new shape begins at the cut axis, and no piece is torn."""
    outer = prod(before[: cut.axis])
    inner = prod(before[cut.axis + 1 :])
    for axis in range(1, len(op.shape)):
        behind = prod(op.shape[axis + 1 :])
        whole = all(piece.shape[cut.axis] * inner % behind == 0 for piece in cut.pieces)
        if prod(op.shape[:axis]) != outer or op.shape[axis] == 1 or not whole:
            continue
        pieces = []
        for piece in cut.pieces:
            length = piece.shape[cut.axis] * inner // behind
            shape = (*op.shape[:axis], length, *op.shape[axis + 1 :])
            pieces.append(_moved(piece, name, Reshape(shape)))
        return _Cut(axis, tuple(pieces))
    return None


def _sliced(name: str, op: Slice, cut: _Cut) -> _Cut | None:
    """Every piece's share of the box; None for steps along the cut axis."""
    axis = cut.axis + 3 - len(cut.pieces[0].shape)  # of (H, W, C)
    if op.stride[axis] != 1:
        return None
    pieces, begin = [], 0
    for piece in cut.pieces:
        length = piece.shape[cut.axis]
        first = max(op.begin[axis] - begin, 0)
        last = min(op.begin[axis] + op.size[axis] - begin, length)
        begin += length
        if first >= last:
            continue
        begins = tuple(first if i == axis else b for i, b in enumerate(op.begin))
        sizes = tuple(last - first if i == axis else n for i, n in enumerate(op.size))
        box = Slice((begins[0], begins[1], begins[2]), (sizes[0], sizes[1], sizes[2]), op.stride)
        pieces.append(_moved(piece, name, box))
    return _Cut(cut.axis, tuple(pieces))


# What becomes of their values under one scale


def _range_of(graph: Graph, name: str, ranges: Mapping[str, Range]) -> Range:
    """Values of a tensor: calibrated, prescribed, or those it was moved from."""
    if name in ranges:
        return ranges[name]
    node = graph.producer(name)
    fixed = None if node is None else node.op.fixed_quant()
    if fixed is not None:
        scale, zero = fixed.per_tensor_scale, fixed.zero_point
        least, most = (-fixed.limit, fixed.limit) if fixed.limit else (-128, 127)
        return Range(min((least - zero) * scale, 0.0), max((most - zero) * scale, 0.0))
    if node is None:
        quant = graph.tensors[name].quant
        if quant is None:
            return Range(0.0, 0.0)
        scale, zero = quant.per_tensor_scale, quant.zero_point
        return Range((-128 - zero) * scale, (127 - zero) * scale)
    sources = [n for n in node.inputs if graph.tensors[n].data is None]
    return _union([_range_of(graph, source, ranges) for source in sources])


def _runs(pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    """Neighbours that can share a scale, as few runs as possible."""
    runs: list[list[_Piece]] = []
    for piece in pieces:
        if runs and _levels([*runs[-1], piece]) >= LEAST_LEVELS:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return runs


def _worst(cut: _Cut) -> float:
    """The fewest levels anything keeps when each run has a scale."""
    return min(_levels(run) for run in _runs(cut.pieces))


def _levels(pieces: Sequence[_Piece]) -> float:
    """The fewest of 256 values that any range of these pieces has under one scale for all."""
    inside = [r for piece in pieces for r in piece.ranges if r.high > r.low]
    if not inside:
        return LEVELS
    whole = _union(inside)
    return min(LEVELS * (r.high - r.low) / (whole.high - whole.low) for r in inside)


def _union(ranges: Sequence[Range]) -> Range:
    return Range(
        min((r.low for r in ranges), default=0.0), max((r.high for r in ranges), default=0.0)
    )


def _type(shape: Shape) -> TensorType:
    return TensorType(shape)
