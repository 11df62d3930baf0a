"""Clip: Relu, Relu6 and any other clamp that could not be fused into its producer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.op import register
from mcucc.ir.tensor import Tensor
from mcucc.numerics.fixed_point import RELU, Clamp, Int8Array, Requant, Rounding, saturate_int8
from mcucc.ops.common.lookup import INT8_RANGE, Unary


@register
@dataclass(frozen=True)
class Clip(Unary):
    """y = min(max(x, lo), hi)."""

    clamp: Clamp = RELU

    SCALED_BY: ClassVar[tuple[int, ...]] = (0,)
    LIMITS: ClassVar[str] = "fused into the producer where it has one consumer"

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.clip(x, self.clamp.lo, self.clamp.hi)

    def table(self, x: Tensor, y: Tensor, rounding: Rounding) -> Int8Array:
        """The 256 outputs; `double` rescales first and clamps integers, as LiteRT does."""
        if rounding is Rounding.SINGLE:
            return super().table(x, y, rounding)
        qx, qy = x.quantization, y.quantization
        factor = np.float32(qx.per_tensor_scale) / np.float32(qy.per_tensor_scale)
        scaled = Requant.from_real([float(factor)], rounding).apply(INT8_RANGE - qx.zero_point)
        limits = self.clamp.to_integers(qy.per_tensor_scale, qy.zero_point)
        return saturate_int8(scaled + qy.zero_point, *limits)
