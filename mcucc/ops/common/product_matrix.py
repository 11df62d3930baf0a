"""FullyConnected of int16 as LiteRT computes it: 64-bit sums, each times a double."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mcucc.ir.kernel import ConstArray, Granularity, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.tensor import Tensor
from mcucc.numerics.fixed_point import INT16, Clamp, Int8Array, IntArray, IntegerArray, saturate
from mcucc.numerics.litert_int16 import DoubleProduct
from mcucc.ops.common.long_convolution import reach, words
from mcucc.ops.common.matrix import exact_matmul

SUM_BITS = 42  # of the C code: mcucc/double_product.h
LEAST_FACTOR, LARGEST_FACTOR = 2.0**-64, 2.0**13


@dataclass(frozen=True, eq=False)
class ProductMatrixKernel(Kernel):
    """Weights (C_out, C_in), no zero points."""

    weights: Int8Array
    bias: IntArray
    product: DoubleProduct
    clamp: tuple[int, int]

    @staticmethod
    def of(
        inputs: Sequence[Tensor], output: Tensor, weights: Int8Array, clamp: Clamp
    ) -> ProductMatrixKernel:
        """Of (x, weights, bias); ValueError for sums and factors beyond what the C holds."""
        x, y = inputs[0].quantization, output.quantization
        lowest, highest = reach(inputs, weights.astype(np.int64))
        if max(-lowest, highest) >= 1 << SUM_BITS:
            raise ValueError(f"{output.name}: sums of up to {highest:.0f} are beyond 43 bits")
        scales = np.broadcast_to(np.asarray(inputs[1].quantization.scale), weights.shape[0])
        product = DoubleProduct.from_scales(x.per_tensor_scale, scales, y.per_tensor_scale)
        if (product.factors < LEAST_FACTOR).any() or (product.factors > LARGEST_FACTOR).any():
            raise ValueError(f"{output.name}: a requantization factor outside [2^-64, 2^13]")
        limits = clamp.to_integers(y.per_tensor_scale, y.zero_point, output.interval)
        bias = inputs[2].constant.astype(np.int64)
        return ProductMatrixKernel(weights, bias, product, limits)

    @property
    def granularity(self) -> Granularity:
        return Granularity.TENSOR

    @property
    def types(self) -> tuple[np.dtype[Any], ...]:
        return INT16, INT16

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        flat = inputs[0].reshape(inputs[0].shape[0], 1, 1, -1)
        acc = exact_matmul(flat, self.weights) + self.bias
        return saturate(self.product.apply(acc), *self.clamp, INT16)

    @property
    def macs_per_pixel(self) -> int:
        """C_out * C_in."""
        return int(self.weights.size)

    def call(self) -> KernelCall:
        high, low, shift = self.product.fields()
        return KernelCall(
            KernelId("fully_connected_product", types=self.wide),
            (
                ("inputs", self.weights.shape[1]),
                ("outputs", self.weights.shape[0]),
                ("weights", ConstArray("weights", self.weights)),
                *words(self.bias, "bias"),
                ("high", ConstArray("high", high.astype(np.uint32))),
                ("low", ConstArray("low", low.astype(np.uint32))),
                ("shift", ConstArray("shift", shift.astype(np.uint8), align=1)),
                ("lo", self.clamp[0]),
                ("hi", self.clamp[1]),
            ),
        )

    def describe(self) -> str:
        return "FullyConnected, products of doubles"
