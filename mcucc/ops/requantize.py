"""Requantize: the same real values under another scale and zero point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.op import register
from mcucc.ir.tensor import Quant, Tensor
from mcucc.numerics.fixed_point import Int8Array, Requant, Rounding, saturate_int8
from mcucc.ops.common.lookup import INT8_RANGE, Unary


@register
@dataclass(frozen=True)
class Requantize(Unary):
    """y = x, in the scale and zero point of the output tensor."""

    FORMULA: ClassVar[str] = "table[x], table[q] = clamp(round((q - z_x) * s_x / s_y) + z_y)"

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return x

    def table(self, x: Tensor, y: Tensor, rounding: Rounding) -> Int8Array:
        """The 256 outputs, through the fixed-point factor of the contract."""
        qx, qy = x.quantization, y.quantization
        factor = qx.per_tensor_scale / qy.per_tensor_scale
        requant = Requant.from_real([factor], rounding)
        return saturate_int8(requant.apply(INT8_RANGE - qx.zero_point) + qy.zero_point)


def rescaling(x: Tensor, output: Quant, rounding: Rounding) -> Int8Array:
    """The 256 integers of x in units of `output`."""
    if x.quant == output:
        return INT8_RANGE.astype(np.int8)
    return Requantize().table(x, Tensor("output", x.shape, x.dtype, output), rounding)
