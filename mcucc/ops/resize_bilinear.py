"""ResizeBilinear: rows and columns blended linearly, to any size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import IntArray, IntegerArray, Rounding, saturate_int8
from mcucc.ops.average_pool import divide_half_away

ONE = 1 << 10  # a weight of 1: LiteRT's
LARGEST = 2**30
LANES_UNIT = 256  # up to this product of units a sum of bytes stays in 16 bits


@dataclass(frozen=True)
class Sampling:
    """Along one axis output r of `size` lies at the input position (r * step + offset) / unit."""

    size: int
    step: int
    unit: int
    offset: int = 0

    @staticmethod
    def of(size: int, step: int, unit: int, offset: int = 0) -> Sampling:
        """In lowest terms, so that as few outputs as can be are a whole number of inputs."""
        common = math.gcd(step, unit, offset)
        return Sampling(size, step // common, unit // common, offset // common)

    @staticmethod
    def repeated(size: int) -> Sampling:
        """Of an axis of one input."""
        return Sampling(size, 1, size)

    @property
    def window(self) -> Window:
        """The two inputs around each output."""
        pad = max(0, -(self.offset // self.unit))
        return Window(2, self.step, pad, 1, self.unit, self.offset + pad * self.unit)

    def check(self, length: int) -> None:
        """ValueError unless every output lies within half a pixel of an input of `length`."""
        first, last = self.window.first(0), self.window.first(self.size - 1)
        absurd = self.size * self.step + abs(self.offset) > LARGEST
        if min(self.size, self.step, self.unit) < 1 or first < -1 or last >= length or absurd:
            raise ValueError(f"cannot sample {length} pixels by {self}")

    def taps(self, length: int) -> tuple[IntArray, IntArray, IntArray]:
        """Lower and upper input of every output, and the upper one's numerator over `unit`."""
        at = np.arange(self.size, dtype=np.int64) * self.step + self.offset
        lower, part = at // self.unit, at % self.unit
        return np.maximum(lower, 0), np.minimum(lower + 1, length - 1), part

    def __str__(self) -> str:
        return f"{self.size} at ({self.step} r {self.offset:+}) / {self.unit}"


@register
@dataclass(frozen=True)
class ResizeBilinear(Op):
    """y = the four pixels around a position of x, weighted by nearness, borders repeated.

    `halves_up`: the rounding of LiteRT's uint8 kernel, where all others round halves away from 0.
    """

    rows: Sampling
    columns: Sampling
    halves_up: bool = field(default=False, kw_only=True)

    FORMULA: ClassVar[str] = "round(sum x * w / 2^20), w a product of weights of 10 bits"
    LARGEST_ERROR: ClassVar[str] = "0.75 units of the output scale"
    LIMITS: ClassVar[str] = "streamed where some outputs are a whole number of inputs"
    SHARES_QUANT: ClassVar[bool] = True
    SCALED_BY: ClassVar[tuple[int, ...]] = (0,)
    ADDITIVE: ClassVar[bool] = True

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """(1, rows, columns, C)."""
        batch, height, width, channels = inputs[0].shape
        self.rows.check(height)
        self.columns.check(width)
        return TensorType((batch, self.rows.size, self.columns.size, channels), inputs[0].dtype)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        x: npt.NDArray[np.float64] = inputs[0].astype(np.float64)
        for axis, sampling in ((1, self.rows), (2, self.columns)):
            lower, upper, part = sampling.taps(x.shape[axis])
            weight = (part / sampling.unit).reshape([-1 if i == axis else 1 for i in range(4)])
            x = x.take(lower, axis) * (1 - weight) + x.take(upper, axis) * weight
        return x.astype(np.float32)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        total = gradient
        for axis, sampling in ((1, self.rows), (2, self.columns)):
            length = inputs[0].shape[axis]
            lower, upper, part = sampling.taps(length)
            matrix = np.zeros((length, sampling.size), dtype=np.float32)
            np.add.at(matrix, (lower, np.arange(sampling.size)), 1 - part / sampling.unit)
            np.add.at(matrix, (upper, np.arange(sampling.size)), part / sampling.unit)
            total = np.moveaxis(np.tensordot(matrix, total, axes=(1, axis)), 0, axis)
        return (total,)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window]:
        """Two rows and two columns."""
        return self.rows.window, self.columns.window

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """The same in both profiles."""
        _, height, width, channels = inputs[0].shape
        if self.halves_up and any(ONE % axis.unit for axis in (self.rows, self.columns)):
            raise ValueError("halves are rounded up at whole numbers of 1024ths only")
        return ResizeBilinearKernel(self, (height, width, channels))


@dataclass(frozen=True, eq=False)
class ResizeBilinearKernel(Kernel):
    """ResizeBilinear on int8."""

    op: ResizeBilinear
    input_shape: tuple[int, int, int]

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        x = inputs[0].astype(np.int64)
        for axis, sampling in ((1, self.op.rows), (2, self.op.columns)):
            lower, upper, part = sampling.taps(x.shape[axis])
            weight = (part * ONE + sampling.unit // 2) // sampling.unit
            weight = weight.reshape([-1 if i == axis else 1 for i in range(4)])
            x = x.take(lower, axis) * (ONE - weight) + x.take(upper, axis) * weight
        if self.op.halves_up:
            return saturate_int8((x + ONE * ONE // 2) // (ONE * ONE))
        return saturate_int8(divide_half_away(x, ONE * ONE))

    def windows(self, index: int) -> tuple[Window, Window]:
        """Two rows and two columns."""
        return self.op.rows.window, self.op.columns.window

    def call(self) -> KernelCall:
        down, across = self.windows(0)
        _, width, channels = self.input_shape
        unit = down.upsample * across.upsample
        fields = (
            ("channels", channels),
            ("input_width", width),
            ("row_step", down.stride),
            ("row_unit", down.upsample),
            ("row_phase", down.phase),
            ("column_step", across.stride),
            ("column_unit", across.upsample),
            ("column_phase", across.phase),
            ("pad_left", across.pad),
            ("bits", unit.bit_length() - 1),
        )
        if self.op.halves_up:
            plain = tuple((f"plain.{name}", value) for name, value in fields)
            return KernelCall(KernelId("resize_bilinear_up"), plain)
        lanes = unit & (unit - 1) == 0 and 2 <= unit <= LANES_UNIT
        return KernelCall(KernelId("resize_bilinear", variant="lanes" if lanes else ""), fields)

    def describe(self) -> str:
        height, width, _ = self.input_shape
        return f"ResizeBilinear {height}x{width} to {self.op.rows.size}x{self.op.columns.size}"
