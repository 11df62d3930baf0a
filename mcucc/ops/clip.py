"""Clip: Relu, Relu6 and any other clamp that could not be fused into its producer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import Kernel
from mcucc.ir.op import register
from mcucc.ir.tensor import Tensor
from mcucc.numerics.fixed_point import (
    INT16,
    RELU,
    Clamp,
    Int8Array,
    Requant,
    Rounding,
    saturate_int8,
)
from mcucc.ops.common.lookup import INT8_RANGE, Unary
from mcucc.ops.requantize import Requantize, RescaleKernel


@register
@dataclass(frozen=True)
class Clip(Unary):
    """y = min(max(x, lo), hi)."""

    clamp: Clamp = RELU

    WIDE_ALL: ClassVar[bool] = True
    SCALED_BY: ClassVar[tuple[int, ...]] = (0,)
    LIMITS: ClassVar[str] = "fused into the producer where it has one consumer"

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.clip(x, self.clamp.lo, self.clamp.hi)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """A table; of int16 the factor, within the clamp."""
        if INT16 not in (inputs[0].dtype, output.dtype):
            return super().lower(inputs, output, rounding)
        kernel = Requantize().lower(inputs, output, rounding)
        assert isinstance(kernel, RescaleKernel)
        quant, x_scale = output.quantization, inputs[0].quantization.per_tensor_scale
        limits = quant.per_tensor_scale, quant.zero_point, output.interval
        factor = float(np.float32(x_scale) / np.float32(quant.per_tensor_scale))
        requant = Requant.from_real([factor], kernel.requant.rounding)
        return replace(kernel, requant=requant, limits=self.clamp.to_integers(*limits))

    def table(self, x: Tensor, y: Tensor, rounding: Rounding) -> Int8Array:
        """The 256 outputs; `double` rescales first and clamps integers, as LiteRT does."""
        if rounding is Rounding.SINGLE:
            return super().table(x, y, rounding)
        qx, qy = x.quantization, y.quantization
        factor = np.float32(qx.per_tensor_scale) / np.float32(qy.per_tensor_scale)
        scaled = Requant.from_real([float(factor)], rounding).apply(INT8_RANGE - qx.zero_point)
        limits = self.clamp.to_integers(qy.per_tensor_scale, qy.zero_point)
        return saturate_int8(scaled + qy.zero_point, *limits)
