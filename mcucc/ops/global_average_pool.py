"""GlobalAveragePool: the mean over height and width, accumulated row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mcucc.ir.kernel import Granularity, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import (
    INT8,
    INT8_MIN,
    NO_CLAMP,
    Clamp,
    IntegerArray,
    Requant,
    Rounding,
    check_int32,
    saturate,
)
from mcucc.ops.average_pool import divide_half_away
from mcucc.ops.common.wide import rounding_of


@register
@dataclass(frozen=True)
class GlobalAveragePool(Op):
    """y = mean of x over height and width: (1, 1, 1, C).

    `half_away`: LiteRT's AVERAGE_POOL_2D (input and output have one scale); `halves_up`: that of
    uint8, whose sums are of the bytes plus 128. `total`: the sum, not the mean.
    """

    clamp: Clamp = NO_CLAMP
    half_away: bool = False
    halves_up: bool = False
    total: bool = False

    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True
    FORMULA: ClassVar[str] = "clamp(round((sum x - H * W * z_x) * s_x / (H * W * s_y)) + z_y)"
    SCALED_BY: ClassVar[tuple[int, ...]] = (0,)
    ADDITIVE: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """(1, 1, 1, C)."""
        batch, _, _, channels = inputs[0].shape
        return TensorType((batch, 1, 1, channels), inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        _, height, width, _ = inputs[0].shape
        sums = inputs[0].sum(axis=(1, 2), keepdims=True, dtype=np.float64)
        return self.clamp.apply(sums / self._divisor(height * width))

    def _divisor(self, count: int) -> int:
        return 1 if self.total else count

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        _, height, width, _ = inputs[0].shape
        g = self.clamp.pullback(output, gradient) / np.float32(self._divisor(height * width))
        return (np.broadcast_to(g, inputs[0].shape),)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window] | None:
        return None

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Fold the divisor into the factor; beside int8, int16 is rounded once.

        ValueError for a sum in the `double` profile: LiteRT 2.3's reference adds as unsigned
        numbers that saturate, so that every sum which passes 0 upwards is -1.
        """
        if self.total and rounding is Rounding.DOUBLE:
            raise ValueError(
                "a sum: LiteRT's reference kernel makes -1 of one that passes 0, so there is "
                "nothing to be equal to; compile with --rounding single"
            )
        x, y = inputs[0].quantization, output.quantization
        _, height, width, channels = inputs[0].shape
        count = height * width
        types = inputs[0].dtype, output.dtype
        least, most = inputs[0].interval
        check_int32(output.name, (least - most) * count, (most - least) * count)
        clamp = self.clamp.to_integers(y.per_tensor_scale, y.zero_point, output.interval)
        shape = (height, width, channels)
        if self.halves_up:
            means, bias = Requant.of_unsigned_means([count]), -INT8_MIN * count
            return GlobalAveragePoolKernel(shape, bias, means, 0, INT8_MIN, clamp, types)
        if self.half_away:
            if x.zero_point != y.zero_point:
                raise ValueError("a .tflite pool has one zero point for input and output")
            return GlobalAveragePoolKernel(shape, 0, None, count, 0, clamp, types)
        divisor = self._divisor(count)
        factor = x.per_tensor_scale / (y.per_tensor_scale * divisor)
        rounding = rounding_of(rounding, [*inputs, output])
        requant = Requant.from_real([factor], rounding)
        if rounding is Rounding.DOUBLE:
            requant = Requant.of_means(x.per_tensor_scale / y.per_tensor_scale, [divisor])
        bias = -x.zero_point * count
        return GlobalAveragePoolKernel(shape, bias, requant, 0, y.zero_point, clamp, types)


@dataclass(frozen=True, eq=False)
class GlobalAveragePoolKernel(Kernel):
    """GlobalAveragePool, int32 sums in scratch.

    Sums are requantized, or, where `requant` is None, divided by `divisor`, half away from zero.
    """

    input_shape: tuple[int, int, int]
    bias: int
    requant: Requant | None
    divisor: int
    output_zero_point: int
    clamp: tuple[int, int]
    types: tuple[np.dtype[Any], ...] = (INT8, INT8)

    @property
    def granularity(self) -> Granularity:
        """Rows are added as they come."""
        return Granularity.SINK

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        sums = inputs[0].sum(axis=(1, 2), keepdims=True, dtype=np.int64) + self.bias
        if self.requant is None:
            scaled = divide_half_away(sums, self.divisor)
        else:
            scaled = self.requant.apply(sums) + self.output_zero_point
        return saturate(scaled, *self.clamp, self.types[1])

    @property
    def scratch_bytes(self) -> int:
        """One int32 sum per channel."""
        return 4 * self.input_shape[2]

    def call(self) -> KernelCall:
        """`mcucc_global_average_pool`, with the endings `_begin`, `_row` and `_finish`."""
        requant = self.requant
        double = requant is not None and requant.rounding is Rounding.DOUBLE
        return KernelCall(
            KernelId("global_average_pool", types=self.wide),
            (
                ("channels", self.input_shape[2]),
                ("bias", self.bias),
                ("multiplier", int(requant.multiplier[0]) if requant is not None else 0),
                ("shift", int(requant.shift[0]) if requant is not None else 0),
                ("double_rounding", int(double)),
                ("divisor", self.divisor),
                ("output_zero_point", self.output_zero_point),
                ("lo", self.clamp[0]),
                ("hi", self.clamp[1]),
            ),
        )
