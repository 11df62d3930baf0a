"""FullyConnected: a matrix times the flattened input, or times every pixel of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np

from mcucc.ir.kernel import ConstArray, Granularity, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window, hwc
from mcucc.numerics.fixed_point import INT16, NO_CLAMP, Clamp, Int8Array, IntegerArray, Rounding
from mcucc.ops.common.convolution import integer_weights
from mcucc.ops.common.long_convolution import has_long_bias
from mcucc.ops.common.matrix import Accumulation, accumulation, exact_matmul
from mcucc.ops.common.product_matrix import ProductMatrixKernel
from mcucc.ops.common.spatial import Window2d
from mcucc.ops.conv2d import Conv2dKernel


@register
@dataclass(frozen=True)
class FullyConnected(Op):
    """y = clamp(W x + bias), x flattened, or `by_pixel`; weights (C_out, C_in), bias (C_out)."""

    clamp: Clamp = NO_CLAMP
    by_pixel: bool = False

    FORMULA: ClassVar[str] = "clamp(round((bias + sum (x - z_x) * w) * M[c]) + z_y)"
    WEIGHT_AXIS: ClassVar[int | None] = 0
    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """(1, C_out), or (.., C_out)."""
        if self.by_pixel:
            if inputs[0].shape[-1] != inputs[1].shape[1]:
                raise ValueError(f"pixels of {inputs[0].shape} for weights {inputs[1].shape}")
            return TensorType((*inputs[0].shape[:-1], inputs[1].shape[0]), inputs[0].dtype)
        if prod(inputs[0].shape[1:]) != inputs[1].shape[1]:
            raise ValueError(f"input {inputs[0].shape} does not fit weights {inputs[1].shape}")
        return TensorType((inputs[0].shape[0], inputs[1].shape[0]), inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        x = inputs[0] if self.by_pixel else inputs[0].reshape(inputs[0].shape[0], -1)
        y = x @ inputs[1].T
        if len(inputs) > 2:
            y = y + inputs[2]
        return self.clamp.apply(y)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        x = inputs[0].reshape(-1, inputs[1].shape[1])
        g = self.clamp.pullback(output, gradient).reshape(-1, output.shape[-1])
        constants = (g.T @ x, g.sum(axis=0))[: len(inputs) - 1]
        return (g @ inputs[1]).reshape(inputs[0].shape), *constants

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window] | None:
        """The whole input, or one pixel."""
        return (Window(), Window()) if self.by_pixel else None

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> int:
        """C_out * C_in, for every pixel."""
        pixels = prod(output.shape[:-1]) if self.by_pixel else 1
        return pixels * int(np.prod(inputs[1].shape))

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Fold zero points and scales; pixels are a 1x1 convolution. One rounding in both profiles.

        LiteRT's reference FULLY_CONNECTED rounds once, unlike its convolutions and unlike TFLM's
        (measured, docs/numerics-litert.md), a product of doubles; what steps like a float32
        product is of the default path. With 64-bit biases it is LiteRT's 16x8 mode.
        """
        weights = integer_weights(inputs[1])
        if has_long_bias(inputs):
            if self.by_pixel:
                raise ValueError("a 16x8 layer over several rows is not compiled")
            return ProductMatrixKernel.of(inputs, output, weights, self.clamp)
        sums = accumulation(
            output.name,
            inputs,
            output,
            weights.astype(np.int64),
            self.clamp,
            Rounding.SINGLE,
            float_product=rounding is Rounding.SINGLE,
            double_product=rounding is Rounding.DOUBLE,
        )
        one_pixel = hwc(inputs[0].shape)[:2] == (1, 1)
        if self.by_pixel or (weights.dtype == INT16 and one_pixel):
            kernel = weights.reshape(weights.shape[0], 1, 1, -1)
            return Conv2dKernel(Window2d((1, 1)), hwc(inputs[0].shape)[1], kernel, sums, 1)
        if weights.dtype == INT16:
            raise ValueError(f"{output.name}: weights of 9 bits for a picture that is not flat")
        return FullyConnectedKernel(weights, sums)


@dataclass(frozen=True, eq=False)
class FullyConnectedKernel(Kernel):
    """FullyConnected on int8; weights (C_out, C_in)."""

    weights: Int8Array
    sums: Accumulation

    @property
    def granularity(self) -> Granularity:
        return Granularity.TENSOR

    @property
    def types(self) -> tuple[np.dtype[Any], ...]:
        return self.sums.types

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        flat = inputs[0].reshape(inputs[0].shape[0], 1, 1, -1)
        return self.sums.finish(exact_matmul(flat, self.weights))

    @property
    def macs_per_pixel(self) -> int:
        """C_out * C_in."""
        return int(self.weights.size)

    def call(self) -> KernelCall:
        return KernelCall(
            KernelId("fully_connected", requantization=self.sums.requant.rounding, types=self.wide),
            (
                ("inputs", self.weights.shape[1]),
                ("outputs", self.weights.shape[0]),
                ("weights", ConstArray("weights", self.weights)),
                *self.sums.c_fields(),
            ),
        )
