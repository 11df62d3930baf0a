"""Reshape and Flatten: the same bytes under another shape; no code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from mcucc.ir.kernel import Granularity, Kernel, KernelCall
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window, hwc
from mcucc.numerics.fixed_point import IntegerArray, Rounding


@register
@dataclass(frozen=True)
class Reshape(Op):
    """The elements of the input, in order, as `shape`."""

    shape: tuple[int, ...]

    FORMULA: ClassVar[str] = "no code"
    LARGEST_ERROR: ClassVar[str] = "0"
    SHARES_QUANT: ClassVar[bool] = True
    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        if prod(self.shape) != prod(inputs[0].shape):
            raise ValueError(f"cannot reshape {inputs[0].shape} to {self.shape}")
        return TensorType(self.shape, inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        return inputs[0].reshape(self.shape)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        return (gradient.reshape(inputs[0].shape),)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window] | None:
        return None

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        return ReshapeKernel(hwc(output.shape))


@dataclass(frozen=True, eq=False)
class ReshapeKernel(Kernel):
    """Reshape; `shape` is (H, W, C)."""

    shape: tuple[int, int, int]

    @property
    def granularity(self) -> Granularity:
        return Granularity.ALIAS

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        return inputs[0].reshape(inputs[0].shape[0], *self.shape)

    def call(self) -> KernelCall:
        """Never called."""
        raise TypeError("a reshape has no code")
