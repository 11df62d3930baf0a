"""DepthToSpace: blocks of channels spread over blocks of pixels."""

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
from mcucc.numerics.fixed_point import INT16, IntegerArray, Rounding

Scalar = TypeVar("Scalar", bound=np.generic)


@register
@dataclass(frozen=True)
class DepthToSpace(Op):
    """y[r, c, k] = x[r // block, c // block, place * C + k], place counting pixels of a block.

    With `channels_first` of channel k * block^2 + place instead (torch's PixelShuffle).
    """

    block: int
    channels_first: bool = False

    FORMULA: ClassVar[str] = "copy"
    LARGEST_ERROR: ClassVar[str] = "0"
    SHARES_QUANT: ClassVar[bool] = True
    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """(1, block * H, block * W, C / block^2)."""
        batch, height, width, channels = inputs[0].shape
        if self.block < 1 or channels % self.block**2:
            raise ValueError(f"{channels} channels in blocks of {self.block}x{self.block}")
        shape = (batch, height * self.block, width * self.block, channels // self.block**2)
        return TensorType(shape, inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        return self.spread(inputs[0])

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        places = self.spread(np.arange(gradient.size).reshape(inputs[0].shape))
        total = np.empty_like(gradient).reshape(-1)
        total[places] = gradient
        return (total.reshape(inputs[0].shape),)

    def spread(self, x: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """The output of (N, H, W, C)."""
        batch, height, width, channels = x.shape
        block, each = self.block, channels // self.block**2
        parts: npt.NDArray[Any]
        if self.channels_first:
            parts = x.reshape(batch, height, width, each, block, block).transpose(0, 1, 4, 2, 5, 3)
        else:
            parts = x.reshape(batch, height, width, block, block, each).transpose(0, 1, 3, 2, 4, 5)
        return parts.reshape(batch, height * block, width * block, each)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window]:
        """`block` outputs read one input."""
        return Window(upsample=self.block), Window(upsample=self.block)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        value_bytes = value_bytes_of(output, channels_first=self.channels_first)
        return DepthToSpaceKernel(self, output.shape[3], value_bytes)


@dataclass(frozen=True, eq=False)
class DepthToSpaceKernel(Kernel):
    """DepthToSpace; `channels` of the output."""

    op: DepthToSpace
    channels: int
    value_bytes: int = 1

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        return self.op.spread(inputs[0])

    def windows(self, index: int) -> tuple[Window, Window]:
        """`block` outputs read one input."""
        return Window(upsample=self.op.block), Window(upsample=self.op.block)

    def call(self) -> KernelCall:
        fields = block_fields(
            self.op.block,
            self.channels * self.value_bytes,
            channels_first=self.op.channels_first,
        )
        return KernelCall(KernelId("depth_to_space"), fields)

    def describe(self) -> str:
        return f"DepthToSpace x{self.op.block}"


def value_bytes_of(output: Tensor, *, channels_first: bool) -> int:
    """Bytes of a value; ValueError where values of two bytes would be moved one by one."""
    if output.dtype == INT16 and channels_first:
        raise ValueError(f"{output.name} is int16: channels of int16 stay side by side")
    return output.dtype.itemsize


def block_fields(block: int, channels: int, *, channels_first: bool) -> tuple[tuple[str, int], ...]:
    """The C fields of blocks of pixels in channels: `channels` of one pixel of a block."""
    return (
        ("block", block),
        ("channels", channels),
        ("channel_step", block**2 if channels_first else 1),
        ("place_step", 1 if channels_first else channels),
    )
