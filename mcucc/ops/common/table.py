"""A constant table as an attribute of an op: an array that can be compared and printed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Table:
    """Float32 numbers of any shape; two tables are equal where all their bytes are."""

    array: npt.NDArray[np.float32]

    @property
    def _key(self) -> tuple[tuple[int, ...], bytes]:
        return self.array.shape, self.array.tobytes()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __str__(self) -> str:
        return "x".join(map(str, self.array.shape))
