"""LayerNorm: the channels of each pixel brought to mean 0 and variance 1, then scaled and moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcucc.ir.kernel import Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import IntegerArray, Rounding
from mcucc.ops.common.matrix import FieldList
from mcucc.ops.common.normalization import ChannelScale, Normal

MOST_CHANNELS = 2**14


@register
@dataclass(frozen=True)
class LayerNorm(Op):
    """y = (x - mean) / sqrt(variance + epsilon) * scales[channel] + offsets[channel].

    Over the channels of each pixel. Not `centered` it is RMSNorm, x / sqrt(mean of squares +
    epsilon), and with scales of 1 / sqrt(C) the vector of length 1.
    """

    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    epsilon: float = 1e-5
    centered: bool = True

    FORMULA: ClassVar[str] = (
        "(n * g[c] + b[c]) >> s, n = (q * A - B) >> 15, A = N / sqrt(w), B = sum q / sqrt(w), "
        "w = N * sum q^2 - (sum q)^2 + E, 1 / sqrt in 16 bits"
    )
    LARGEST_ERROR: ClassVar[str] = "0.56 units of the output scale up to 1024 channels"
    LIMITS: ClassVar[str] = f"over the channels of a pixel, at most {MOST_CHANNELS}"

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        channels = hwc(inputs[0].shape)[2]
        if not len(self.scales) == len(self.offsets) == channels:
            raise ValueError(f"{len(self.scales)} scales for {channels} channels")
        if channels > MOST_CHANNELS:
            raise ValueError(f"{channels} channels; {MOST_CHANNELS} at most are normalised")
        return inputs[0]

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        normal, _ = self._normal(inputs[0])
        scaled: FloatArray = (normal * np.array(self.scales) + self.offsets).astype(np.float32)
        return scaled

    def _normal(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The normalised value, and the deviation it was divided by, both float64."""
        wide = x.astype(np.float64)
        if self.centered:
            wide = wide - wide.mean(-1, keepdims=True)
        deviation = np.sqrt(np.square(wide).mean(-1, keepdims=True) + self.epsilon)
        deviation = np.maximum(deviation, np.finfo(np.float64).tiny)
        return wide / deviation, deviation

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        """J^T of x -> n: (g - mean g - n mean(g n)) / deviation."""
        normal, deviation = self._normal(inputs[0])
        g = gradient * np.array(self.scales)
        moved = g - normal * (g * normal).mean(-1, keepdims=True)
        if self.centered:
            moved = moved - g.mean(-1, keepdims=True)
        return ((moved / deviation).astype(np.float32),)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """The scale of the input cancels but for epsilon; one rounding in both profiles."""
        del rounding
        x = inputs[0].quantization
        normal = Normal.of(len(self.scales), self.epsilon, x, centered=self.centered)
        numbers = np.array(self.scales), np.array(self.offsets)
        return LayerNormKernel(normal, ChannelScale.of(*numbers, normal, output.quantization))

    def __str__(self) -> str:
        kind = "" if self.centered else ", about 0"
        return f"LayerNorm({len(self.scales)}, epsilon={self.epsilon:g}{kind})"


@dataclass(frozen=True, eq=False)
class LayerNormKernel(Kernel):
    """LayerNorm on int8; sums and squares are exact, the root is rounded to 16 bits."""

    normal: Normal
    scale: ChannelScale

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        x = inputs[0].astype(np.int64)
        n = self.normal(x.reshape(-1, self.normal.count))
        return self.scale(n).reshape(x.shape)

    def in_place(self, index: int) -> bool:
        """All sums of a pixel are known before its first output is written."""
        return True

    @property
    def fields(self) -> FieldList:
        """The parameters of every kernel of layer norms."""
        return (*self.normal.fields, *self.scale.fields)

    def call(self) -> KernelCall:
        return KernelCall(KernelId("layer_norm"), self.fields)

    def describe(self) -> str:
        return "LayerNorm" if self.normal.zero_point is None else "RmsNorm"
