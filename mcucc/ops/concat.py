"""Concat along height, width or channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcucc.ir.kernel import ConstArray, Granularity, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window, hwc
from mcucc.numerics.fixed_point import INT16, Int8Array, IntegerArray, Rounding
from mcucc.ops.requantize import rescaling


@register
@dataclass(frozen=True)
class Concat(Op):
    """Inputs one after the other along `axis` (of the tensors' own shape, batch included)."""

    axis: int

    FORMULA: ClassVar[str] = "copy, or table[x] where an input's scale is not the output's"
    LARGEST_ERROR: ClassVar[str] = "0 with equal scales, else 0.5 units of the output scale"
    SHARES_QUANT: ClassVar[bool] = True
    RESCALES: ClassVar[bool] = True
    WIDE_INPUTS: ClassVar[bool] = True
    WIDE_OUTPUT: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """The common shape with the lengths of `axis` added up."""
        first = inputs[0].shape
        if not 1 <= self.axis < len(first):
            raise ValueError(f"cannot concatenate along axis {self.axis} of {first}")
        for other in inputs[1:]:
            same = len(other.shape) == len(first) and all(
                a == b
                for i, (a, b) in enumerate(zip(first, other.shape, strict=True))
                if i != self.axis
            )
            if not same:
                raise ValueError(f"cannot concatenate {first} and {other.shape}")
        length = sum(t.shape[self.axis] for t in inputs)
        shape = (*first[: self.axis], length, *first[self.axis + 1 :])
        return TensorType(shape, inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        return np.concatenate(inputs, axis=self.axis)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        ends = np.cumsum([x.shape[self.axis] for x in inputs])[:-1]
        return tuple(np.split(gradient, ends, axis=self.axis))

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window] | None:
        """One to one along channels, else the whole tensors."""
        along_channels = self.axis == len(inputs[0].shape) - 1
        return (Window(), Window()) if along_channels else None

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Copy, through a table where scales differ."""
        shapes = tuple(hwc(t.shape) for t in inputs)
        axis = self.axis - len(output.shape) + 3
        plain = all(t.quant == output.quant for t in inputs)
        if output.dtype == INT16:
            if not plain:
                raise ValueError(f"{output.name} is int16: its inputs need its scale")
            return ConcatKernel(shapes, axis, None, INT16.itemsize)
        tables = [rescaling(t, output.quantization, rounding) for t in inputs]
        return ConcatKernel(shapes, axis, None if plain else np.stack(tables))


@dataclass(frozen=True, eq=False)
class ConcatKernel(Kernel):
    """Concat; `axis` counts in (H, W, C), `tables` (inputs, 256) rescale int8."""

    shapes: tuple[tuple[int, int, int], ...]
    axis: int
    tables: Int8Array | None
    value_bytes: int = 1

    @property
    def granularity(self) -> Granularity:
        """Rows along channels, else one call."""
        return Granularity.ROW if self.axis == 2 else Granularity.TENSOR

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        parts = list(inputs)
        if self.tables is not None:
            pairs = zip(self.tables, inputs, strict=True)
            parts = [table[x.astype(np.int64) + 128] for table, x in pairs]
        return np.concatenate(parts, axis=self.axis + 1)

    def call(self) -> KernelCall:
        """`mcucc_concat`: `chunks` bytes of each input in turn, `repeats` times (0: per pixel)."""
        repeats = 0 if self.axis == 2 else int(np.prod(self.shapes[0][: self.axis]))
        chunks = [self.value_bytes * int(np.prod(shape[self.axis :])) for shape in self.shapes]
        tables = None if self.tables is None else ConstArray("tables", self.tables)
        return KernelCall(
            KernelId("concat"),
            (
                ("inputs", len(chunks)),
                ("repeats", repeats),
                ("chunks", ConstArray("chunks", np.array(chunks, dtype=np.int32))),
                ("tables", tables),
            ),
        )

    def describe(self) -> str:
        return f"Concat {'HWC'[self.axis]}" + ("" if self.tables is None else ", rescaled")
