"""ChannelOperand: Add, Sub or Mul of a tensor and one quantized number per channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcucc.ir.kernel import ConstArray, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Quant, Tensor, TensorType
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import (
    INT8,
    NO_CLAMP,
    Clamp,
    IntArray,
    IntegerArray,
    Requant,
    Rounding,
    saturate_int8,
)
from mcucc.ops.add import LITERT_LEFT_SHIFT, Add, AddDoubleKernel, AddKernel
from mcucc.ops.channel_affine import ChannelAffineKernel
from mcucc.ops.common.lookup import INT8_RANGE
from mcucc.ops.mul import Mul, MulKernel
from mcucc.ops.scalar_operand import Arithmetic
from mcucc.ops.sub import Sub


@register
@dataclass(frozen=True)
class ChannelOperand(Op):
    """y = clamp(x + c[channel]), x - c, c - x (where c comes first) or x * c.

    c are the integers `values` with the scale and zero point of the constant.
    """

    operation: Arithmetic
    values: tuple[int, ...]
    scale: float
    zero_point: int
    clamp: Clamp = NO_CLAMP
    comes_first: bool = False

    FORMULA: ClassVar[str] = "the integers that Add, Sub or Mul of two tensors computes"
    LIMITS: ClassVar[str] = "of quantized files; one constant per channel"

    @property
    def signs(self) -> tuple[int, int]:
        """Those of x and c in a sum."""
        if self.operation is Arithmetic.SUB:
            return (-1, 1) if self.comes_first else (1, -1)
        return 1, 1

    @property
    def constants(self) -> FloatArray:
        """The real c, (C,)."""
        values = np.array(self.values) - self.zero_point
        return (values * self.scale).astype(np.float32)

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        channels = hwc(inputs[0].shape)[2]
        if len(self.values) != channels:
            raise ValueError(f"{len(self.values)} constants for {channels} channels")
        return inputs[0]

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        c = self.constants
        if self.operation is Arithmetic.MUL:
            return self.clamp.apply(inputs[0] * c)
        signs = self.signs
        return self.clamp.apply(signs[0] * inputs[0] + signs[1] * c)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        factor = self.constants if self.operation is Arithmetic.MUL else self.signs[0]
        return (self.clamp.pullback(output, gradient) * factor,)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """What the operation on two tensors computes, all that is known of c folded."""
        x = inputs[0]
        c = Tensor("c", x.shape, x.dtype, Quant((self.scale,), self.zero_point))
        values = np.array(self.values, dtype=np.int64)
        if self.operation is Arithmetic.MUL:
            k = Mul(self.clamp).lower([x, c], output, rounding)
            assert isinstance(k, MulKernel)
            factors = values - self.zero_point
            offsets = -k.zero_points[0] * factors
            return ChannelAffineKernel(factors, offsets, k.requant, 0, k.zero_points[2], k.clamp)
        operands = [c, x] if self.comes_first else [x, c]
        op = Sub(self.clamp) if self.operation is Arithmetic.SUB else Add(self.clamp)
        kernel = op.lower(operands, output, rounding)
        if isinstance(kernel, AddKernel):
            return self._single(kernel, values)
        assert isinstance(kernel, AddDoubleKernel)
        return self._double(kernel, values)

    def _single(self, k: AddKernel, values: IntArray) -> Kernel:
        """Sub's second multiplier is negative already."""
        c = 0 if self.comes_first else 1
        z = k.zero_points
        offsets = (values - z[c]) * k.multipliers[c] - z[1 - c] * k.multipliers[1 - c]
        factors = np.full_like(values, k.multipliers[1 - c])
        return ChannelAffineKernel.shifted(factors, offsets, k.shift, z[2], (k.lo, k.hi))

    def _double(self, k: AddDoubleKernel, values: IntArray) -> Kernel:
        """Both terms of the sum as LiteRT rounds them: of x in a table, of c by channel."""
        c = 0 if self.comes_first else 1
        z, factors = k.zero_points, (k.factor_a, k.factor_b)
        of_x = factors[1 - c].apply((INT8_RANGE - z[1 - c]) << LITERT_LEFT_SHIFT[INT8])
        of_c = factors[c].apply((values - z[c]) << LITERT_LEFT_SHIFT[INT8])
        table, offsets = self.signs[0] * of_x, self.signs[1] * of_c
        return ChannelSumKernel(table, offsets, k.factor_sum, z[2], (k.lo, k.hi))

    def __str__(self) -> str:
        name = f"ChannelOperand({self.operation.value}, {len(self.values)} constants"
        return f"{name}{', first' if self.comes_first else ''})"


@dataclass(frozen=True, eq=False)
class ChannelSumKernel(Kernel):
    """table[x] + offsets[c], requantized with double rounding."""

    table: IntArray
    offsets: IntArray
    requant: Requant
    output_zero_point: int
    clamp: tuple[int, int]

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        sums = self.table[inputs[0].astype(np.int64) + 128] + self.offsets
        return saturate_int8(self.requant.apply(sums) + self.output_zero_point, *self.clamp)

    def in_place(self, index: int) -> bool:
        return True

    def call(self) -> KernelCall:
        return KernelCall(
            KernelId("channel_sum"),
            (
                ("channels", self.offsets.size),
                ("table", ConstArray("table", self.table.astype(np.int32))),
                ("offsets", ConstArray("offsets", self.offsets.astype(np.int32))),
                ("multiplier", int(self.requant.multiplier[0])),
                ("shift", int(self.requant.shift[0])),
                ("output_zero_point", self.output_zero_point),
                ("lo", self.clamp[0]),
                ("hi", self.clamp[1]),
            ),
        )
