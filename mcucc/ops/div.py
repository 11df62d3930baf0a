"""Div: a tensor by another, element by element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcucc.ir.kernel import ConstArray, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import IntArray, IntegerArray, Rounding, saturate_int8
from mcucc.ops.common.lookup import INT8_RANGE

SHIFT = 14
# One unit of a over such a b is 256 units of y, beyond both ends whatever its zero point; times
# 255 units it still fits 31 bits.
LARGEST = 256 << SHIFT


@register
@dataclass(frozen=True)
class Div(Op):
    """y = a / b; by a b of 0 the largest number of a's sign, and 0 where a is 0 too."""

    FORMULA: ClassVar[str] = "clamp(((a - z_a) * R[b] + 2^13 >> 14) + z_y), R = 2^14 s_a / (b s_y)"
    LARGEST_ERROR: ClassVar[str] = "0.51 units of the output scale"
    LIMITS: ClassVar[str] = "b in int8: what is near 0 beside its largest value divides coarsely"
    SCALED_BY: ClassVar[tuple[int, ...]] = (0,)

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        if inputs[0].shape != inputs[1].shape:
            raise ValueError(f"cannot divide shapes {inputs[0].shape} and {inputs[1].shape}")
        return inputs[0]

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        a, b = inputs
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            quotient: FloatArray = np.where(a == 0, np.float32(0), a / b)
        return quotient

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        """1 / b and -y / b; nothing where b is 0."""
        b = inputs[1]
        inverse = np.divide(1.0, b, out=np.zeros_like(b), where=b != 0)
        finite = np.where(np.isfinite(output), output, 0)
        of_a = gradient * inverse
        return of_a, -of_a * finite

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """One rounding a quotient, in both profiles: LiteRT's int8 kernel is not what this is."""
        a, b, y = (t.quantization for t in (*inputs, output))
        divisors = (INT8_RANGE - b.zero_point) * b.per_tensor_scale * y.per_tensor_scale
        with np.errstate(divide="ignore"):
            exact = np.rint((1 << SHIFT) * a.per_tensor_scale / divisors)
        factors = np.clip(exact, -LARGEST, LARGEST).astype(np.int64)
        return DivKernel(hwc(output.shape)[2], factors, a.zero_point, y.zero_point)


@dataclass(frozen=True, eq=False)
class DivKernel(Kernel):
    """Div on int8; `factors` (256,) are 2^14 s_a / (b s_y), by the integer of b."""

    channels: int
    factors: IntArray
    zero_point: int
    output_zero_point: int

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        a, b = (x.astype(np.int64) for x in inputs)
        product = (a - self.zero_point) * self.factors[b + 128]
        quotient = (product + (1 << (SHIFT - 1))) >> SHIFT
        return saturate_int8(quotient + self.output_zero_point)

    def in_place(self, index: int) -> bool:
        return True

    def call(self) -> KernelCall:
        return KernelCall(
            KernelId("div"),
            (
                ("channels", self.channels),
                ("factors", ConstArray("factors", self.factors.astype(np.int32))),
                ("zero_point", self.zero_point),
                ("output_zero_point", self.output_zero_point),
            ),
        )
