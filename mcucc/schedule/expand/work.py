"""What a node makes a core do, which is what it costs: kernels and multiply-accumulates."""

from __future__ import annotations

from dataclasses import dataclass

from mcucc.ir.integer import IntegerNode
from mcucc.ir.kernel import Granularity, Part
from mcucc.ir.kernel_id import KernelId


@dataclass(frozen=True)
class NodeWork:
    """The C kernel that computes a node, None for an alias, and MACs of a pixel of its output.

    `parts` are the calls of a block.
    """

    key: KernelId | None
    macs: int
    parts: tuple[Part, ...]


def work_of(node: IntegerNode) -> NodeWork:
    """The work of a node."""
    alias = node.kernel.granularity is Granularity.ALIAS
    key = None if alias else node.call().id
    return NodeWork(key, node.kernel.macs_per_pixel, node.kernel.parts)
