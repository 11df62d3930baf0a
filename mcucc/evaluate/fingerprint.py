"""Whether a folder was compiled from the float network that its model file gives today.

An int8 network differs from every float network; what it was made from is kept as a fingerprint:
each node's operator and attributes, and two numbers for each of its constants. They are compared
with tolerance, so that another machine's last bit is no matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mcucc.ir.graph import Graph
from mcucc.ir.tensor import Array

CLOSE = 1e-4  # of a constant's mean magnitude


def fingerprint(graph: Graph) -> list[dict[str, Any]]:
    """Plain data for the manifest, a node an entry."""
    return [
        {
            "node": node.name,
            "op": str(node.op),
            "numbers": [
                _numbers(tensor.data)
                for tensor in graph.tensors_of(node.inputs)
                if tensor.data is not None
            ],
        }
        for node in graph.nodes
    ]


def first_changed(before: Any, after: Sequence[dict[str, Any]]) -> str | None:
    """The first node that is another one, None when all are the same.

    `before` is from a file: ValueError, KeyError or TypeError where it is no fingerprint.
    """
    for old, new in zip(before, after, strict=False):
        same = (old["node"], old["op"]) == (new["node"], new["op"])
        if not same or not _close(old["numbers"], new["numbers"]):
            return str(new["node"])
    if len(before) != len(after):
        longer = max(before, after, key=len)
        return str(longer[min(len(before), len(after))]["node"])
    return None


def _numbers(data: Array) -> list[float]:
    """Mean magnitude, and a mean in which every place counts differently."""
    flat = data.reshape(-1).astype(np.float64)
    if not flat.size:
        return [0.0, 0.0]
    places = np.cos(0.7 * np.arange(flat.size) + 0.3)
    return [float(np.abs(flat).mean()), float((flat * places).mean())]


def _close(old: Sequence[Sequence[float]], new: Sequence[Sequence[float]]) -> bool:
    if [len(numbers) for numbers in old] != [2] * len(new):
        return False
    return all(
        abs(float(a) - b) <= CLOSE * max(size[0], 1e-30)
        for size, numbers in zip(new, old, strict=True)
        for a, b in zip(numbers, size, strict=True)
    )
