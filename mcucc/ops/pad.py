"""Pad: a border of one value; folded into the convolution behind it where there is one."""

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
    IntegerArray,
    Rounding,
    round_half_away,
)
from mcucc.ops.common.spatial import NO_PADS, Pads


@register
@dataclass(frozen=True)
class Pad(Op):
    """A border of `value` around rows and columns, and before and after the channels."""

    pads: Pads = NO_PADS
    channels: tuple[int, int] = (0, 0)
    value: float = 0.0

    FORMULA: ClassVar[str] = "copy"
    LARGEST_ERROR: ClassVar[str] = "0 for a border of 0, else 0.5 units of the output scale"
    SHARES_QUANT: ClassVar[bool] = True
    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True

    @property
    def widths(self) -> tuple[tuple[int, int], ...]:
        """np.pad's widths for (N, H, W, C)."""
        p = self.pads
        return (0, 0), (p.top, p.bottom), (p.left, p.right), self.channels

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """The shape grown by the border."""
        shape = inputs[0].shape
        if len(shape) != 4:
            raise ValueError(f"Pad takes (1, H, W, C), not {shape}")
        grown = tuple(n + sum(w) for n, w in zip(shape, self.widths, strict=True))
        return TensorType(grown, inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        return np.pad(inputs[0], self.widths, constant_values=self.value)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        axes = zip(self.widths, output.shape, strict=True)
        return (gradient[tuple(slice(a, length - b) for (a, b), length in axes)],)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window]:
        """One input pixel each, shifted by the border."""
        return Window(pad=self.pads.top), Window(pad=self.pads.left)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Quantize the border's value."""
        y = output.quantization
        # A border of minus infinity is legal (it never wins a MaxPool): saturate before rounding.
        steps = min(max(self.value / y.per_tensor_scale, -(2.0**17)), 2.0**17)
        q = y.zero_point + round_half_away(steps)
        _, _, width, channels = inputs[0].shape
        lo, hi = output.interval
        return PadKernel(self, width, channels, min(max(q, lo), hi), output.dtype)


@dataclass(frozen=True, eq=False)
class PadKernel(Kernel):
    """Pad. `input_width` is the width of the whole input tensor, in pixels."""

    op: Pad
    input_width: int
    input_channels: int
    value: int
    dtype: np.dtype[Any] = INT8

    @property
    def types(self) -> tuple[np.dtype[Any], ...]:
        return self.dtype, self.dtype

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        return np.pad(inputs[0], self.op.widths, constant_values=self.value)

    def windows(self, index: int) -> tuple[Window, Window]:
        """One input pixel each, shifted by the border."""
        return Window(pad=self.op.pads.top), Window(pad=self.op.pads.left)

    def padding(self) -> int | None:
        """Rows of the border."""
        return self.value

    def call(self) -> KernelCall:
        return KernelCall(
            KernelId("pad", types=self.wide),
            (
                ("input_width", self.input_width),
                ("input_channels", self.input_channels),
                ("pad_left", self.op.pads.left),
                ("channels_before", self.op.channels[0]),
                ("channels_after", self.op.channels[1]),
                ("value", self.value),
            ),
        )

    def describe(self) -> str:
        return f"Pad {self.op.pads}"
