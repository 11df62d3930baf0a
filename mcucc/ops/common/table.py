"""A constant table as an attribute of an op."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Table:
    """Numbers of a shape, in the order of C."""

    values: tuple[float, ...]
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if min(self.shape, default=0) < 1 or int(np.prod(self.shape)) != len(self.values):
            raise ValueError(f"{len(self.values)} numbers in a table of {list(self.shape)}")

    @staticmethod
    def of(array: npt.NDArray[np.float32]) -> Table:
        """The table of an array."""
        return Table(tuple(array.reshape(-1).tolist()), tuple(array.shape))

    @cached_property
    def array(self) -> npt.NDArray[np.float32]:
        """The numbers in their shape."""
        return np.array(self.values, dtype=np.float32).reshape(self.shape)

    def __str__(self) -> str:
        return "x".join(map(str, self.shape))
