"""What a buffer of the arena is: a value, never a name put together from others.

Names of tensors and nodes are whatever a model file says: one tensor may be called `a` and another
`a.rows`. What a buffer prints as is for people; texts that must tell buffers apart are `labels`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Part(Enum):
    """What of a tensor a buffer holds."""

    WHOLE = ""  # all of it, or the rows of an image that are still needed
    RING = "ring"
    TILE = "tile"
    ROWS = "rows"  # of earlier steps
    COLUMNS = "columns"  # of the step before
    SCRATCH = "scratch"  # nothing of a tensor: what a node works with


@dataclass(frozen=True)
class BufferId:
    """A buffer: the tensor `of` which it holds a part, or the node whose scratch it is."""

    of: str
    part: Part = Part.WHOLE

    def __str__(self) -> str:
        return f"{self.of}.{self.part.value}" if self.part.value else self.of

    @property
    def order(self) -> tuple[str, str]:
        """What buffers are sorted by: as they print, and always the same way."""
        return str(self), self.part.value


def labels(buffers: Iterable[BufferId]) -> dict[BufferId, str]:
    """Different texts for different buffers: whole tensors have their names."""
    ordered = sorted(set(buffers), key=lambda buffer: (buffer.part is not Part.WHOLE, buffer.order))
    found: dict[BufferId, str] = {}
    taken: set[str] = set()
    for buffer in ordered:
        text = str(buffer)
        while text in taken:
            text += "_"
        taken.add(text)
        found[buffer] = text
    return found
