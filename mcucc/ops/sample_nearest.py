"""SampleNearest: one pixel for each output, at any ratio of sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import IntArray, IntegerArray, Rounding
from mcucc.ops.resize_bilinear import Sampling


@register
@dataclass(frozen=True)
class SampleNearest(Op):
    """y[r, c] = x at row (r * step + offset) // unit of `rows`, and the same of `columns`."""

    rows: Sampling
    columns: Sampling

    FORMULA: ClassVar[str] = "copy"
    LARGEST_ERROR: ClassVar[str] = "0"
    LIMITS: ClassVar[str] = "whole factors are ResizeNearest"
    SHARES_QUANT: ClassVar[bool] = True
    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """(1, rows, columns, C)."""
        batch, height, width, channels = inputs[0].shape
        for sampling, length in ((self.rows, height), (self.columns, width)):
            sampling.check(length)
            if sampling.offset < 0:
                raise ValueError(f"{sampling} begins before the picture")
        return TensorType((batch, self.rows.size, self.columns.size, channels), inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        made: FloatArray = _taken(inputs[0], self)
        return made

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        total = np.zeros_like(inputs[0])
        for row, row_gradient in zip(places(self.rows), gradient.swapaxes(0, 1), strict=True):
            for column, part in zip(places(self.columns), row_gradient.swapaxes(0, 1), strict=True):
                total[:, row, column] += part
        return (total,)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window]:
        """One input each."""
        return _window(self.rows), _window(self.columns)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        return SampleNearestKernel(self, inputs[0].shape[3] * inputs[0].dtype.itemsize)


@dataclass(frozen=True, eq=False)
class SampleNearestKernel(Kernel):
    """SampleNearest of pixels of so many bytes."""

    op: SampleNearest
    pixel_bytes: int

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        made: IntegerArray = _taken(inputs[0], self.op)
        return made

    def windows(self, index: int) -> tuple[Window, Window]:
        """One input each."""
        return _window(self.op.rows), _window(self.op.columns)

    def call(self) -> KernelCall:
        across = self.op.columns
        return KernelCall(
            KernelId("sample_nearest"),
            (
                ("pixel_bytes", self.pixel_bytes),
                ("step", across.step),
                ("unit", across.unit),
                ("offset", across.offset),
            ),
        )

    def describe(self) -> str:
        return f"SampleNearest to {self.op.rows.size}x{self.op.columns.size}"


def places(sampling: Sampling) -> IntArray:
    """The input position of every output."""
    at: IntArray = np.arange(sampling.size, dtype=np.int64) * sampling.step + sampling.offset
    return at // sampling.unit


def _window(sampling: Sampling) -> Window:
    return Window(stride=sampling.step, upsample=sampling.unit, phase=sampling.offset)


def _taken(x: npt.NDArray[Any], op: SampleNearest) -> npt.NDArray[Any]:
    return x.take(places(op.rows), axis=1).take(places(op.columns), axis=2)
