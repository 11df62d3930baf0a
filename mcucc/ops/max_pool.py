"""MaxPool: the largest value of each window; padding never wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mcucc.ir.kernel import Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import (
    INT8,
    NO_CLAMP,
    Clamp,
    IntegerArray,
    Rounding,
    saturate,
)
from mcucc.ops.common.spatial import Window2d, patches, taps, with_padding, without_padding


@register
@dataclass(frozen=True)
class MaxPool(Op):
    """y = clamp(max over the window)."""

    window: Window2d
    clamp: Clamp = NO_CLAMP

    FORMULA: ClassVar[str] = "clamp(max x)"
    LARGEST_ERROR: ClassVar[str] = "0 without a clamp, else 0.5 units of the output scale"
    SHARES_QUANT: ClassVar[bool] = True
    SCALED_BY: ClassVar[tuple[int, ...]] = (0,)
    ADDITIVE: ClassVar[bool] = True  # as far as padding never wins
    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """(1, Ho, Wo, C)."""
        batch, height, width, channels = inputs[0].shape
        size = self.window.output_size(height, width)
        return TensorType((batch, *size, channels), inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        y = patches(inputs[0], self.window, -np.inf).max(axis=(3, 4))
        return self.clamp.apply(y)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        """To the first of the largest values, unless a clamp cut it."""
        x, pads = inputs[0], self.window.pads
        left = self.clamp.pullback(output, gradient)
        total = with_padding(np.zeros_like(x), pads)
        values = taps(with_padding(x, pads, -np.inf), self.window)
        for (_, _, value), (_, _, view) in zip(values, taps(total, self.window), strict=True):
            largest = value == output
            view += left * largest
            left = left * ~largest
        return (without_padding(total, pads),)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window]:
        return self.window.rows, self.window.columns

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        y = output.quantization
        lo, hi = self.clamp.to_integers(y.per_tensor_scale, y.zero_point, output.interval)
        _, _, width, channels = inputs[0].shape
        return MaxPoolKernel(self.window, width, channels, lo, hi, output.dtype)


@dataclass(frozen=True, eq=False)
class MaxPoolKernel(Kernel):
    """MaxPool on one type. `input_width` is the width of the whole input tensor, in pixels."""

    window: Window2d
    input_width: int
    channels: int
    lo: int
    hi: int
    dtype: np.dtype[Any] = INT8

    @property
    def types(self) -> tuple[np.dtype[Any], ...]:
        return self.dtype, self.dtype

    @property
    def least(self) -> int:
        """What never wins: the smallest value of the type."""
        return int(np.iinfo(self.dtype).min)

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        y = patches(inputs[0], self.window, self.least).max(axis=(3, 4))
        return saturate(y.astype(np.int64), self.lo, self.hi, self.dtype)

    def windows(self, index: int) -> tuple[Window, Window]:
        return self.window.rows, self.window.columns

    def padding(self) -> int | None:
        """Padding never wins."""
        return self.least if self.window.padded else None

    def call(self) -> KernelCall:
        return KernelCall(
            KernelId("max_pool", types=self.wide),
            (
                *self.window.fields(),
                ("input_width", self.input_width),
                ("channels", self.channels),
                ("lo", self.lo),
                ("hi", self.hi),
            ),
        )

    def describe(self) -> str:
        return f"MaxPool {self.window}"
