"""Sub: the difference of two tensors of one shape, rounded once at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from mcucc.ir.kernel import Kernel
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.numerics.fixed_point import NO_CLAMP, Clamp, Rounding
from mcucc.ops.add import Add, AddDoubleKernel, AddKernel, AddShiftKernel


@register
@dataclass(frozen=True)
class Sub(Op):
    """y = clamp(a - b)."""

    clamp: Clamp = NO_CLAMP
    shifts: bool = False  # as of Add

    FORMULA: ClassVar[str] = "clamp(((a - z_a) * m_a - (b - z_b) * m_b + 2^(s-1) >> s) + z_y)"
    LIMITS: ClassVar[str] = "equal shapes; constant operands are folded into a convolution"
    SCALED_BY: ClassVar[tuple[int, ...]] = (0, 1)
    ADDITIVE: ClassVar[bool] = True
    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        if inputs[0].shape != inputs[1].shape:
            raise ValueError(f"cannot subtract shapes {inputs[0].shape} and {inputs[1].shape}")
        return inputs[0]

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        return self.clamp.apply(inputs[0] - inputs[1])

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        g = self.clamp.pullback(output, gradient)
        return g, -g

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """The multipliers of Add, the second one negative."""
        k = Add(self.clamp, self.shifts).lower(inputs, output, rounding)
        if isinstance(k, AddShiftKernel):
            return replace(k, sign=-1)
        if isinstance(k, AddDoubleKernel):
            factors = (k.factor_a, k.factor_b, k.factor_sum)
            return SubDoubleKernel(k.channels, k.zero_points, *factors, k.lo, k.hi, k.types)
        assert isinstance(k, AddKernel)
        signed = (k.multipliers[0], -k.multipliers[1])
        return SubKernel(k.channels, k.zero_points, signed, k.shift, k.lo, k.hi, k.types)


class SubKernel(AddKernel):
    """Add's integers with a negative second multiplier: its C, too."""


class SubDoubleKernel(AddDoubleKernel):
    """The LiteRT reference: each input rescaled with double rounding, then the difference."""

    OP: ClassVar[str] = "sub"
    SIGN: ClassVar[int] = -1
