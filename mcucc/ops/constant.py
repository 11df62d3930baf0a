"""Constant: a tensor of the model file where an op wants an activation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcucc.ir.kernel import ConstArray, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Array, Shape, Tensor, TensorType
from mcucc.ir.window import Window, hwc
from mcucc.numerics.fixed_point import INT8_MAX, INT8_MIN, Int8Array, IntegerArray, Rounding

FIRST_PIXEL = Window(stride=0)
MOST_VALUES = 2**18  # of an operand that a frontend makes: more is no microcontroller's table


@register
@dataclass(frozen=True)
class Constant(Op):
    """y = values, of `shape`, whatever x is.

    x only says when: rows of y are made with those of x where both have as many rows and columns,
    so that what reads both streams; else with the first pixel of x.
    """

    values: tuple[float, ...]
    shape: Shape

    FORMULA: ClassVar[str] = "clamp(round(values / s_y) + z_y), a table"
    LIMITS: ClassVar[str] = "an operand beside x that is no number and no factor of channels"

    @staticmethod
    def of(array: Array, shape: Shape) -> Constant:
        """The op for the values of an array, in its order."""
        return Constant(tuple(float(value) for value in np.asarray(array).flat), shape)

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        if int(np.prod(self.shape)) != len(self.values):
            raise ValueError(f"{len(self.values)} values for the shape {list(self.shape)}")
        return TensorType(self.shape, inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        values = np.array(self.values, dtype=np.float32).reshape(self.shape)
        return np.broadcast_to(values, (inputs[0].shape[0], *self.shape[1:])).copy()

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        return (np.zeros_like(inputs[0]),)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window]:
        """One to one beside an x of as many pixels, else the first of them."""
        return _windows(self._beside(inputs[0].shape))

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        y = output.quantization
        integers = np.rint(np.array(self.values) / y.per_tensor_scale) + y.zero_point
        table = np.clip(integers, INT8_MIN, INT8_MAX).astype(np.int8)
        return ConstantKernel(table.reshape(hwc(self.shape)), self._beside(inputs[0].shape))

    def _beside(self, x: Shape) -> bool:
        return hwc(x)[:2] == hwc(self.shape)[:2]

    def __str__(self) -> str:
        return f"Constant({list(self.shape)}, {min(self.values):g} to {max(self.values):g})"


@dataclass(frozen=True, eq=False)
class ConstantKernel(Kernel):
    """A table of (H, W, C) integers; `beside`: as many pixels as the input has."""

    table: Int8Array
    beside: bool

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        return np.broadcast_to(self.table, (len(inputs[0]), *self.table.shape)).copy()

    def windows(self, index: int) -> tuple[Window, Window]:
        return _windows(self.beside)

    def call(self) -> KernelCall:
        """Without the rows, columns and channels that only repeat the first."""
        table = self.table
        one_value = table.shape[2] > 1 and bool((table == table[..., :1]).all())
        kept = table[..., :1] if one_value else table
        same_rows = bool((kept == kept[:1]).all())
        kept = kept[:1] if same_rows else kept
        same_columns = kept.shape[1] > 1 and bool((kept == kept[:, :1]).all())
        kept = kept[:, :1] if same_columns else kept
        return KernelCall(
            KernelId("constant"),
            (
                ("channels", table.shape[2]),
                ("row_step", 0 if same_rows else kept[0].size),
                ("column_step", 0 if same_columns else kept.shape[2]),
                ("one_value", int(one_value)),
                ("values", ConstArray("values", np.ascontiguousarray(kept).reshape(-1))),
            ),
        )


def _windows(beside: bool) -> tuple[Window, Window]:
    return (Window(), Window()) if beside else (FIRST_PIXEL, FIRST_PIXEL)
