"""ResizeNearest: every pixel repeated by a whole factor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mcucc.ir.graph import Tensor, TensorType
from mcucc.numerics import Int8Array, Rounding
from mcucc.ops.base import FloatArray, Kernel, KernelCall, Op, Window, register


@register
@dataclass(frozen=True)
class ResizeNearest(Op):
    """y[r, c] = x[r // factor, c // factor]."""

    factor: int = 2

    FORMULA: ClassVar[str] = "copy"
    LARGEST_ERROR: ClassVar[str] = "0"
    LIMITS: ClassVar[str] = "one whole factor for rows and columns"
    SHARES_QUANT: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """(1, factor * H, factor * W, C)."""
        batch, height, width, channels = inputs[0].shape
        shape = (batch, height * self.factor, width * self.factor, channels)
        return TensorType(shape, inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        """Float reference."""
        return inputs[0].repeat(self.factor, axis=1).repeat(self.factor, axis=2)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window]:
        """`factor` outputs read one input."""
        return Window(upsample=self.factor), Window(upsample=self.factor)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """No arithmetic."""
        return ResizeNearestKernel(self.factor, inputs[0].shape[3])


@dataclass(frozen=True, eq=False)
class ResizeNearestKernel(Kernel):
    """ResizeNearest on int8."""

    factor: int
    channels: int

    def run(self, inputs: Sequence[Int8Array]) -> Int8Array:
        """The int8 reference."""
        return inputs[0].repeat(self.factor, axis=1).repeat(self.factor, axis=2)

    def windows(self, index: int) -> tuple[Window, Window]:
        """`factor` outputs read one input."""
        return Window(upsample=self.factor), Window(upsample=self.factor)

    def call(self) -> KernelCall:
        """`mcucc_resize_nearest`."""
        return KernelCall(
            "mcucc_resize_nearest",
            "mcucc_resize_nearest_params",
            (("channels", self.channels), ("factor", self.factor)),
        )

    def describe(self) -> str:
        """Op and factor."""
        return f"ResizeNearest x{self.factor}"
