"""Add: two tensors of one shape, rescaled to the output with one rounding at the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mcucc.ir.kernel import Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import (
    INT8,
    INT16,
    NO_CLAMP,
    Clamp,
    IntegerArray,
    Requant,
    Rounding,
    saturate,
    saturate_int8,
)

# The larger multiplier lies in [2^20, 2^21): 255 * 2^22 fits int32. Wider values leave fewer bits.
MULTIPLIER_BITS = 20
VALUE_BITS = 8
LITERT_LEFT_SHIFT = 20


@register
@dataclass(frozen=True)
class Add(Op):
    """y = clamp(a + b)."""

    clamp: Clamp = NO_CLAMP

    FORMULA: ClassVar[str] = "clamp(((a - z_a) * m_a + (b - z_b) * m_b + 2^(s-1) >> s) + z_y)"
    LIMITS: ClassVar[str] = "equal shapes; constant operands are folded into a convolution"
    SCALED_BY: ClassVar[tuple[int, ...]] = (0, 1)
    ADDITIVE: ClassVar[bool] = True
    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        if inputs[0].shape != inputs[1].shape:
            raise ValueError(f"cannot add shapes {inputs[0].shape} and {inputs[1].shape}")
        return inputs[0]

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        total = inputs[0] + inputs[1]
        return self.clamp.apply(total)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        g = self.clamp.pullback(output, gradient)
        return g, g

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Choose the fixed-point multipliers of the profile; int16 is rounded once in both."""
        a, b, y = inputs[0].quantization, inputs[1].quantization, output.quantization
        lo, hi = self.clamp.to_integers(y.per_tensor_scale, y.zero_point, output.interval)
        channels = hwc(output.shape)[2]
        zeros = (a.zero_point, b.zero_point, y.zero_point)
        scales = (a.per_tensor_scale, b.per_tensor_scale, y.per_tensor_scale)
        types = (*(x.dtype for x in inputs), output.dtype)
        if rounding is Rounding.DOUBLE and INT16 not in types:
            return AddDoubleKernel(channels, zeros, *_litert_factors(*scales), lo, hi)
        multipliers, shift = _common_scale(*scales, _multiplier_bits(inputs))
        return AddKernel(channels, zeros, multipliers, shift, lo, hi, types)


@dataclass(frozen=True, eq=False)
class AddKernel(Kernel):
    """Single rounding: two multiplies into one 32-bit sum, one shift."""

    channels: int
    zero_points: tuple[int, int, int]  # a, b, y
    multipliers: tuple[int, int]
    shift: int
    lo: int
    hi: int
    types: tuple[np.dtype[Any], ...] = ()

    @property
    def bias(self) -> int:
        """Both zero points and the rounding constant in one addend (int32)."""
        za, zb, _ = self.zero_points
        return (1 << (self.shift - 1)) - za * self.multipliers[0] - zb * self.multipliers[1]

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        a, b = inputs[0].astype(np.int64), inputs[1].astype(np.int64)
        total = a * self.multipliers[0] + b * self.multipliers[1] + self.bias
        scaled = (total >> self.shift) + self.zero_points[2]
        return saturate(scaled, self.lo, self.hi, self.types[2] if self.types else INT8)

    def in_place(self, index: int) -> bool:
        return not self.types or self.types[index] == self.types[2]

    def call(self) -> KernelCall:
        return KernelCall(
            KernelId("add", requantization=Rounding.SINGLE, types=self.wide),
            (
                ("channels", self.channels),
                ("multiplier_a", self.multipliers[0]),
                ("multiplier_b", self.multipliers[1]),
                ("bias", self.bias),
                ("shift", self.shift),
                ("output_zero_point", self.zero_points[2]),
                ("lo", self.lo),
                ("hi", self.hi),
            ),
        )


@dataclass(frozen=True, eq=False)
class AddDoubleKernel(Kernel):
    """The LiteRT reference: each input rescaled with double rounding, then the sum."""

    channels: int
    zero_points: tuple[int, int, int]
    factor_a: Requant
    factor_b: Requant
    factor_sum: Requant
    lo: int
    hi: int

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        za, zb, zy = self.zero_points
        a = (inputs[0].astype(np.int64) - za) << LITERT_LEFT_SHIFT
        b = (inputs[1].astype(np.int64) - zb) << LITERT_LEFT_SHIFT
        total = self.factor_a.apply(a) + self.factor_b.apply(b)
        return saturate_int8(self.factor_sum.apply(total) + zy, self.lo, self.hi)

    def in_place(self, index: int) -> bool:
        return True

    def call(self) -> KernelCall:
        factors = (("a", self.factor_a), ("b", self.factor_b), ("sum", self.factor_sum))
        return KernelCall(
            KernelId("add", requantization=Rounding.DOUBLE),
            (
                ("channels", self.channels),
                *((f"multiplier_{name}", int(f.multiplier[0])) for name, f in factors),
                *((f"shift_{name}", int(f.shift[0])) for name, f in factors),
                ("zero_point_a", self.zero_points[0]),
                ("zero_point_b", self.zero_points[1]),
                ("output_zero_point", self.zero_points[2]),
                ("lo", self.lo),
                ("hi", self.hi),
            ),
        )

    def describe(self) -> str:
        return "Add (double rounding)"


def _multiplier_bits(inputs: Sequence[Tensor]) -> int:
    """Bits of multipliers at which the sum of two products and the bias fits int32."""
    reach = max(abs(end - x.quantization.zero_point) for x in inputs for end in x.interval)
    return MULTIPLIER_BITS + VALUE_BITS - max(VALUE_BITS, reach.bit_length())


def _common_scale(a: float, b: float, y: float, bits: int) -> tuple[tuple[int, int], int]:
    """Multipliers below 2^(bits + 1) and the common shift, as XNNPACK chooses them (float32)."""
    with np.errstate(all="ignore"):
        ratio_a, ratio_b = np.float32(a) / np.float32(y), np.float32(b) / np.float32(y)
    largest = float(max(ratio_a, ratio_b))
    exponent = math.frexp(largest)[1] - 1
    shift = bits - exponent
    if not (math.isfinite(largest) and 1 <= shift <= 30):
        raise ValueError(f"input scales {a}, {b} are out of proportion to the output's {y}")
    return (
        int(np.rint(float(ratio_a) * 2.0**shift)),
        int(np.rint(float(ratio_b) * 2.0**shift)),
    ), shift


def _litert_factors(a: float, b: float, y: float) -> tuple[Requant, Requant, Requant]:
    """The three factors of LiteRT's quantized ADD (`left_shift` 20)."""
    twice = 2.0 * max(a, b)
    factors = (a / twice, b / twice, twice / ((1 << LITERT_LEFT_SHIFT) * y))
    first, second, third = (Requant.from_real([f], Rounding.DOUBLE) for f in factors)
    return first, second, third
