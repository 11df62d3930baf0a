"""GlobalAveragePool: the mean over height and width, accumulated row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcucc.ir.graph import Tensor, TensorType
from mcucc.numerics import NO_CLAMP, Clamp, Int8Array, Requant, Rounding, saturate_int8
from mcucc.ops.base import FloatArray, Granularity, Kernel, KernelCall, Op, Window, register


@register
@dataclass(frozen=True)
class GlobalAveragePool(Op):
    """y = mean of x over height and width: (1, 1, 1, C)."""

    clamp: Clamp = NO_CLAMP

    FORMULA: ClassVar[str] = "clamp(round((sum x - H * W * z_x) * s_x / (H * W * s_y)) + z_y)"

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """(1, 1, 1, C)."""
        batch, _, _, channels = inputs[0].shape
        return TensorType((batch, 1, 1, channels), inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        """Float reference."""
        mean = inputs[0].mean(axis=(1, 2), keepdims=True, dtype=np.float64)
        return self.clamp.apply(mean)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window] | None:
        """The whole input."""
        return None

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Fold the divisor into the factor."""
        x, y = inputs[0].quantization, output.quantization
        _, height, width, channels = inputs[0].shape
        factor = x.per_tensor_scale / (y.per_tensor_scale * height * width)
        return GlobalAveragePoolKernel(
            input_shape=(height, width, channels),
            bias=-x.zero_point * height * width,
            requant=Requant.from_real([factor], rounding),
            output_zero_point=y.zero_point,
            clamp=self.clamp.to_int8(y.per_tensor_scale, y.zero_point),
        )


@dataclass(frozen=True, eq=False)
class GlobalAveragePoolKernel(Kernel):
    """GlobalAveragePool on int8, int32 sums in scratch."""

    input_shape: tuple[int, int, int]
    bias: int
    requant: Requant
    output_zero_point: int
    clamp: tuple[int, int]

    @property
    def granularity(self) -> Granularity:
        """Rows are added as they come."""
        return Granularity.SINK

    def run(self, inputs: Sequence[Int8Array]) -> Int8Array:
        """The int8 reference."""
        sums = inputs[0].sum(axis=(1, 2), keepdims=True, dtype=np.int64) + self.bias
        return saturate_int8(self.requant.apply(sums) + self.output_zero_point, *self.clamp)

    @property
    def scratch_bytes(self) -> int:
        """One int32 sum per channel."""
        return 4 * self.input_shape[2]

    def call(self) -> KernelCall:
        """`mcucc_global_average_pool`, with the endings `_begin`, `_row` and `_finish`."""
        return KernelCall(
            "mcucc_global_average_pool",
            "mcucc_global_average_pool_params",
            (
                ("channels", self.input_shape[2]),
                ("bias", self.bias),
                ("multiplier", int(self.requant.multiplier[0])),
                ("shift", int(self.requant.shift[0])),
                ("double_rounding", int(self.requant.rounding is Rounding.DOUBLE)),
                ("output_zero_point", self.output_zero_point),
                ("lo", self.clamp[0]),
                ("hi", self.clamp[1]),
            ),
        )
