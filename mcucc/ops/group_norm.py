"""GroupNorm: groups of channels of a whole picture by their mean and deviation; InstanceNorm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcucc.ir.kernel import Granularity, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window, hwc
from mcucc.numerics.fixed_point import IntegerArray, Rounding
from mcucc.ops.common.normalization import (
    MOST_VALUES,
    ChannelScale,
    Normal,
    Reals,
    channel_numbers,
    normal_pullback,
    normalized,
)
from mcucc.ops.common.table import Table

OVER = (1, 3)  # of (batch, pixels, groups, channels)


@register
@dataclass(frozen=True)
class GroupNorm(Op):
    """y = gamma[c] * (x - mean) / sqrt(variance + epsilon) + beta[c].

    Over all rows, columns and the channels of each of `groups` groups: 1 for all channels together,
    C for instance norm. Without tables gamma is 1, and beta 0.
    """

    groups: int
    epsilon: float = 1e-5
    gamma: Table | None = None
    beta: Table | None = None

    FORMULA: ClassVar[str] = "as LayerNorm, sums over the picture and a group of channels"
    LARGEST_ERROR: ClassVar[str] = "0.6 units, of deviations up to 64 units and 4096 values"
    LIMITS: ClassVar[str] = "int8; 2^22 values a group; reads the whole picture"

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        height, width, channels = hwc(inputs[0].shape)
        if self.groups < 1 or channels % self.groups:
            raise ValueError(f"{self.groups} groups of {channels} channels")
        count = height * width * channels // self.groups
        if count > MOST_VALUES:
            raise ValueError(f"a norm over {count} values (at most {MOST_VALUES})")
        if not 0.0 <= self.epsilon < math.inf:
            raise ValueError(f"epsilon {self.epsilon}")
        for table in (self.gamma, self.beta):
            channel_numbers(table, channels, 0.0)
        return inputs[0]

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        x = inputs[0]
        n, _ = normalized(self._grouped(x), self.epsilon, OVER, centered=True)
        gamma, beta = self._numbers(x.shape[-1])
        return (n.reshape(x.shape) * gamma + beta).astype(np.float32)

    def _grouped(self, x: FloatArray) -> Reals:
        channels = x.shape[-1]
        shape = (x.shape[0], -1, self.groups, channels // self.groups)
        return x.astype(np.float64).reshape(shape)

    def _numbers(self, channels: int) -> tuple[Reals, Reals]:
        return channel_numbers(self.gamma, channels, 1.0), channel_numbers(self.beta, channels, 0.0)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        x = inputs[0]
        n, root = normalized(self._grouped(x), self.epsilon, OVER, centered=True)
        g = (gradient * self._numbers(x.shape[-1])[0]).reshape(n.shape)
        return (normal_pullback(n, root, g, OVER, centered=True).reshape(x.shape),)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window] | None:
        return None

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """One rounding in both profiles."""
        del rounding
        height, width, channels = hwc(output.shape)
        count = height * width * channels // self.groups
        normal = Normal.of(count, self.epsilon, inputs[0].quantization, centered=True)
        scale = ChannelScale.of(*self._numbers(channels), normal, output.quantization)
        return GroupNormKernel(normal, scale, height * width, self.groups)


@dataclass(frozen=True, eq=False)
class GroupNormKernel(Kernel):
    """GroupNorm on int8: sums over the whole picture, then every value."""

    normal: Normal
    scale: ChannelScale
    pixels: int
    groups: int

    @property
    def granularity(self) -> Granularity:
        """The first output needs the last input."""
        return Granularity.TENSOR

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        x = inputs[0].astype(np.int64)
        by_group = x.reshape(x.shape[0], self.pixels, self.groups, -1).swapaxes(1, 2)
        n = self.normal(by_group.reshape(-1, self.normal.count)).reshape(by_group.shape)
        return self.scale(n.swapaxes(1, 2).reshape(x.shape))

    def call(self) -> KernelCall:
        return KernelCall(
            KernelId("group_norm"),
            (
                *self.normal.fields,
                ("pixels", self.pixels),
                ("groups", self.groups),
                ("channels", self.scale.factors.size),
                *self.scale.fields,
            ),
        )

    def describe(self) -> str:
        return f"GroupNorm of {self.groups}"
