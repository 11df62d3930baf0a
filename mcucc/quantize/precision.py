"""Which activations are int16: the named ones and all that share their scale.

A tensor in int16 has steps of 1/16 of int8's or less. Ours use [-2047, 2047] around zero point 0,
so that sums over them stay inside int32 and factors stay exact (docs/design/numerics.md, "int16
activations"). Where something reads such a tensor that takes int8 alone, a Requantize stands
between: it is put into the float network, so that float and integer networks have the same nodes.
"""

from __future__ import annotations

import difflib
import functools
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mcucc.errors import DataError, ModelError
from mcucc.ir.graph import Graph, Node
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.tensor import Quant
from mcucc.numerics.fixed_point import INT16
from mcucc.ops.requantize import Requantize
from mcucc.quantize.calibrate import Ranges
from mcucc.quantize.groups import QuantGroup, quant_groups
from mcucc.quantize.lower import LARGEST_SCALE, SMALLEST_SCALE
from mcucc.quantize.observers.base import Range

WIDE_LIMIT = 2047
# Pictures that did not calibrate go beyond the ends that were seen; a third of a bit is cheap.
MARGIN = 1.25
WHERE = "--precision"
BOUND = 1.15  # of SRAM and instructions, over those of int8, where tensors are chosen


@dataclass(frozen=True)
class WideCost:
    """What a network takes: arenas of two plans, layer by layer and the least, and instructions."""

    layers_bytes: int
    least_bytes: int
    instructions: float

    def within(self, bound: float, other: WideCost) -> bool:
        """Whether nothing is more than `bound` times that of another network."""
        return (
            self.layers_bytes <= bound * other.layers_bytes
            and self.least_bytes <= bound * other.least_bytes
            and self.instructions <= bound * other.instructions
        )


@dataclass(frozen=True)
class Widening:
    """Tensors are chosen that gain most within `bound` times what `measure` says of int8."""

    measure: Callable[[IntegerGraph], WideCost]
    bound: float = BOUND


def wide_tensors(graph: Graph, precision: Mapping[str, str]) -> frozenset[str]:
    """The tensors in int16: those of `precision` (tensors or their nodes) and their groups.

    Raises DataError for names that are not there, and for tensors that cannot be what they should.
    """
    outputs = {node.output: node.output for node in graph.nodes}
    names = {node.name: node.output for node in graph.nodes} | outputs
    names |= {name: name for name in graph.inputs}
    groups = {name: group for group in quant_groups(graph) for name in group.members}
    wanted: dict[QuantGroup, tuple[str, str]] = {}
    for name, kind in precision.items():
        if name not in names:
            near = difflib.get_close_matches(name, list(outputs), 6, 0.4) or list(outputs)[:6]
            what, hint = f"there is no tensor {name} in the network", f"near it: {', '.join(near)}"
            raise DataError(what, where=WHERE, hint=hint)
        group = groups[names[name]]
        other, given = wanted.setdefault(group, (name, kind))
        if given != kind:
            raise DataError(f"{other} and {name} have one scale, and so one type", where=WHERE)
        why = why_not_wide(graph, group) if kind == INT16.name else ""
        if why:
            raise DataError(f"{name} cannot be int16: {why}", where=WHERE)
    wide = (group.members for group, (_, kind) in wanted.items() if kind == INT16.name)
    return frozenset(itertools.chain.from_iterable(wide))


def why_not_wide(graph: Graph, group: QuantGroup) -> str:
    """What keeps a group of tensors at int8; "" where nothing does."""
    for name in group.members:
        node = graph.producer(name)
        if node is None:
            return f"{name} is an input of the network, which is int8"
        if node.op.fixed_quant() is not None:
            return f"{node.op.kind} prescribes the scale of {name}"
        if not node.op.WIDE_OUTPUT:
            return f"{name} is made by {node.op.kind}, which writes int8 alone"
        readers = graph.consumers(name)
        copies = [r for r in readers if r.op.SHARES_QUANT and r.output in group.members]
        if stuck := next((r for r in copies if not r.op.WIDE_INPUTS), None):
            return f"{stuck.op.kind} copies {name} and moves int8 alone"
    return ""


def wide_quant(range_: Range, fallback_scale: float) -> Quant:
    """Symmetric int16 over a range; an empty one takes `fallback_scale`."""
    largest = max(-range_.low, range_.high)
    if not largest < LARGEST_SCALE:
        raise ModelError(f"the range [{range_.low:g}, {range_.high:g}] is too large for float32")
    exact = largest / WIDE_LIMIT
    scale = float(np.float32(exact)) if exact > SMALLEST_SCALE else fallback_scale
    return Quant((scale,), 0, limit=WIDE_LIMIT)


def with_rescales(graph: Graph, wide: frozenset[str]) -> tuple[Graph, dict[str, str]]:
    """The graph with a Requantize wherever a tensor is read in another type, or int16's scale.

    The tensors that it adds, and whose values they hold.
    """
    nodes: list[Node] = []
    tensors, copies = dict(graph.tensors), dict[tuple[str, str], str]()
    group_of = {name: i for i, group in enumerate(quant_groups(graph)) for name in group.members}
    for node in graph.nodes:
        inputs = list(node.inputs)
        for index, name in enumerate(node.inputs):
            constant = tensors[name].data is not None
            if constant or _reads(node, name, wide, group_of):
                continue
            # Copies take the scale of what they are copied into: one for each.
            key = name, node.output if node.op.SHARES_QUANT else ""
            if key not in copies:
                kind = "int16" if key[1] in wide else "int8"
                copies[key] = fresh = graph.fresh(f"{name}.{kind}", tensors)
                tensors[fresh] = replace(tensors[name], name=fresh)
                nodes.append(Node(fresh, Requantize(), (name,), (fresh,)))
            inputs[index] = copies[key]
        nodes.append(replace(node, inputs=tuple(inputs)))
    sources = {fresh: name for (name, _), fresh in copies.items()}
    return graph.with_(nodes=nodes, tensors=tensors), sources


def _reads(node: Node, tensor: str, wide: frozenset[str], group_of: Mapping[str, int]) -> bool:
    """Whether a node can read a tensor as it is: copies in int16 have one scale."""
    if node.op.SHARES_QUANT and node.output in wide:
        return group_of[tensor] == group_of[node.output]
    if node.op.SHARES_QUANT:
        return tensor not in wide
    return tensor not in wide or node.op.WIDE_INPUTS


def ranges_with(ranges: Ranges, graph: Graph, copies: Mapping[str, str]) -> Ranges:
    """The ranges also under the names of copies, whose sources are in `graph`."""
    by_name = dict(ranges.by_name)
    measured = {name: group.measured for group in quant_groups(graph) for name in group.members}
    for new, old in copies.items():
        found = [ranges.by_name[name] for name in measured[old] if name in ranges.by_name]
        by_name[new] = functools.reduce(Range.union, found, Range(0.0, 0.0))
    channels, judged = (
        {**seen, **{new: seen[old] for new, old in copies.items() if old in seen}}
        for seen in (ranges.channels, ranges.judged)
    )
    return replace(ranges, by_name=by_name, channels=channels, judged=judged)


def wide_activations(graph: Graph) -> dict[str, str]:
    """The int16 tensors of a quantized graph, in order, and their type."""
    outputs = (graph.tensors[node.output] for node in graph.nodes)
    return {tensor.name: INT16.name for tensor in outputs if tensor.dtype == INT16}
