"""Softmax over channels: exponentials from a table, one rounded division per output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Quant, Tensor, TensorType
from mcucc.ir.window import hwc
from mcucc.numerics.elementary import exp
from mcucc.numerics.fixed_point import INT16, IntegerArray, Requant, Rounding, saturate_int8
from mcucc.numerics.litert_fixed import (
    SUM_INTEGER_BITS,
    high_multiply,
    reciprocal_of_one_plus,
    shift_right,
    softmax_exponentials,
)
from mcucc.numerics.litert_tables import exp_table, reciprocal_table, softmax_factor
from mcucc.numerics.litert_tables import softmax as softmax_int16
from mcucc.ops.common.table_function import check_fixed

DOUBLE_CHANNELS = 4095  # the sum has 12 integer bits


def softmax(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """exp(x) / sum exp(x) over the last axis, in float64."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    found: npt.NDArray[np.float64] = e / e.sum(axis=-1, keepdims=True)
    return found


@register
@dataclass(frozen=True)
class Softmax(Op):
    """y = exp(beta * x) / sum exp(beta * x) over the last axis; scale 1/256, zero point -128."""

    beta: float = 1.0

    FORMULA: ClassVar[str] = "(256 * e[max - x] + sum / 2) / sum - 128, e a table of 256 integers"
    LARGEST_ERROR: ClassVar[str] = "1 unit of the output scale; keeps the order of the inputs"
    LIMITS: ClassVar[str] = "the last axis, at most 65536 channels"
    WIDE_ALL: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        if inputs[0].shape[-1] > 65536:
            raise ValueError(f"softmax over {inputs[0].shape[-1]} channels (at most 65536)")
        return inputs[0]

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        y: FloatArray = softmax(inputs[0].astype(np.float64) * self.beta).astype(np.float32)
        return y

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        part = output * gradient
        whole = part.sum(axis=-1, keepdims=True)
        return (np.float32(self.beta) * (part - output * whole),)

    def fixed_quant(self) -> Quant:
        """Covers [0, 255/256]."""
        return Quant((1.0 / 256.0,), -128)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Tabulate exp(-beta * s_x * d) for d = 0..255; int16 is LiteRT's, in both profiles."""
        channels = hwc(output.shape)[2]
        if INT16 in (inputs[0].dtype, output.dtype):
            check_fixed(inputs, output)
            factor = softmax_factor(inputs[0].quantization.per_tensor_scale, self.beta)
            return SoftmaxWideKernel(channels, factor)
        if output.quantization != self.fixed_quant():
            raise ValueError("a softmax output must have scale 1/256 and zero point -128")
        scale = self.beta * inputs[0].quantization.per_tensor_scale
        if rounding is Rounding.DOUBLE:
            if channels > DOUBLE_CHANNELS:
                raise ValueError(f"softmax over {channels} channels (at most {DOUBLE_CHANNELS})")
            table = softmax_exponentials(self.beta, inputs[0].quantization.per_tensor_scale)
            return SoftmaxDoubleKernel(channels, table.astype(np.int32))
        # Sums stay below 2^31 and 256 * e below 2^32.
        bits = min(23, 30 - (channels - 1).bit_length())
        rounded = np.floor(exp(-scale * np.arange(256, dtype=np.float64)) * 2.0**bits + 0.5)
        return SoftmaxKernel(channels, rounded.astype(np.uint32))


@dataclass(frozen=True, eq=False)
class SoftmaxKernel(Kernel):
    """Softmax on int8; `table[d]` is exp for a distance of d below the maximum."""

    channels: int
    table: npt.NDArray[np.uint32]

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        x = inputs[0].astype(np.int64)
        e = self.table.astype(np.int64)[x.max(axis=-1, keepdims=True) - x]
        total = e.sum(axis=-1, keepdims=True)
        return saturate_int8((256 * e + total // 2) // total - 128)

    def in_place(self, index: int) -> bool:
        """The maximum and the sum are known before the first output is written."""
        return True

    def call(self) -> KernelCall:
        return KernelCall(
            KernelId("softmax", requantization=Rounding.SINGLE),
            (("channels", self.channels), ("table", ConstArray("table", self.table))),
        )


@dataclass(frozen=True, eq=False)
class SoftmaxDoubleKernel(Kernel):
    """The LiteRT reference: gemmlowp's exponentials, and a reciprocal by Newton's iteration.

    `table[d]` is exp for a distance of d below the maximum, times 2^31.
    """

    channels: int
    table: npt.NDArray[np.int32]

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        x = inputs[0].astype(np.int64)
        e = self.table.astype(np.int64)[x.max(axis=-1, keepdims=True) - x]
        total = shift_right(e, SUM_INTEGER_BITS).sum(axis=-1, keepdims=True)
        # `total` has 12 integer bits and is at least 1: written as (1 + fraction) * 2^bits.
        zeros = 32 - np.frexp(total.astype(np.float64))[1]
        fraction = (total << zeros) - (np.int64(1) << 31)
        share = high_multiply(reciprocal_of_one_plus(fraction), e)
        exponent = SUM_INTEGER_BITS - zeros + 31 - 8
        half = (np.int64(1) << exponent) >> 1
        return saturate_int8(((share + half) >> exponent) - 128)

    def in_place(self, index: int) -> bool:
        """The maximum and the sum are known before the first output is written."""
        return True

    def call(self) -> KernelCall:
        return KernelCall(
            KernelId("softmax", requantization=Rounding.DOUBLE),
            (("channels", self.channels), ("table", ConstArray("table", self.table))),
        )

    def describe(self) -> str:
        return "Softmax (double rounding)"


@dataclass(frozen=True, eq=False)
class SoftmaxWideKernel(Kernel):
    """Softmax of int16 as LiteRT computes it: two tables, lines between their entries."""

    channels: int
    factor: Requant

    @property
    def types(self) -> tuple[np.dtype[Any], ...]:
        return INT16, INT16

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        return softmax_int16(inputs[0].astype(np.int64), self.factor).astype(np.int16)

    def in_place(self, index: int) -> bool:
        """The maximum is known before the first output is written."""
        return True

    def call(self) -> KernelCall:
        tables = np.array(exp_table(), np.int16), np.array(reciprocal_table(), np.int16)
        return KernelCall(
            KernelId("softmax", types=self.wide),
            (
                ("channels", self.channels),
                ("multiplier", int(self.factor.multiplier[0])),
                ("shift", int(self.factor.shift[0])),
                ("exponential", ConstArray("exponential", tables[0])),
                ("reciprocal", ConstArray("reciprocal", tables[1])),
            ),
        )

    def describe(self) -> str:
        return "Softmax of int16"
