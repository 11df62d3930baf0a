"""ResizeNearest: every pixel repeated by whole factors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mcucc.ir.kernel import Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Array, Tensor, TensorType
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import IntegerArray, Rounding


@register
@dataclass(frozen=True)
class ResizeNearest(Op):
    """y[r, c, k] = x[r // factor, c // columns, k // channels].

    `columns` is `factor` too where it is 0.
    """

    factor: int = 2
    columns: int = 0
    channels: int = 1

    FORMULA: ClassVar[str] = "copy"
    LARGEST_ERROR: ClassVar[str] = "0"
    LIMITS: ClassVar[str] = "whole factors"
    SHARES_QUANT: ClassVar[bool] = True
    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """(1, rows * H, columns * W, channels * C)."""
        batch, height, width, channels = inputs[0].shape
        rows, columns = self.factors
        shape = (batch, height * rows, width * columns, channels * self.channels)
        return TensorType(shape, inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        rows, columns = self.factors
        return _repeated(inputs[0], rows, columns, self.channels)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        batch, height, width, channels = inputs[0].shape
        rows, columns = self.factors
        blocks = gradient.reshape(batch, height, rows, width, columns, channels, self.channels)
        return (blocks.sum(axis=(2, 4, 6)),)

    @property
    def factors(self) -> tuple[int, int]:
        """Of rows and of columns."""
        return self.factor, self.columns or self.factor

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window]:
        """So many outputs read one input."""
        rows, columns = self.factors
        return Window(upsample=rows), Window(upsample=columns)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        size = inputs[0].dtype.itemsize
        return ResizeNearestKernel(*self.factors, inputs[0].shape[3] * size, self.channels, size)


@dataclass(frozen=True, eq=False)
class ResizeNearestKernel(Kernel):
    """ResizeNearest of pixels of so many bytes, each value of them repeated `channels` times."""

    rows: int
    columns: int
    pixel_bytes: int
    channels: int = 1
    value_bytes: int = 1

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        return _repeated(inputs[0], self.rows, self.columns, self.channels)

    def windows(self, index: int) -> tuple[Window, Window]:
        """So many outputs read one input."""
        return Window(upsample=self.rows), Window(upsample=self.columns)

    def call(self) -> KernelCall:
        return KernelCall(
            KernelId("resize_nearest"),
            (
                ("pixel_bytes", self.pixel_bytes),
                ("factor", self.columns),
                ("channels", self.channels),
                ("value_bytes", self.value_bytes),
            ),
        )

    def describe(self) -> str:
        channels = f", channels x{self.channels}" if self.channels > 1 else ""
        if self.rows == self.columns:
            return f"ResizeNearest x{self.rows}{channels}"
        return f"ResizeNearest x{self.rows},{self.columns}{channels}"


def _repeated(x: Array, rows: int, columns: int, channels: int) -> Array:
    return x.repeat(rows, axis=1).repeat(columns, axis=2).repeat(channels, axis=3)
