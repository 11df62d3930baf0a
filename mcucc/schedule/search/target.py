"""What a plan is made for: a core and the memory that holds the arena, not a board file."""

from __future__ import annotations

from dataclasses import dataclass

from mcucc.ir.kernel_id import InstructionSet


@dataclass(frozen=True)
class Target:
    """`core` names the costs, `isa` the kernels; the arena is in a memory of `memory_bytes`.

    `holds_stack`: the stack is in the same memory, and takes from it.
    """

    core: str
    isa: InstructionSet
    memory_bytes: int
    holds_stack: bool
