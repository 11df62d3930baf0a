"""Abs: the magnitude."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.op import register
from mcucc.ir.tensor import Tensor
from mcucc.numerics.fixed_point import Int8Array, Requant, Rounding, saturate_int8
from mcucc.ops.common.lookup import INT8_RANGE, Unary


@register
@dataclass(frozen=True)
class Abs(Unary):
    """y = |x|."""

    SCALED_BY: ClassVar[tuple[int, ...]] = (0,)

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.abs(x)

    def table(self, x: Tensor, y: Tensor, rounding: Rounding) -> Int8Array:
        """The 256 outputs; `double` multiplies the magnitude as LiteRT does."""
        if rounding is Rounding.SINGLE:
            return super().table(x, y, rounding)
        qx, qy = x.quantization, y.quantization
        magnitude = np.abs(INT8_RANGE - qx.zero_point)
        if qx.per_tensor_scale != qy.per_tensor_scale:
            factor = np.float32(qx.per_tensor_scale) / np.float32(qy.per_tensor_scale)
            magnitude = Requant.from_real([float(factor)], rounding).apply(magnitude)
        return saturate_int8(magnitude + qy.zero_point)
