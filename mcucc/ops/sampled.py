"""Sampled: a function of one number known at the 256 values that an int8 can have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.op import register
from mcucc.ir.tensor import Quant, Tensor
from mcucc.numerics.fixed_point import INT8_MAX, INT8_MIN, Int8Array, Rounding
from mcucc.ops.common.lookup import INT8_RANGE, Unary

Reals = npt.NDArray[np.float64]


@register
@dataclass(frozen=True)
class Sampled(Unary):
    """y = f(x), given at the reals of the bytes -128 .. 127 of a `scale` and `zero_point`.

    Between them lines, beyond them the ends. Of the numbers of that scale, f is rounded as LiteRT's
    QUANTIZE does: in float32, half away from 0.
    """

    values: tuple[float, ...] = tuple(float(q) for q in INT8_RANGE)
    scale: float = 1.0
    zero_point: int = 0

    FORMULA: ClassVar[str] = "table[x], table[q] = clamp(round(values[q] / s_y) + z_y)"
    LIMITS: ClassVar[str] = "of quantized files: float operators between a DEQUANTIZE and QUANTIZE"

    def __post_init__(self) -> None:
        if len(self.values) != INT8_RANGE.size or not self.scale > 0:
            raise ValueError(f"{len(self.values)} values of a scale of {self.scale}")

    def function(self, x: Reals) -> Reals:
        places = (INT8_RANGE - self.zero_point).astype(np.float64) * self.scale
        found: Reals = np.interp(x, places, np.array(self.values))
        return found

    def table(self, x: Tensor, y: Tensor, rounding: Rounding) -> Int8Array:
        """The 256 outputs."""
        if x.quantization != Quant((self.scale,), self.zero_point):
            return super().table(x, y, rounding)
        return quantized(np.array(self.values, np.float32), y.quantization)

    def __str__(self) -> str:
        return f"Sampled({min(self.values):g} .. {max(self.values):g})"


def quantized(values: npt.NDArray[np.float32], quant: Quant) -> Int8Array:
    """QUANTIZE of float32. Source: AffineQuantize of LiteRT's reference kernels."""
    scaled = (values / np.float32(quant.per_tensor_scale)).astype(np.float64)
    away = np.trunc(scaled + np.copysign(0.5, scaled)) + quant.zero_point
    made: Int8Array = np.clip(away, INT8_MIN, INT8_MAX).astype(np.int8)
    return made
