"""SpaceToDepth: blocks of pixels become channels of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import IntegerArray, Rounding
from mcucc.ops.depth_to_space import block_fields, value_bytes_of

Scalar = TypeVar("Scalar", bound=np.generic)


@register
@dataclass(frozen=True)
class SpaceToDepth(Op):
    """y[r, c, place * C + k] = x[block * r + i, block * c + j, k], place = i * block + j.

    With `channels_first` it is channel k * block^2 + place of y (torch's PixelUnshuffle).
    """

    block: int
    channels_first: bool = False

    FORMULA: ClassVar[str] = "copy"
    LARGEST_ERROR: ClassVar[str] = "0"
    SHARES_QUANT: ClassVar[bool] = True
    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """(1, H / block, W / block, block^2 * C)."""
        batch, height, width, channels = inputs[0].shape
        if self.block < 1 or height % self.block or width % self.block:
            raise ValueError(f"{height}x{width} pixels in blocks of {self.block}x{self.block}")
        shape = (batch, height // self.block, width // self.block, channels * self.block**2)
        return TensorType(shape, inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        return self.gathered(inputs[0])

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        places = self.gathered(np.arange(gradient.size).reshape(inputs[0].shape))
        total = np.empty_like(gradient).reshape(-1)
        total[places] = gradient
        return (total.reshape(inputs[0].shape),)

    def gathered(self, x: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """The output of (N, H, W, C)."""
        batch, height, width, channels = x.shape
        block, tall, wide = self.block, height // self.block, width // self.block
        parts: npt.NDArray[Any] = x.reshape(batch, tall, block, wide, block, channels)
        order = (0, 1, 3, 5, 2, 4) if self.channels_first else (0, 1, 3, 2, 4, 5)
        return parts.transpose(order).reshape(batch, tall, wide, -1)

    @property
    def window(self) -> Window:
        """A block, along either axis."""
        return Window(kernel=self.block, stride=self.block)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window]:
        return self.window, self.window

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        value_bytes = value_bytes_of(output, channels_first=self.channels_first)
        return SpaceToDepthKernel(self, inputs[0].shape[3], value_bytes)


@dataclass(frozen=True, eq=False)
class SpaceToDepthKernel(Kernel):
    """SpaceToDepth; `channels` of the input."""

    op: SpaceToDepth
    channels: int
    value_bytes: int = 1

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        return self.op.gathered(inputs[0])

    def windows(self, index: int) -> tuple[Window, Window]:
        return self.op.window, self.op.window

    def call(self) -> KernelCall:
        fields = block_fields(
            self.op.block,
            self.channels * self.value_bytes,
            channels_first=self.op.channels_first,
        )
        return KernelCall(KernelId("space_to_depth"), fields)

    def describe(self) -> str:
        return f"SpaceToDepth x{self.op.block}"
