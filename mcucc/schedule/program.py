"""Program: a network with every decision taken - steps in order, buffers with offsets.

A step runs one kernel over a range of output rows and columns, reading rows through pointers.
Whole tensors are the trivial case; fused stages use the same types with narrower ranges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from mcucc.ir.integer import IntegerGraph, IntegerNode


class Role(Enum):
    """What a buffer of the arena holds."""

    IMAGE = "image"
    ACTIVATION = "activation"
    OUTPUT = "output"
    SCRATCH = "scratch"


@dataclass(frozen=True)
class Buffer:
    """Bytes [offset, offset + size) of the arena, alive from step `first` to step `last`.

    It holds rows of its tensors: row r lies at offset + (r % slots) * row_bytes. Tensors that share
    a buffer (reshapes, in-place results) follow each other in time.
    """

    tensors: tuple[str, ...]
    role: Role
    offset: int
    size: int
    first: int
    last: int

    @property
    def end(self) -> int:
        """One past the last byte."""
        return self.offset + self.size


@dataclass(frozen=True)
class Step:
    """One kernel over output rows [rows[0], rows[1]) and columns [columns[0], columns[1])."""

    node: str
    rows: tuple[int, int]
    columns: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Program:
    """Steps in order of execution, and the arena they run in.

    `lower_bound` is the least arena any placement of these steps can have (the largest sum of
    buffers alive at once); `arena_bytes` equals it or the gap is reported.
    """

    graph: IntegerGraph
    schedule: str
    steps: tuple[Step, ...]
    buffers: tuple[Buffer, ...]
    arena_bytes: int
    lower_bound: int
    image_policy: str = "resident"

    def buffer_of(self, tensor: str) -> Buffer:
        """Where the rows of `tensor` lie."""
        return self._by_tensor()[tensor]

    def scratch_of(self, node: str) -> Buffer | None:
        """The scratch of a node, or None."""
        return self._by_tensor().get(scratch_name(node))

    def _by_tensor(self) -> dict[str, Buffer]:
        return {name: buffer for buffer in self.buffers for name in buffer.tensors}

    def live(self, step: int) -> tuple[Buffer, ...]:
        """Buffers alive while `step` runs, by offset."""
        alive = [b for b in self.buffers if b.first <= step <= b.last]
        return tuple(sorted(alive, key=lambda b: b.offset))

    def live_bytes(self, step: int) -> int:
        """Bytes in use while `step` runs."""
        return sum(buffer.size for buffer in self.live(step))

    def peak_step(self) -> int:
        """The first step at which the most bytes are in use."""
        return max(range(len(self.steps)), key=self.live_bytes)

    def bytes_by_role(self) -> Mapping[Role, int]:
        """The largest number of bytes of each role alive at once."""
        roles: dict[Role, int] = dict.fromkeys(Role, 0)
        for step in range(len(self.steps)):
            for role in Role:
                used = sum(b.size for b in self.live(step) if b.role is role)
                roles[role] = max(roles[role], used)
        return roles

    @property
    def nodes(self) -> tuple[IntegerNode, ...]:
        """The node of each step."""
        by_name = {node.name: node for node in self.graph.nodes}
        return tuple(by_name[step.node] for step in self.steps)


def scratch_name(node: str) -> str:
    """The name a node's scratch has among the tensors of buffers."""
    return f"{node}.scratch"
