"""PRelu: a slope below zero for every channel."""

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
from mcucc.numerics.fixed_point import IntegerArray, Requant, Rounding, saturate_int8

LARGEST_SLOPE = 2**15 - 1  # as an integer: 255 of it fit int32


@register
@dataclass(frozen=True)
class PRelu(Op):
    """y = x for x >= 0, slopes[channel] * x below.

    Slopes become integers in units of `unit`; 0 stands for the finest that int16 allows.
    """

    slopes: tuple[float, ...]
    unit: float = 0.0

    FORMULA: ClassVar[str] = "x >= z_x: round((x - z_x) * M), else round((x - z_x) * slope[c] * M')"
    LARGEST_ERROR: ClassVar[str] = "0.51 units of the output scale"
    SCALED_BY: ClassVar[tuple[int, ...]] = (0,)

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        channels = hwc(inputs[0].shape)[2]
        if len(self.slopes) != channels:
            raise ValueError(f"{len(self.slopes)} slopes for {channels} channels")
        return inputs[0]

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        slopes = np.array(self.slopes, dtype=np.float32)
        return np.where(inputs[0] >= 0, inputs[0], inputs[0] * slopes).astype(np.float32)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        slopes = np.array(self.slopes, dtype=np.float32)
        return (np.where(inputs[0] >= 0, gradient, gradient * slopes),)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Integer slopes, and the factors of both sides."""
        x, y = inputs[0].quantization, output.quantization
        unit = self.unit or max(map(abs, self.slopes)) / LARGEST_SLOPE or 1.0
        factor = x.per_tensor_scale / y.per_tensor_scale
        below = x.per_tensor_scale * unit / y.per_tensor_scale
        return PReluKernel(
            np.rint(np.array(self.slopes) / unit).astype(np.int16),
            (x.zero_point, y.zero_point),
            Requant.from_real([factor], rounding),
            Requant.from_real([below], rounding),
        )

    def __str__(self) -> str:
        return f"PRelu({min(self.slopes):g} to {max(self.slopes):g})"


@dataclass(frozen=True, eq=False)
class PReluKernel(Kernel):
    """PRelu on int8."""

    slopes: np.ndarray[tuple[int], np.dtype[np.int16]]
    zero_points: tuple[int, int]  # x, y
    above: Requant
    below: Requant

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        x = inputs[0].astype(np.int64) - self.zero_points[0]
        negative = self.below.apply(x * self.slopes)
        return saturate_int8(np.where(x >= 0, self.above.apply(x), negative) + self.zero_points[1])

    def in_place(self, index: int) -> bool:
        return True

    def call(self) -> KernelCall:
        return KernelCall(
            KernelId("prelu", requantization=self.above.rounding),
            (
                ("channels", self.slopes.size),
                ("input_zero_point", self.zero_points[0]),
                ("output_zero_point", self.zero_points[1]),
                ("multiplier", int(self.above.multiplier[0])),
                ("shift", int(self.above.shift[0])),
                ("multiplier_below", int(self.below.multiplier[0])),
                ("shift_below", int(self.below.shift[0])),
                ("slopes", ConstArray("slopes", self.slopes)),
            ),
        )
