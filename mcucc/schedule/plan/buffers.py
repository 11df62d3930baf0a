"""The buffers of the arena, each identified by a value, never by a name glued from others.

Names of tensors and nodes are whatever a model file says: one tensor may be called `a` and another
`a.rows`. What a buffer prints as is for people; texts that must tell buffers apart are `labels`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Part(Enum):
    """What of a tensor a buffer holds."""

    WHOLE = ""  # all of it; of an image or an output by rows, those that are needed
    RING = "ring"
    TILE = "tile"
    ROWS = "rows"  # of earlier steps
    COLUMNS = "columns"  # of the step before
    SCRATCH = "scratch"  # nothing of a tensor: what a node works with


@dataclass(frozen=True)
class BufferId:
    """Which buffer: the tensor `of` which it holds a part, or the node whose scratch it is."""

    of: str
    part: Part = Part.WHOLE

    def __str__(self) -> str:
        return f"{self.of}.{self.part.value}" if self.part.value else self.of

    @property
    def order(self) -> tuple[str, str]:
        """What buffers are sorted by: as they print, and always the same way."""
        return str(self), self.part.value


class BufferKind(Enum):
    """What a buffer is for."""

    IMAGE = "image"  # a network input, whole or as a ring of rows
    OUTPUT = "output"  # a network output, whole or the rows that one step completes
    TENSOR = "tensor"  # a whole tensor between stages
    RING = "ring"  # rows computed where they stay until the last reader is done
    TILE = "tile"  # the rows and columns of one step
    ROW_CACHE = "row cache"  # rows of earlier steps
    COLUMN_CACHE = "column cache"  # columns of the step before
    SCRATCH = "scratch"  # of one kernel call, or the sums of a global pool


@dataclass(frozen=True)
class Buffer:
    """Bytes of the arena that hold pixels of one tensor.

    Pixel (row, column) lies at offset + row % slots * pitch + (column - origin) * pixel_bytes,
    origin being `origins[column_step]`, or 0 where `origins` is empty. Aliases share their root's
    bytes.
    """

    id: BufferId
    tensor: str
    kind: BufferKind
    slots: int
    pitch: int
    pixel_bytes: int
    origins: tuple[int, ...] = ()
    offset: int = 0

    @property
    def size(self) -> int:
        """Bytes."""
        return self.slots * self.pitch

    @property
    def end(self) -> int:
        """One past the last byte."""
        return self.offset + self.size

    def origin(self, column_step: int) -> int:
        """The column at the left edge of the buffer."""
        return self.origins[column_step] if self.origins else 0

    def address(self, row: int, column: int, column_step: int) -> int:
        """Arena offset of a pixel at a column step."""
        left = column - self.origin(column_step)
        return self.offset + row % self.slots * self.pitch + left * self.pixel_bytes

    def same_geometry(self, other: Buffer) -> bool:
        """Whether equal offsets mean equal addresses for every pixel."""
        mine = (self.slots, self.pitch, self.pixel_bytes, self.origins)
        return mine == (other.slots, other.pitch, other.pixel_bytes, other.origins)


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
