"""LeakyRelu: a small slope below zero."""

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
class LeakyRelu(Unary):
    """y = x for x >= 0, alpha * x below."""

    alpha: float = 0.01

    SCALED_BY: ClassVar[tuple[int, ...]] = (0,)

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.where(x >= 0, x, self.alpha * x)

    def table(self, x: Tensor, y: Tensor, rounding: Rounding) -> Int8Array:
        """The 256 outputs; `double` rescales each side by its own factor, as LiteRT does."""
        if rounding is Rounding.SINGLE or self.alpha < 0:
            return super().table(x, y, rounding)
        qx, qy = x.quantization, y.quantization
        scale, y_scale = np.float32(qx.per_tensor_scale), np.float32(qy.per_tensor_scale)
        above, below = (
            Requant.from_real([float(factor)], rounding).apply(INT8_RANGE - qx.zero_point)
            for factor in (scale / y_scale, scale * np.float32(self.alpha) / y_scale)
        )
        chosen = np.where(qx.zero_point <= INT8_RANGE, above, below)
        return saturate_int8(chosen + qy.zero_point)
