"""Slice: a box of rows, columns and channels, every so many of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcucc.ir.kernel import Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window, hwc
from mcucc.numerics.fixed_point import IntegerArray, Rounding

Box = tuple[int, int, int]  # rows, columns, channels


@register
@dataclass(frozen=True)
class Slice(Op):
    """y[r, c, k] = x[begin + stride * (r, c, k)], `size` of them."""

    begin: Box
    size: Box
    stride: Box = (1, 1, 1)

    FORMULA: ClassVar[str] = "copy"
    LARGEST_ERROR: ClassVar[str] = "0"
    LIMITS: ClassVar[str] = "positive strides; the batch axis stays"
    SHARES_QUANT: ClassVar[bool] = True
    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """`size`, with as many axes as the input."""
        shape = inputs[0].shape
        axes = zip(self.begin, self.size, self.stride, hwc(shape), strict=True)
        for begin, size, stride, length in axes:
            inside = 0 <= begin < length and size > 0 and stride > 0
            if not inside or begin + stride * (size - 1) >= length:
                raise ValueError(f"cannot take {self} of {list(shape)}")
        return TensorType((1, *self.size[4 - len(shape) :]), inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        x = inputs[0]
        images = x.reshape(x.shape[0], *hwc((1, *x.shape[1:])))
        return images[self.taken].reshape(x.shape[0], *self.size[4 - x.ndim :])

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        total = np.zeros_like(inputs[0])
        batch = total.shape[0]
        images = total.reshape(batch, *hwc((1, *total.shape[1:])))
        images[self.taken] = gradient.reshape(batch, *self.size)
        return (total,)

    @property
    def taken(self) -> tuple[slice, ...]:
        """The NumPy index of (N, H, W, C)."""
        axes = zip(self.begin, self.size, self.stride, strict=True)
        return slice(None), *(slice(b, b + s * (n - 1) + 1, s) for b, n, s in axes)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window]:
        """One input pixel each: a leading pad below zero is where the first one lies."""
        return self.rows_and_columns

    @property
    def rows_and_columns(self) -> tuple[Window, Window]:
        """The windows along height and width."""
        return (
            Window(stride=self.stride[0], pad=-self.begin[0]),
            Window(stride=self.stride[1], pad=-self.begin[1]),
        )

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        value_bytes = output.dtype.itemsize
        if value_bytes > 1 and self.stride[2] != 1:
            raise ValueError(f"{output.name} is int16: channels of int16 are taken in a row only")
        return SliceKernel(self, hwc(inputs[0].shape)[2], value_bytes)


@dataclass(frozen=True, eq=False)
class SliceKernel(Kernel):
    """Slice of values of so many bytes."""

    op: Slice
    input_channels: int
    value_bytes: int = 1

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        return inputs[0][self.op.taken]

    def windows(self, index: int) -> tuple[Window, Window]:
        """One input pixel each."""
        return self.op.rows_and_columns

    def call(self) -> KernelCall:
        return KernelCall(
            KernelId("slice"),
            (
                ("first_column", self.op.begin[1]),
                ("column_stride", self.op.stride[1]),
                ("input_channels", self.input_channels * self.value_bytes),
                ("first_channel", self.op.begin[2] * self.value_bytes),
                ("channel_stride", self.op.stride[2]),
                ("channels", self.op.size[2] * self.value_bytes),
            ),
        )

    def describe(self) -> str:
        """Op and box, axis by axis as NumPy writes it."""
        return f"Slice {', '.join(f'{s.start}:{s.stop}:{s.step}' for s in self.op.taken[1:])}"
