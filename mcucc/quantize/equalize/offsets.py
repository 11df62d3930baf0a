"""Which tensors may be shifted by an offset a channel, and by how much.

A layer without clamp gives its output any offset, layers that read no padding take it back by their
biases, and sums, means and copies pass it on. Everything else, the ends of the network among it,
reads the values as they are. An offset is the middle of its channel's range; where a tensor is
nothing but one side of a sum, it has what brings the sum there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mcucc.ir.graph import Graph, Node
from mcucc.numerics.fixed_point import NO_CLAMP
from mcucc.passes.linear import padded
from mcucc.quantize.equalize.classes import is_layer, on_channel_numbers

DoubleArray = npt.NDArray[np.float64]
Middle = Callable[[str], DoubleArray | None]
GRID = 2.0**-10  # offsets are multiples of this part of the tensor's widest range


class Offsets:
    """The offsets of the tensors of `graph`, (C,) by name; those in `fixed` have none."""

    def __init__(self, graph: Graph, fixed: Collection[str] = ()) -> None:
        self._graph = graph
        self._fixed = {*graph.inputs, *graph.outputs, *fixed}

    @cached_property
    def possible(self) -> frozenset[str]:
        """The tensors that may have offsets: what makes them and all that read them allow it."""
        taken: set[str] = set()
        for node in reversed(self._graph.nodes):
            readers = self._graph.consumers(node.output)
            if node.output not in self._fixed and all(self._takes(r, taken) for r in readers):
                taken.add(node.output)
        made: set[str] = set()
        for node in self._graph.nodes:
            origin = is_layer(self._graph, node) and node.op.fused_clamp == NO_CLAMP
            passed = self._passes(node) and any(name in made for name in node.inputs)
            if node.output in taken and (origin or passed):
                made.add(node.output)
        return frozenset(made)

    def chosen(self, middle: Middle) -> dict[str, DoubleArray]:
        """The offsets; `middle` is that of a tensor's channel ranges, None where unknown."""
        offsets: dict[str, DoubleArray] = {}
        for node in self._graph.nodes:
            name = node.output
            if name not in self.possible:
                continue
            if is_layer(self._graph, node):
                if self._sum_of(name) is None:
                    self._set(offsets, name, middle(name))
                continue
            open_side = [n for n in node.inputs if self._sum_of(n) is node and n not in offsets]
            if open_side:
                for other in open_side[:-1]:
                    self._set(offsets, other, middle(other))
                self._complete(offsets, node, open_side[-1], middle(name))
            offsets[name] = self._passed(node, offsets)
        return {name: offset for name, offset in offsets.items() if offset.any()}

    def _set(self, offsets: dict[str, DoubleArray], name: str, value: DoubleArray | None) -> None:
        zero = np.zeros(self._graph.tensors[name].shape[-1])
        offsets[name] = zero if value is None else value

    def _complete(
        self, offsets: dict[str, DoubleArray], node: Node, side: str, wanted: DoubleArray | None
    ) -> None:
        """Give one side of a sum the offset that makes the sum's the wanted one."""
        zero = np.zeros(self._graph.tensors[side].shape[-1])
        without = self._passed(node, {**offsets, side: zero})
        alone = self._passed(node, {side: zero + 1.0})  # 1, or -1 in a difference
        offsets[side] = zero if wanted is None else (wanted - without) * alone

    def _sum_of(self, name: str) -> Node | None:
        """The sum whose side a layer's output is and nothing else, or None."""
        producer, readers = self._graph.producer(name), self._graph.consumers(name)
        if len(readers) != 1 or producer is None or name not in self.possible:
            return None
        (node,) = readers
        both = node.op.ADDITIVE and len(set(node.inputs)) == 2 and len(node.op.SCALED_BY) == 2
        return node if both and is_layer(self._graph, producer) else None

    def _takes(self, node: Node, taken: Collection[str]) -> bool:
        if is_layer(self._graph, node):
            return not padded(node)
        return node.output in taken and self._passes(node)

    def _passes(self, node: Node) -> bool:
        """Whether offsets of the inputs are offsets of the output, one a channel."""
        moves = node.op.SHARES_QUANT and not node.op.SCALED_BY
        constants = any(t.data is not None for t in self._graph.tensors_of(node.inputs))
        if constants or node.op.fused_clamp != NO_CLAMP or not (node.op.ADDITIVE or moves):
            return False
        made = np.nan_to_num(on_channel_numbers(self._graph, node))
        return bool((np.abs(made - made[0]) < 0.25).all())

    def _passed(self, node: Node, offsets: Mapping[str, DoubleArray]) -> DoubleArray:
        """What the op makes of its inputs' offsets."""
        inputs = []
        for tensor in self._graph.tensors_of(node.inputs):
            row = offsets.get(tensor.name, np.zeros(tensor.shape[-1]))
            inputs.append(np.broadcast_to(row, tensor.shape))
        made = node.op.unclamped().evaluate(inputs)  # type: ignore[arg-type]
        passed: DoubleArray = made.reshape(-1, made.shape[-1])[0].astype(np.float64)
        return passed


def middles(low: DoubleArray, high: DoubleArray) -> DoubleArray:
    """The middle of each channel's range, on a grid."""
    widest = float((high - low).max(initial=0.0))
    if not widest > 0.0:
        return np.zeros_like(low)
    step = GRID * 2.0 ** np.ceil(np.log2(widest))
    middle: DoubleArray = np.rint((low + high) / 2 / step) * step
    return middle
