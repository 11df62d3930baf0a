"""Tensors, their types and their quantization."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Shape = tuple[int, ...]
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Quant:
    """real = scale * (q - zero_point); one scale per channel of `axis`, or one for all.

    `limit`: the integers lie within [-limit, limit], and whoever writes them sees to it; None: they
    may be all that the element type holds. Our own int16 tensors have one, so that sums of their
    products stay inside int32 (docs/design/numerics.md, "int16 activations").
    """

    scale: tuple[float, ...]
    zero_point: int = 0
    axis: int | None = None
    limit: int | None = None

    @property
    def per_tensor_scale(self) -> float:
        """The single scale; ValueError when there is one per channel."""
        if len(self.scale) != 1:
            raise ValueError("a per-channel scale where a per-tensor one is needed")
        return self.scale[0]


@dataclass(frozen=True)
class TensorType:
    """Shape and element type of a tensor, as the shape rules see it."""

    shape: Shape
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.float32))


@dataclass(frozen=True, eq=False)
class Tensor:
    """A named value: an activation, or a constant when `data` is set."""

    name: str
    shape: Shape
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.float32))
    quant: Quant | None = None
    data: Array | None = None

    @property
    def type(self) -> TensorType:
        """Shape and element type."""
        return TensorType(self.shape, self.dtype)

    @property
    def constant(self) -> Array:
        """The array of a constant; ValueError for an activation."""
        if self.data is None:
            raise ValueError(f"{self.name} is not a constant")
        return self.data

    @property
    def quantization(self) -> Quant:
        """The quantization; ValueError for a float tensor."""
        if self.quant is None:
            raise ValueError(f"{self.name} is not quantized")
        return self.quant

    @property
    def interval(self) -> tuple[int, int]:
        """The least and the largest integer of a quantized tensor."""
        limit = self.quantization.limit
        if limit is not None:
            return -limit, limit
        info = np.iinfo(self.dtype)
        return int(info.min), int(info.max)

    @staticmethod
    def const(name: str, data: Array, quant: Quant | None = None) -> Tensor:
        """A constant with shape and type taken from its array."""
        return Tensor(name, tuple(int(n) for n in data.shape), data.dtype, quant, data)
