"""What a run of the firmware measured, for whoever allocates a task's stack: macros of NAME.h."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figures:
    """Bytes of the library, and what they are true of: a core, a compiler, its flags.

    `stack` is the deepest of one run, painted; `code` (instructions and the kernels' tables) and
    `weights` (the network's constants) are of the linked image.
    """

    stack: int
    code: int
    weights: int
    conditions: str  # one line for a comment
