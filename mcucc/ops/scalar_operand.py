"""ScalarOperand: Add, Sub or Mul of a tensor and one quantized number, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Quant, Tensor
from mcucc.numerics.fixed_point import NO_CLAMP, Clamp, Int8Array, Rounding
from mcucc.ops.add import Add
from mcucc.ops.common.lookup import INT8_RANGE, Unary
from mcucc.ops.mul import Mul
from mcucc.ops.sub import Sub

Operand = TypeVar("Operand")
ROW = (1, 1, INT8_RANGE.size, 1)
INT8 = np.dtype(np.int8)


class Arithmetic(StrEnum):
    """The operations on two tensors."""

    ADD = "add"
    SUB = "sub"
    MUL = "mul"


_OPS: dict[Arithmetic, type[Add] | type[Sub] | type[Mul]] = {
    Arithmetic.ADD: Add,
    Arithmetic.SUB: Sub,
    Arithmetic.MUL: Mul,
}


@register
@dataclass(frozen=True)
class ScalarOperand(Unary):
    """y = clamp(x + c), x - c, c - x (where c comes first) or x * c.

    c is the integer `value` with the scale and zero point of the constant.
    """

    operation: Arithmetic = Arithmetic.ADD
    value: int = 0
    scale: float = 1.0
    zero_point: int = 0
    clamp: Clamp = NO_CLAMP
    comes_first: bool = False

    FORMULA: ClassVar[str] = "table[x], of the integers that the operation on two tensors computes"

    @property
    def op(self) -> Op:
        """The operation on two tensors."""
        return _OPS[self.operation](self.clamp)

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The operation on the real number."""
        c = (self.value - self.zero_point) * self.scale
        column: Any = x.reshape(1, 1, -1, 1)
        made = self.op.evaluate(self._ordered(column, np.full_like(column, c)))
        return made.astype(np.float64).reshape(x.shape)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        """That of the operation: its floats are too short for a difference quotient."""
        column = np.full_like(inputs[0], (self.value - self.zero_point) * self.scale)
        found = self.op.pullback(self._ordered(inputs[0], column), output, gradient)
        return (found[1 if self.comes_first else 0],)

    def table(self, x: Tensor, y: Tensor, rounding: Rounding) -> Int8Array:
        """The operation's own kernel on all 256 inputs."""
        c = Quant((self.scale,), self.zero_point)
        operands = self._ordered(Tensor("x", ROW, INT8, x.quantization), Tensor("c", ROW, INT8, c))
        kernel = self.op.lower(operands, Tensor("y", ROW, INT8, y.quantization), rounding)
        column = INT8_RANGE.astype(np.int8).reshape(ROW)
        return kernel.run(self._ordered(column, np.full_like(column, self.value))).reshape(-1)

    def _ordered(self, x: Operand, c: Operand) -> list[Operand]:
        return [c, x] if self.comes_first else [x, c]
