"""Transpose: another order of the axes, where a layout change could not be folded away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mcucc.ir.kernel import Granularity, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window, hwc
from mcucc.numerics.fixed_point import INT8, IntegerArray, Rounding


@register
@dataclass(frozen=True)
class Transpose(Op):
    """Axis i of the output is axis permutation[i] of the input; the batch axis stays."""

    permutation: tuple[int, ...]

    FORMULA: ClassVar[str] = "copy"
    LARGEST_ERROR: ClassVar[str] = "0"
    LIMITS: ClassVar[str] = "the batch axis stays first"
    SHARES_QUANT: ClassVar[bool] = True
    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        shape = inputs[0].shape
        if sorted(self.permutation) != list(range(len(shape))) or self.permutation[0] != 0:
            raise ValueError(f"cannot permute {shape} by {self.permutation}")
        return TensorType(tuple(shape[axis] for axis in self.permutation), inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        return np.ascontiguousarray(inputs[0].transpose(self.permutation))

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        return (gradient.transpose(np.argsort(self.permutation)),)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window] | None:
        return None

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """No arithmetic; axes counted in (H, W, C)."""
        missing = 4 - len(self.permutation)
        spatial = tuple(axis + missing - 1 for axis in self.permutation[1:])
        order = (*range(missing), *spatial)
        return TransposeKernel((order[0], order[1], order[2]), hwc(inputs[0].shape), output.dtype)


@dataclass(frozen=True, eq=False)
class TransposeKernel(Kernel):
    """Transpose; `order` and `input_shape` are in (H, W, C)."""

    order: tuple[int, int, int]
    input_shape: tuple[int, int, int]
    dtype: np.dtype[Any] = INT8

    @property
    def types(self) -> tuple[np.dtype[Any], ...]:
        return self.dtype, self.dtype

    @property
    def granularity(self) -> Granularity:
        return Granularity.TENSOR

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        axes = (0, *(axis + 1 for axis in self.order))
        return np.ascontiguousarray(inputs[0].transpose(axes))

    def call(self) -> KernelCall:
        """`mcucc_transpose`: output sizes, and the input's stride along each output axis."""
        height, width, channels = self.input_shape
        strides = (width * channels, channels, 1)
        sizes = (height, width, channels)
        names = ("height", "width", "channels")
        return KernelCall(
            KernelId("transpose", types=self.wide),
            (
                *(
                    (f"output_{name}", sizes[axis])
                    for name, axis in zip(names, self.order, strict=True)
                ),
                *(
                    (f"stride_{name}", strides[axis])
                    for name, axis in zip(names, self.order, strict=True)
                ),
            ),
        )

    def describe(self) -> str:
        return "Transpose to " + "".join("HWC"[axis] for axis in self.order)
