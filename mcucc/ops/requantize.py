"""Requantize: the same real values under another scale and zero point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import register
from mcucc.ir.tensor import Quant, Tensor
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import (
    INT16,
    Int8Array,
    IntegerArray,
    Requant,
    Rounding,
    saturate,
    saturate_int8,
)
from mcucc.ops.common.lookup import FAR, INT8_RANGE, Unary
from mcucc.ops.common.wide import rounding_of


@register
@dataclass(frozen=True)
class Requantize(Unary):
    """y = x, in the scale and zero point of the output tensor.

    `by_floats`: as LiteRT's CONCATENATION of uint8 rescales its parts, in float32.
    """

    by_floats: bool = False

    FORMULA: ClassVar[str] = "table[x], table[q] = clamp(round((q - z_x) * s_x / s_y) + z_y)"
    SCALED_BY: ClassVar[tuple[int, ...]] = (0,)
    ADDITIVE: ClassVar[bool] = True
    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """A table of int8; with int16 the factor."""
        types = inputs[0].dtype, output.dtype
        if INT16 not in types:
            return super().lower(inputs, output, rounding)
        x, y = inputs[0].quantization, output.quantization
        rounding = rounding_of(rounding, [*inputs, output], mixed=True)
        return RescaleKernel(
            channels=hwc(output.shape)[2],
            zero_points=(x.zero_point, y.zero_point),
            requant=Requant.from_real([x.per_tensor_scale / y.per_tensor_scale], rounding),
            limits=output.interval,
            element_types=types,
        )

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return x

    def table(self, x: Tensor, y: Tensor, rounding: Rounding) -> Int8Array:
        """The 256 outputs, through the fixed-point factor of the contract."""
        qx, qy = x.quantization, y.quantization
        if self.by_floats:
            return _float_table(qx, qy)
        factor = qx.per_tensor_scale / qy.per_tensor_scale
        requant = Requant.from_real([factor], rounding)
        return saturate_int8(requant.apply(INT8_RANGE - qx.zero_point) + qy.zero_point)


def _float_table(x: Quant, y: Quant) -> Int8Array:
    """Source: ConcatenationWithScaling of LiteRT's reference kernels; its bytes are unsigned."""
    inverse = np.float32(1) / np.float32(y.per_tensor_scale)
    scale = np.float32(x.per_tensor_scale) * inverse
    bias = np.float32(-(x.zero_point + 128)) * scale
    real = (np.arange(256, dtype=np.float32) * scale + bias).astype(np.float64)
    away = np.trunc(np.clip(real, -FAR, FAR) + np.copysign(0.5, real))
    return saturate_int8(away.astype(np.int64) + y.zero_point)


@dataclass(frozen=True, eq=False)
class RescaleKernel(Kernel):
    """Requantize from or to int16."""

    channels: int
    zero_points: tuple[int, int]  # x, y
    requant: Requant
    limits: tuple[int, int]
    element_types: tuple[np.dtype[Any], np.dtype[Any]]

    @property
    def types(self) -> tuple[np.dtype[Any], ...]:
        return self.element_types

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        zx, zy = self.zero_points
        scaled = self.requant.apply(inputs[0].astype(np.int64) - zx) + zy
        return saturate(scaled, *self.limits, self.element_types[1])

    def in_place(self, index: int) -> bool:
        return self.element_types[0] == self.element_types[1]

    def call(self) -> KernelCall:
        zx, zy = self.zero_points
        return KernelCall(
            KernelId("rescale", requantization=self.requant.rounding, types=self.wide),
            (
                ("channels", self.channels),
                ("input_zero_point", zx),
                ("multiplier", int(self.requant.multiplier[0])),
                ("shift", int(self.requant.shift[0])),
                ("output_zero_point", zy),
                ("lo", self.limits[0]),
                ("hi", self.limits[1]),
            ),
        )

    def describe(self) -> str:
        return f"Rescale {self.element_types[0].name} to {self.element_types[1].name}"


def rescaling(x: Tensor, output: Quant, rounding: Rounding) -> Int8Array:
    """The 256 integers of x in units of `output`."""
    if x.quant == output:
        return INT8_RANGE.astype(np.int8)
    return Requantize().table(x, Tensor("output", x.shape, x.dtype, output), rounding)
