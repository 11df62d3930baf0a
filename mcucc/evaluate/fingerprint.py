"""Whether a folder was compiled from the float network that its model file gives today.

An int8 network differs from every float network; what it was made from is kept as a fingerprint:
each node's operator and attributes, and two numbers for each of its constants. They are compared
with tolerance, so that another machine's last bit is no matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcucc.ir.graph import Graph
from mcucc.ir.tensor import Array

CLOSE = 1e-4  # of a constant's mean magnitude


Numbers = tuple[float, float]  # of one constant


@dataclass(frozen=True)
class NodeFingerprint:
    """One node: its operator with attributes, and `numbers` of its constants in turn."""

    node: str
    op: str
    numbers: tuple[Numbers, ...]


def fingerprint(graph: Graph) -> tuple[NodeFingerprint, ...]:
    """A float graph, node by node."""
    constants = {name: t.data for name, t in graph.tensors.items() if t.data is not None}
    return tuple(
        NodeFingerprint(
            node.name,
            str(node.op),
            tuple(_numbers(constants[name]) for name in node.inputs if name in constants),
        )
        for node in graph.nodes
    )


def first_changed(
    before: Sequence[NodeFingerprint], after: Sequence[NodeFingerprint]
) -> str | None:
    """The first node that is another one, None when all are the same."""
    for old, new in zip(before, after, strict=False):
        same = (old.node, old.op) == (new.node, new.op)
        if not same or not _close(old.numbers, new.numbers):
            return new.node
    if len(before) != len(after):
        longer = max(before, after, key=len)
        return longer[min(len(before), len(after))].node
    return None


def _numbers(data: Array) -> Numbers:
    """Mean magnitude, and a mean in which every place counts differently."""
    flat = data.reshape(-1).astype(np.float64)
    if not flat.size:
        return 0.0, 0.0
    places = np.cos(0.7 * np.arange(flat.size) + 0.3)
    return float(np.abs(flat).mean()), float((flat * places).mean())


def _close(old: Sequence[Numbers], new: Sequence[Numbers]) -> bool:
    return len(old) == len(new) and all(
        abs(a - b) <= CLOSE * max(size[0], 1e-30)
        for size, numbers in zip(new, old, strict=True)
        for a, b in zip(numbers, size, strict=True)
    )
