"""SquaredDifference: the square of the difference of two tensors, as LiteRT computes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcucc.ir.kernel import ConstArray, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import (
    IntArray,
    IntegerArray,
    Requant,
    Rounding,
    saturate_int8,
)
from mcucc.ops.common.lookup import INT8_RANGE

LEFT_SHIFT = 7  # of both operands: the square of their difference fits int32


@register
@dataclass(frozen=True)
class SquaredDifference(Op):
    """y = (a - b)^2.

    Both are brought to one scale and rounded first, as by the only kernel that LiteRT has of it, in
    both rounding profiles. Source: squared_difference.cc.
    """

    FORMULA: ClassVar[str] = "clamp(round((table_a[a] - table_b[b])^2 * M) + z_y)"
    LARGEST_ERROR: ClassVar[str] = "0.8 units of an output scale that holds most squares"
    LIMITS: ClassVar[str] = "of quantized files; equal shapes"

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        if inputs[0].shape != inputs[1].shape:
            raise ValueError(f"cannot subtract shapes {inputs[0].shape} and {inputs[1].shape}")
        return inputs[0]

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        difference = inputs[0] - inputs[1]
        return difference * difference

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        g = np.float32(2) * (inputs[0] - inputs[1]) * gradient
        return g, -g

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Tables of both operands; ValueError for an output scale below what LiteRT takes."""
        quants, y = [tensor.quantization for tensor in inputs], output.quantization
        unit = 2.0 * max(quant.per_tensor_scale for quant in quants)
        factor = unit * unit / ((1 << 2 * LEFT_SHIFT) * y.per_tensor_scale)
        if factor >= 1:
            raise ValueError(f"an output scale of {y.per_tensor_scale:g} is too small")
        tables = []
        for quant in quants:
            scaled = Requant.from_real([quant.per_tensor_scale / unit], Rounding.DOUBLE)
            tables.append(scaled.apply((INT8_RANGE - quant.zero_point) << LEFT_SHIFT))
        requant = Requant.from_real([factor], Rounding.DOUBLE)
        channels = hwc(output.shape)[2]
        return SquaredDifferenceKernel(channels, tables[0], tables[1], requant, y.zero_point)


@dataclass(frozen=True, eq=False)
class SquaredDifferenceKernel(Kernel):
    """(table_a[a] - table_b[b])^2, requantized with double rounding."""

    channels: int
    table_a: IntArray
    table_b: IntArray
    requant: Requant
    output_zero_point: int

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        a, b = (x.astype(np.int64) + 128 for x in inputs)
        difference = self.table_a[a] - self.table_b[b]
        return saturate_int8(self.requant.apply(difference * difference) + self.output_zero_point)

    def in_place(self, index: int) -> bool:
        return True

    def call(self) -> KernelCall:
        return KernelCall(
            KernelId("squared_difference"),
            (
                ("channels", self.channels),
                ("table_a", ConstArray("table_a", self.table_a.astype(np.int16))),
                ("table_b", ConstArray("table_b", self.table_b.astype(np.int16))),
                ("multiplier", int(self.requant.multiplier[0])),
                ("shift", int(self.requant.shift[0])),
                ("output_zero_point", self.output_zero_point),
            ),
        )
