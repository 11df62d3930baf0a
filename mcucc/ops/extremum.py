"""Extremum: the larger or the smaller of two tensors, element by element."""

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
from mcucc.numerics.fixed_point import Int8Array, IntegerArray, Rounding
from mcucc.ops.requantize import rescaling


@register
@dataclass(frozen=True)
class Extremum(Op):
    """y = max(a, b), or min(a, b) unless `largest`."""

    largest: bool = True

    FORMULA: ClassVar[str] = "max(a, b), of table[a], table[b] where a scale is not the output's"
    LARGEST_ERROR: ClassVar[str] = "0 with equal scales, else 0.5 units of the output scale"
    LIMITS: ClassVar[str] = "equal shapes; with one number it is a Clip"
    SHARES_QUANT: ClassVar[bool] = True
    RESCALES: ClassVar[bool] = True
    SCALED_BY: ClassVar[tuple[int, ...]] = (0, 1)

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        if inputs[0].shape != inputs[1].shape:
            raise ValueError(f"cannot compare shapes {inputs[0].shape} and {inputs[1].shape}")
        return inputs[0]

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        result: FloatArray = self.function(inputs[0], inputs[1])
        return result

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        first = inputs[0] == output
        return gradient * first, gradient * ~first

    @property
    def function(self) -> np.ufunc:
        """NumPy's maximum or minimum."""
        return np.maximum if self.largest else np.minimum

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Compare integers, through tables where scales differ: rounding keeps the order."""
        plain = all(t.quant == output.quant for t in inputs)
        tables = [rescaling(t, output.quantization, rounding) for t in inputs]
        return ExtremumKernel(self, hwc(output.shape)[2], None if plain else np.stack(tables))


@dataclass(frozen=True, eq=False)
class ExtremumKernel(Kernel):
    """Extremum on int8; `tables` (2, 256) rescale."""

    op: Extremum
    channels: int
    tables: Int8Array | None

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        a, b = inputs
        if self.tables is not None:
            a, b = (t[x.astype(np.int64) + 128] for t, x in zip(self.tables, inputs, strict=True))
        result: Int8Array = self.op.function(a, b)
        return result

    def in_place(self, index: int) -> bool:
        return True

    def call(self) -> KernelCall:
        tables = None if self.tables is None else ConstArray("tables", self.tables)
        return KernelCall(
            KernelId("extremum"),
            (("channels", self.channels), ("largest", int(self.op.largest)), ("tables", tables)),
        )

    def describe(self) -> str:
        name = "Maximum" if self.op.largest else "Minimum"
        return name + ("" if self.tables is None else ", rescaled")
