"""CameraPicture: a camera's own bytes become the picture that a network reads.

Rows are unpacked, cropped and averaged over areas, components first and colours then: for each
output (sum of units * component + half) / units, halves up; then YUV to RGB, or RGB to gray; then
the integer of the byte, channel by channel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcucc.ir.kernel import ConstArray, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import (
    INT8,
    Int8Array,
    IntArray,
    IntegerArray,
    Rounding,
    round_half_up,
    saturate,
)
from mcucc.ops.common.pixels import (
    GRAY,
    LAYOUTS,
    LUMA,
    MOST_UNITS,
    RANGES,
    YUV,
    Area,
    Bytes,
    Layout,
    brightness,
    components_of,
)

ORDERS = ("rgb", "bgr", "gray")
VALUES = np.arange(256, dtype=np.int64)
LIMIT_32 = 2**32


@register
@dataclass(frozen=True)
class CameraPicture(Op):
    """y[.., c] = scale[c] * byte + offset[c], the bytes being those of an averaged picture.

    `colours` is the order of the network's channels; `yuv_range` the one of the Y, U and V of
    formats that have them. The input holds the camera's bytes as they are (scale 1, zero point 0).
    """

    format: str
    colours: str
    rows: Area
    columns: Area
    scale: tuple[float, ...]
    offset: tuple[float, ...]
    yuv_range: str = "full"

    FORMULA: ClassVar[str] = "(sum of components * units + half) / units, then colours"
    LARGEST_ERROR: ClassVar[str] = "2.6 units where a byte is one"
    LIMITS: ClassVar[str] = (
        f"int8 out; the crop over the size in lowest terms at most {MOST_UNITS} / n"
    )

    def __post_init__(self) -> None:
        known = self.format in LAYOUTS and self.colours in ORDERS and self.yuv_range in RANGES
        if not known:
            raise ValueError(f"no picture of {self.format}, {self.yuv_range} as {self.colours}")
        if self.layout.components == GRAY and self.channels != 1:
            raise ValueError(f"a picture of {self.format} has no colours")
        if len(self.scale) != self.channels or len(self.offset) != self.channels:
            raise ValueError(f"scale and offset are not of {self.channels} channels")
        if not all(map(math.isfinite, (*self.scale, *self.offset))):
            raise ValueError("scale and offset must be finite")

    @property
    def layout(self) -> Layout:
        """Of the format."""
        return LAYOUTS[self.format]

    @property
    def channels(self) -> int:
        """Of the network: 3 or 1."""
        return 1 if self.colours == "gray" else 3

    @property
    def units(self) -> int:
        """Of an output: what sums are divided by."""
        return self.rows.step * self.columns.step

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """(1, rows, columns, channels)."""
        batch, height, groups, size = inputs[0].shape
        if size != self.layout.bytes:
            raise ValueError(f"{self.format} has {self.layout.bytes} bytes a group, not {size}")
        self.rows.check(height)
        self.columns.check(groups * self.layout.pixels)
        shape = (batch, self.rows.size, self.columns.size, self.channels)
        return TensorType(shape, inputs[0].dtype)

    def sums(self, raw: Bytes) -> IntArray:
        """Units times components of every output, (N, rows, columns, components)."""
        x = components_of(self.format, raw)
        if self.layout.components == YUV and self.channels == 1:
            x = x[..., :1]
        return self.rows.sums(self.columns.sums(x, 2), 1)

    def picture(self, raw: Bytes) -> Bytes:
        """The bytes (N, rows, columns, channels) of the averaged picture."""
        x = (self.sums(raw) + self.units // 2) // self.units
        if x.shape[-1] == 3 and self.layout.components == YUV:
            x = RANGES[self.yuv_range].red_green_blue(x[..., 0], x[..., 1], x[..., 2])
        if x.shape[-1] == 3 and self.channels == 1:
            x = brightness(x)
        return (x[..., ::-1] if self.colours == "bgr" else x).astype(np.uint8)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        """Without roundings; bytes are the inputs' integers, two's complement."""
        x = self.sums(bytes_of(np.rint(inputs[0]).astype(np.int64))) / self.units
        if x.shape[-1] == 3 and self.layout.components == YUV:
            m = RANGES[self.yuv_range]
            base, u, v = (x[..., 0] - m.zero) * m.gain, x[..., 1] - 128, x[..., 2] - 128
            green = base - m.green_u * u - m.green_v * v
            parts = (base + m.red_v * v, green, base + m.blue_u * u)
            x = np.clip(np.stack(parts, axis=-1) / 2**16, 0, 255)
        if x.shape[-1] == 3 and self.channels == 1:
            x = (x @ np.array(LUMA) / 2**16)[..., None]
        x = x[..., ::-1] if self.colours == "bgr" else x
        real: FloatArray = (x * np.array(self.scale) + np.array(self.offset)).astype(np.float32)
        return real

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        """0: bytes move in steps. A network is quantized without its camera."""
        return (np.zeros_like(inputs[0]),)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window]:
        """The rows, and the groups of pixels, that an output is averaged over."""
        return self.rows.window(), self.columns.window(self.layout.pixels)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """The same in both profiles."""
        return CameraPictureKernel(self, byte_table(self.scale, self.offset, output))


def bytes_of(q: IntegerArray) -> Bytes:
    """The camera's bytes of integers that hold them as they are."""
    return (q.astype(np.int64) & 255).astype(np.uint8)


def byte_table(scale: Sequence[float], offset: Sequence[float], x: Tensor) -> IntegerArray:
    """(C, 256): the integer of scale[c] * byte + offset[c] in the tensor `x`."""
    quant = x.quantization
    real = np.outer(scale, VALUES.astype(np.float64)) + np.asarray(offset)[:, None]
    steps = round_half_up(real / quant.per_tensor_scale) + quant.zero_point
    return saturate(steps, *x.interval, x.dtype)


@dataclass(frozen=True, eq=False)
class CameraPictureKernel(Kernel):
    """CameraPicture; `table` (C, 256) has the integer of each byte."""

    op: CameraPicture
    table: IntegerArray

    def run(self, inputs: Sequence[IntegerArray]) -> Int8Array:
        picture = self.op.picture(bytes_of(inputs[0]))
        found: Int8Array = self.table[np.arange(self.op.channels), picture]
        return found

    def windows(self, index: int) -> tuple[Window, Window]:
        """The rows, and the groups of pixels, that an output is averaged over."""
        return self.op.rows.window(), self.op.columns.window(self.op.layout.pixels)

    def call(self) -> KernelCall:
        """The function of the format; a plain byte - 128 needs no table."""
        op, layout = self.op, self.op.layout
        offset = self.table.dtype == INT8 and bool((self.table == VALUES - 128).all())
        one = layout.components == GRAY or (layout.components == YUV and op.channels == 1)
        unpack = "gray" if one else {"bgr888": "rgb888", "uyvy": "yuv422"}.get(op.format, op.format)
        m = RANGES[op.yuv_range]
        matrix = np.array((m.zero, m.gain, m.red_v, m.green_u, m.green_v, m.blue_u), dtype=np.int32)
        multiplier, shift = division(op.units)
        return KernelCall(
            KernelId("camera_picture", variant=unpack),
            (
                ("row_step", op.rows.step),
                ("row_unit", op.rows.unit),
                ("column_step", op.columns.step),
                ("column_unit", op.columns.unit),
                ("first_column", op.columns.begin),
                ("group_pixels", layout.pixels),
                ("pixel_bytes", layout.bytes // layout.pixels),
                ("first_luma", int(op.format == "uyvy")),
                ("channels", op.channels),
                ("blue_first", int((op.format == "bgr888") != (op.colours == "bgr"))),
                ("units", op.units),
                ("multiplier", multiplier),
                ("shift", shift),
                ("yuv", ConstArray("yuv", matrix) if unpack == "yuv422" else None),
                ("table", None if offset else ConstArray("table", self.table, align=1)),
            ),
        )

    def describe(self) -> str:
        """Op, format and the areas, as NumPy writes slices."""
        op = self.op
        return f"CameraPicture {op.format} to {op.colours}, {op.rows}, {op.columns}"


def division(units: int) -> tuple[int, int]:
    """(multiplier, shift) such that n * multiplier >> shift is n // units in 32 bits.

    For every n up to 256 * units: sums of bytes and a half. (0, 0) where there are none.
    """
    most = 256 * units
    for shift in range(32):
        multiplier = -(-(1 << shift) // units)
        error = multiplier * units - (1 << shift)
        if most * multiplier < LIMIT_32 and most * error < 1 << shift:
            return multiplier, shift
    return 0, 0
