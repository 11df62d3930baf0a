"""L2Norm: each pixel's channels as a vector of length 1, in the integers of LiteRT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Quant, Tensor, TensorType
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import IntegerArray, Requant, Rounding, saturate_int8
from mcucc.numerics.litert_root import inverse_root

MOST_CHANNELS = 33025  # squares of up to 255 within int32
SCALE_BITS = 7  # the output's scale is 1/128
SMALLEST = 1e-6  # of a sum of squares, as LiteRT has it in floats


@register
@dataclass(frozen=True)
class L2Norm(Op):
    """y = x / sqrt(sum x^2) over the channels; scale 1/128, zero point 0."""

    FORMULA: ClassVar[str] = "(q - z_x) * M, M = 128 / sqrt(sum (q - z_x)^2) by Newton in int32"
    LARGEST_ERROR: ClassVar[str] = "0.76 units of the output scale, as LiteRT rounds twice"
    LIMITS: ClassVar[str] = "of .tflite; at most 33025 channels"

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        if inputs[0].shape[-1] > MOST_CHANNELS:
            raise ValueError(f"{inputs[0].shape[-1]} channels (at most {MOST_CHANNELS})")
        return inputs[0]

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        x = inputs[0].astype(np.float64)
        y: FloatArray = (x / _lengths(x)).astype(np.float32)
        return y

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        along = output * (output * gradient).sum(axis=-1, keepdims=True)
        made: FloatArray = ((gradient - along) / _lengths(inputs[0])).astype(np.float32)
        return (made,)

    def fixed_quant(self) -> Quant:
        """Covers [-1, 127/128]."""
        return Quant((2.0**-SCALE_BITS,), 0)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """The scale of x cancels; both profiles are LiteRT's."""
        if output.quantization != self.fixed_quant():
            raise ValueError("an L2 norm's output must have scale 1/128 and zero point 0")
        return L2NormKernel(hwc(output.shape)[2], inputs[0].quantization.zero_point)


def _lengths(x: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    squares = np.square(x, dtype=np.float64).sum(axis=-1, keepdims=True)
    lengths: npt.NDArray[np.float64] = np.sqrt(np.maximum(squares, SMALLEST))
    return lengths


@dataclass(frozen=True, eq=False)
class L2NormKernel(Kernel):
    """L2Norm on int8."""

    channels: int
    zero_point: int

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        x = inputs[0].astype(np.int64) - self.zero_point
        multiplier, shift = inverse_root((x * x).sum(axis=-1, keepdims=True))
        factor = Requant(multiplier, 31 + shift - SCALE_BITS, Rounding.DOUBLE)
        return saturate_int8(factor.apply(x))

    def in_place(self, index: int) -> bool:
        """The sum is known before the first output is written."""
        return True

    def call(self) -> KernelCall:
        return KernelCall(
            KernelId("l2_norm"), (("channels", self.channels), ("zero_point", self.zero_point))
        )
