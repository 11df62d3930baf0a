"""Mul: element by element, or one factor per channel (squeeze-and-excite)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mcucc.ir.kernel import Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window, hwc
from mcucc.numerics.fixed_point import (
    INT8,
    NO_CLAMP,
    Clamp,
    IntegerArray,
    Requant,
    Rounding,
    saturate,
)
from mcucc.ops.common.wide import rounding_of

BROADCAST = Window(stride=0)  # every output row and column reads row and column 0


@register
@dataclass(frozen=True)
class Mul(Op):
    """y = clamp(a * b); b has a's shape or is (1, 1, 1, C)."""

    clamp: Clamp = NO_CLAMP

    FORMULA: ClassVar[str] = "clamp(round((a - z_a) * (b - z_b) * M) + z_y)"
    LIMITS: ClassVar[str] = "b of a's shape, or one value per channel"
    SCALED_BY: ClassVar[tuple[int, ...]] = (0,)
    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """The shape of input 0."""
        a, b = inputs[0].shape, inputs[1].shape
        if a != b and not _per_channel(a, b):
            raise ValueError(f"cannot multiply shapes {a} and {b}")
        return inputs[0]

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        product = inputs[0] * inputs[1].reshape(inputs[1].shape[0], *_broadcast_shape(inputs))
        return self.clamp.apply(product)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        a, b = inputs
        g = self.clamp.pullback(output, gradient)
        of_b = g * a
        if a.shape != b.shape:
            of_b = of_b.reshape(b.shape[0], -1, a.shape[-1]).sum(axis=1)
        return g * b.reshape(b.shape[0], *_broadcast_shape(inputs)), of_b.reshape(b.shape)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window]:
        """One to one, or row and column 0 of a per-channel factor."""
        if index == 1 and inputs[0].shape != inputs[1].shape:
            return BROADCAST, BROADCAST
        return Window(), Window()

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Fold the three scales into one factor; beside int8, int16 is rounded once."""
        a, b, y = inputs[0].quantization, inputs[1].quantization, output.quantization
        types = (*(x.dtype for x in inputs), output.dtype)
        rounding = rounding_of(rounding, [*inputs, output])
        factor = a.per_tensor_scale * b.per_tensor_scale / y.per_tensor_scale
        if rounding is Rounding.DOUBLE:  # LiteRT computes it in float32
            product = np.float32(a.per_tensor_scale) * np.float32(b.per_tensor_scale)
            factor = float(product / np.float32(y.per_tensor_scale))
        return MulKernel(
            channels=hwc(output.shape)[2],
            per_channel=inputs[0].shape != inputs[1].shape,
            zero_points=(a.zero_point, b.zero_point, y.zero_point),
            requant=Requant.from_real([factor], rounding),
            clamp=self.clamp.to_integers(y.per_tensor_scale, y.zero_point, output.interval),
            types=types,
        )


@dataclass(frozen=True, eq=False)
class MulKernel(Kernel):
    """Mul on int8."""

    channels: int
    per_channel: bool
    zero_points: tuple[int, int, int]  # a, b, y
    requant: Requant
    clamp: tuple[int, int]
    types: tuple[np.dtype[Any], ...] = ()

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        za, zb, zy = self.zero_points
        product = (inputs[0].astype(np.int64) - za) * (inputs[1].astype(np.int64) - zb)
        dtype = self.types[2] if self.types else INT8
        return saturate(self.requant.apply(product) + zy, *self.clamp, dtype)

    def windows(self, index: int) -> tuple[Window, Window]:
        """One to one, or row and column 0 of a per-channel factor."""
        return (BROADCAST, BROADCAST) if index == 1 and self.per_channel else (Window(), Window())

    def in_place(self, index: int) -> bool:
        """Element by element, unless the factor is per channel."""
        same = not self.types or self.types[index] == self.types[2]
        return same and (index == 0 or not self.per_channel)

    def call(self) -> KernelCall:
        za, zb, zy = self.zero_points
        return KernelCall(
            KernelId("mul", requantization=self.requant.rounding, types=self.wide),
            (
                ("channels", self.channels),
                ("per_channel", int(self.per_channel)),
                ("zero_point_a", za),
                ("zero_point_b", zb),
                ("multiplier", int(self.requant.multiplier[0])),
                ("shift", int(self.requant.shift[0])),
                ("output_zero_point", zy),
                ("lo", self.clamp[0]),
                ("hi", self.clamp[1]),
            ),
        )

    def describe(self) -> str:
        return "Mul per channel" if self.per_channel else "Mul"


def _per_channel(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return hwc(b) == (1, 1, hwc(a)[2])


def _broadcast_shape(inputs: Sequence[FloatArray]) -> tuple[int, ...]:
    a, b = inputs[0].shape, inputs[1].shape
    return b[1:] if a == b else (1,) * (len(a) - 2) + (a[-1],)
