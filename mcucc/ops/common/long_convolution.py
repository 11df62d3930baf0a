"""Convolutions of int16 whose sums int32 does not hold: 64-bit sums, as LiteRT's 16x8 mode has.

Its biases are 64-bit integers, and so a graph's are where a file brings them: they say that factors
have 15 bits (mcucc/numerics/litert_int16.py). Where all sums are proved to fit int32 the kernels of
every other convolution compute them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.tensor import Tensor
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import (
    INT16,
    INT32_MAX,
    INT32_MIN,
    Clamp,
    Int8Array,
    IntArray,
    IntegerArray,
    Requant,
    Rounding,
    saturate,
)
from mcucc.numerics.litert_int16 import ACCUMULATOR_BITS, reduced, reduced_product
from mcucc.ops.common.matrix import FieldList, exact_matmul
from mcucc.ops.common.spatial import Window2d, patches


def has_long_bias(inputs: Sequence[Tensor]) -> bool:
    """Whether the layer (x, weights[, bias]) is one of LiteRT's 16x8 mode."""
    return inputs[0].dtype == INT16 and len(inputs) > 2 and inputs[2].dtype == np.int64


def reach(inputs: Sequence[Tensor], per_channel: npt.NDArray[np.int64]) -> tuple[int, int]:
    """The least and the largest sum of a layer without zero points; weights (C_out, taps)."""
    bias, (least, most) = inputs[2].constant.astype(np.int64), inputs[0].interval
    positive = np.maximum(per_channel, 0).sum(axis=1)
    negative = np.minimum(per_channel, 0).sum(axis=1)
    lowest, highest = least * positive + most * negative, most * positive + least * negative
    return int((bias + lowest).min()), int((bias + highest).max())


def leaves_int32(inputs: Sequence[Tensor], per_channel: npt.NDArray[np.int64]) -> bool:
    """Whether the sums of a layer with 64-bit biases need them."""
    if not has_long_bias(inputs):
        return False
    lowest, highest = reach(inputs, per_channel)
    return lowest < INT32_MIN or highest > INT32_MAX


def words(values: IntArray, name: str) -> FieldList:
    """64-bit numbers as two tables of words, `name`_low and `name`_high."""
    low, high = (values & 0xFFFFFFFF).astype(np.uint32), (values >> 32).astype(np.int32)
    return (
        (f"{name}_low", ConstArray(f"{name}_low", low.view(np.int32))),
        (f"{name}_high", ConstArray(f"{name}_high", high)),
    )


@dataclass(frozen=True, eq=False)
class LongConvolutionKernel(Kernel):
    """64-bit sums over a sliding window; weights (C_out, kh, kw, C_in / groups), no zero points."""

    window: Window2d
    input_width: int
    weights: Int8Array
    groups: int
    bias: IntArray
    requant: Requant
    clamp: tuple[int, int]

    @staticmethod
    def of(
        inputs: Sequence[Tensor],
        output: Tensor,
        weights: Int8Array,
        op: tuple[Window2d, int, Clamp],
    ) -> LongConvolutionKernel:
        """Of (x, weights, bias); ValueError where even LiteRT's sums overflow."""
        x, y = inputs[0].quantization, output.quantization
        lowest, highest = reach(inputs, weights.reshape(weights.shape[0], -1).astype(np.int64))
        if max(-lowest, highest) >= 1 << ACCUMULATOR_BITS:
            raise ValueError(f"{output.name}: sums of up to {highest:.0f} are beyond 48 bits")
        scales = np.asarray(inputs[1].quantization.scale, np.float64) * x.per_tensor_scale
        channels = weights.shape[0]
        factors = np.broadcast_to(scales / y.per_tensor_scale, channels)
        requant = reduced(Requant.from_real(factors, Rounding.SINGLE))
        window, groups, clamp = op
        limits = clamp.to_integers(y.per_tensor_scale, y.zero_point, output.interval)
        bias = inputs[2].constant.astype(np.int64)
        width = inputs[0].shape[2]
        reduced_product(np.zeros(channels, np.int64), requant)  # or ValueError
        return LongConvolutionKernel(window, width, weights, groups, bias, requant, limits)

    @property
    def types(self) -> tuple[np.dtype[Any], ...]:
        return INT16, INT16

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        columns = patches(inputs[0], self.window, 0)
        step_in, step_out = self.weights.shape[3], self.weights.shape[0] // self.groups
        parts = []
        for group in range(self.groups):
            part = columns[..., group * step_in : (group + 1) * step_in]
            kernel = self.weights[group * step_out : (group + 1) * step_out]
            parts.append(
                exact_matmul(part.reshape(*part.shape[:3], -1), kernel.reshape(step_out, -1))
            )
        acc = np.concatenate(parts, axis=-1) + self.bias
        return saturate(reduced_product(acc, self.requant), *self.clamp, INT16)

    def windows(self, index: int) -> tuple[Window, Window]:
        return self.window.rows, self.window.columns

    @property
    def macs_per_pixel(self) -> int:
        """Every weight counts once."""
        return int(self.weights.size)

    def call(self) -> KernelCall:
        multiplier = (self.requant.multiplier >> 16).astype(np.int16)
        shift = (self.requant.shift - 16).astype(np.uint8)
        return KernelCall(
            KernelId("conv2d_long", types=self.wide),
            (
                *self.window.fields(),
                ("input_width", self.input_width),
                ("input_channels", self.weights.shape[3] * self.groups),
                ("output_channels", self.weights.shape[0]),
                ("groups", self.groups),
                ("weights", ConstArray("weights", self.weights)),
                *words(self.bias, "bias"),
                ("multiplier", ConstArray("multiplier", multiplier)),
                ("shift", ConstArray("shift", shift, align=1)),
                ("lo", self.clamp[0]),
                ("hi", self.clamp[1]),
            ),
        )

    def describe(self) -> str:
        groups = f" groups {self.groups}" if self.groups > 1 else ""
        return f"Conv2d {self.window}{groups}, 64-bit sums"
