"""Element-wise functions of one int8 input: a 256-entry table, exact by construction."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import (
    Int8Array,
    IntegerArray,
    Rounding,
    round_half_up,
    saturate_int8,
)

STEP = 2.0**-18
FAR = 2.0**40  # beyond every int8, and an int64
INT8_RANGE = np.arange(-128, 128, dtype=np.int64)


class Unary(Op):
    """Base of element-wise ops: y = function(x)."""

    FORMULA = "table[x], table[q] = clamp(round(f(s_x * (q - z_x)) / s_y) + z_y)"

    @abstractmethod
    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The real function, element by element."""

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        return inputs[0]

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        return self.function(inputs[0].astype(np.float64)).astype(np.float32)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        """By the difference quotient of `function` in float64."""
        x = inputs[0].astype(np.float64)
        step = STEP * np.maximum(1.0, np.abs(x))
        slope = (self.function(x + step) - self.function(x - step)) / (2.0 * step)
        return ((slope * gradient).astype(np.float32),)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Tabulate the function over the 256 inputs."""
        return LookupKernel(
            str(self), hwc(output.shape)[2], self.table(inputs[0], output, rounding)
        )

    def table(self, x: Tensor, y: Tensor, rounding: Rounding) -> Int8Array:
        """The 256 outputs for inputs -128 to 127; ops that multiply do so as `rounding` says."""
        del rounding
        qx, qy = x.quantization, y.quantization
        real = (INT8_RANGE - qx.zero_point).astype(np.float64) * qx.per_tensor_scale
        scaled = self.function(real) / qy.per_tensor_scale
        return saturate_int8(round_half_up(np.clip(scaled, -FAR, FAR)) + qy.zero_point)


@dataclass(frozen=True, eq=False)
class LookupKernel(Kernel):
    """y = table[x + 128]."""

    function: str
    channels: int
    table: Int8Array

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        return self.table[inputs[0].astype(np.int64) + 128]

    def in_place(self, index: int) -> bool:
        return True

    def call(self) -> KernelCall:
        return KernelCall(
            KernelId("lookup"),
            (("channels", self.channels), ("table", ConstArray("table", self.table))),
        )

    def describe(self) -> str:
        return f"Lookup {self.function}"
