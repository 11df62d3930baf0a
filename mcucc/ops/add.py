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
)
from mcucc.numerics.litert_int16 import ADD_LEFT_SHIFT, power_of_two, shifted_operand
from mcucc.ops.common.wide import rounding_of

# The larger multiplier lies in [2^20, 2^21): 255 * 2^22 fits int32. Wider values leave fewer bits.
MULTIPLIER_BITS = 20
VALUE_BITS = 8
LITERT_LEFT_SHIFT = {INT8: 20, INT16: ADD_LEFT_SHIFT}


@register
@dataclass(frozen=True)
class Add(Op):
    """y = clamp(a + b).

    `shifts`: of int16 with scales that are powers of two, as LiteRT does: the finer operand is
    shifted to the scale of the other, which is the output's.
    """

    clamp: Clamp = NO_CLAMP
    shifts: bool = False

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
        """Choose the fixed-point multipliers of the profile; beside int8, int16 is rounded once."""
        a, b, y = inputs[0].quantization, inputs[1].quantization, output.quantization
        lo, hi = self.clamp.to_integers(y.per_tensor_scale, y.zero_point, output.interval)
        channels = hwc(output.shape)[2]
        zeros = (a.zero_point, b.zero_point, y.zero_point)
        scales = (a.per_tensor_scale, b.per_tensor_scale, y.per_tensor_scale)
        types = (*(x.dtype for x in inputs), output.dtype)
        if self.shifts:
            return AddShiftKernel(channels, _shifts(*scales), 1, (lo, hi), types)
        if rounding_of(rounding, [*inputs, output]) is Rounding.DOUBLE:
            left = LITERT_LEFT_SHIFT[output.dtype]
            factors = _litert_factors(*scales, left)
            return AddDoubleKernel(channels, zeros, *factors, lo, hi, types)
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
    types: tuple[np.dtype[Any], ...] = (INT8, INT8, INT8)

    OP: ClassVar[str] = "add"
    SIGN: ClassVar[int] = 1

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        za, zb, zy = self.zero_points
        left, dtype = LITERT_LEFT_SHIFT[self.types[2]], self.types[2]
        a = (inputs[0].astype(np.int64) - za) << left
        b = (inputs[1].astype(np.int64) - zb) << left
        total = self.factor_a.apply(a) + self.SIGN * self.factor_b.apply(b)
        return saturate(self.factor_sum.apply(total) + zy, self.lo, self.hi, dtype)

    def in_place(self, index: int) -> bool:
        return True

    def call(self) -> KernelCall:
        factors = (("a", self.factor_a), ("b", self.factor_b), ("sum", self.factor_sum))
        return KernelCall(
            KernelId(self.OP, requantization=Rounding.DOUBLE, types=self.wide),
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
        return f"{self.OP.title()} (double rounding)"


@dataclass(frozen=True, eq=False)
class AddShiftKernel(Kernel):
    """The LiteRT reference where all scales are powers of two: operands shifted right, int16."""

    channels: int
    shifts: tuple[int, int]
    sign: int  # of the second operand
    limits: tuple[int, int]
    types: tuple[np.dtype[Any], ...] = (INT16, INT16, INT16)

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        a, b = (
            shifted_operand(x.astype(np.int64), shift)
            for x, shift in zip(inputs, self.shifts, strict=True)
        )
        return saturate(a + self.sign * b, *self.limits, INT16)

    def in_place(self, index: int) -> bool:
        return True

    def call(self) -> KernelCall:
        return KernelCall(
            KernelId("add_shift", types=self.wide),
            (
                ("channels", self.channels),
                ("shift_a", self.shifts[0]),
                ("shift_b", self.shifts[1]),
                ("sign_b", self.sign),
                ("lo", self.limits[0]),
                ("hi", self.limits[1]),
            ),
        )

    def describe(self) -> str:
        return f"{'Add' if self.sign > 0 else 'Sub'} (shifts)"


def _shifts(a: float, b: float, y: float) -> tuple[int, int]:
    """Shifts to the right of both operands; ValueError where LiteRT refuses them."""
    exponents = [power_of_two(scale) for scale in (a, b, y)]
    if None in exponents:
        raise ValueError("scales that are no powers of two cannot be shifted")
    to_a, to_b = (exponents[2] - e for e in exponents[:2])  # type: ignore[operator]
    if min(to_a, to_b) != 0 or max(to_a, to_b) > 15:
        raise ValueError("the output must have the coarser scale of the two inputs")
    return to_a, to_b


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


def _litert_factors(a: float, b: float, y: float, left: int) -> tuple[Requant, Requant, Requant]:
    """The three factors of LiteRT's quantized ADD, `left` its shift of the operands."""
    twice = 2.0 * max(a, b)
    factors = (a / twice, b / twice, twice / ((1 << left) * y))
    first, second, third = (Requant.from_real([f], Rounding.DOUBLE) for f in factors)
    return first, second, third
