"""Peaks: where each channel of a heat map is largest, as records of points, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcucc.ir.kernel import Granularity, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window, hwc
from mcucc.numerics.fixed_point import IntArray, IntegerArray, Rounding
from mcucc.ops.common.byte_scores import score_table
from mcucc.ops.common.detect_kernel import geometry_fields, table
from mcucc.ops.common.detection import POINT_BYTES, Anchor, Curve
from mcucc.ops.common.fixed_places import ByteFunction
from mcucc.ops.common.geometry import Cells, Geometry, float_points
from mcucc.ops.common.record import (
    Finder,
    Reals,
    check_int8,
    flat_type,
    float_point_records,
    point_bytes,
)

MOST_CHANNELS = 1024
PEAK_BYTES = 8  # of a channel: its best byte, two of its offset, and which cell


@register
@dataclass(frozen=True)
class Peaks(Finder):
    """The place of the largest value of each channel: (1, channels * 6), of equals the first.

    Cells are `stride` (y, x) pixels apart; the point is that of `anchor` in its cell. `offsets`: a
    second map (H, W, 2 * channels) moves it by gain_y and gain_x times its values at the cell: y of
    all channels, then x of all, unless `x_first`.
    """

    channels: int
    stride: tuple[float, float]
    anchor: Anchor
    score_curve: Curve = Curve.IDENTITY
    offsets: bool = False
    x_first: bool = False

    LIMITS: ClassVar[str] = "int8; at most 1024 channels; places within 2048 pixels"

    def __post_init__(self) -> None:
        if not 1 <= self.channels <= MOST_CHANNELS:
            raise ValueError(f"{self.channels} channels of a heat map (at most {MOST_CHANNELS})")

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """(1, channels * 6)."""
        if len(inputs) != 1 + self.offsets:
            raise ValueError(f"{len(inputs)} maps where there are {1 + self.offsets}")
        height, width, channels = hwc(inputs[0].shape)
        if channels != self.channels:
            raise ValueError(f"a heat map of {channels} channels, not {self.channels}")
        if self.offsets and hwc(inputs[1].shape) != (height, width, 2 * channels):
            raise ValueError(
                f"offsets of shape {list(inputs[1].shape)}, not {[1, height, width, 2 * channels]}"
            )
        return flat_type(inputs, self.channels * POINT_BYTES)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window] | None:
        return None

    def cells(self, height: int, width: int) -> Cells:
        """One anchor a cell."""
        return Cells(height, width, 1, self.stride, own=False)

    def offset_channels(self) -> IntArray:
        """(channels, 2): where x and y of an offset are."""
        first = np.arange(self.channels)
        x_y = (first, first + self.channels) if self.x_first else (first + self.channels, first)
        return np.stack(x_y, axis=1)

    def find(self, maps: Sequence[Reals]) -> Reals:
        height, width, channels = maps[0].shape
        flat = maps[0].reshape(-1, channels)
        best = np.argmax(flat, axis=0)
        found = np.zeros((channels, 3))
        found[:, :2] = float_points(self.cells(height, width), [self.anchor], best)
        if self.offsets:
            own = maps[1].reshape(len(flat), -1)[best[:, None], self.offset_channels()]
            found[:, :2] += own * [self.anchor.gain_x, self.anchor.gain_y]
        scores = self.score_curve.of(np.take_along_axis(flat, best[None], 0)[0])
        found[:, 2] = np.clip(scores, 0, 1)
        return float_point_records(found)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Tables and gains from the scales of the maps; ValueError where int32 cannot hold them."""
        check_int8(inputs, output)
        height, width, _ = hwc(inputs[0].shape)
        offset = ByteFunction.unused()
        if self.offsets:
            gains = (self.anchor.gain_x, self.anchor.gain_y)
            offset = ByteFunction.of(Curve.IDENTITY, inputs[1].quantization, gains)
        cells = self.cells(height, width)
        places = Geometry.of(cells, [self.anchor], offset, ByteFunction.unused())
        return PeaksKernel(self, places, score_table(self.score_curve, inputs[0].quantization))


@dataclass(frozen=True, eq=False)
class PeaksKernel(Kernel):
    """Peaks of int8 maps."""

    op: Peaks
    places: Geometry
    scores: IntArray

    @property
    def granularity(self) -> Granularity:
        """Rows are looked at as they come, in any order."""
        return Granularity.SINK

    @property
    def scratch_bytes(self) -> int:
        """What is known of each channel."""
        return PEAK_BYTES * self.op.channels

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        maps = [x.astype(np.int64) for x in inputs]
        made = [self._find([x[i] for x in maps]) for i in range(len(maps[0]))]
        return np.stack(made)[:, None, None, :]

    def _find(self, maps: Sequence[IntArray]) -> IntegerArray:
        op = self.op
        flat = maps[0].reshape(-1, op.channels)
        best = np.argmax(flat, axis=0)
        t = np.zeros((op.channels, 1, 2), np.int64)
        if op.offsets:
            q = maps[1].reshape(len(flat), -1)[best[:, None], op.offset_channels()]
            t = self.places.place.values(q)[:, None]
        found = np.zeros((op.channels, 3), np.int64)
        found[:, :2] = self.places.some_points(best, t)[:, 0]
        found[:, 2] = self.scores[np.take_along_axis(flat, best[None], 0)[0] + 128]
        return point_bytes(found).reshape(-1).view(np.int8)

    def call(self) -> KernelCall:
        """`mcucc_peaks`, with the endings `_begin`, `_row` and `_finish`."""
        op = self.op
        x, y = op.offset_channels()[0]
        return KernelCall(
            KernelId("peaks"),
            (
                ("width", self.places.cells.width),
                ("channels", op.channels),
                ("offsets", int(op.offsets)),
                ("offset_x", int(x)),
                ("offset_y", int(y)),
                ("score_table", table("scores", self.scores, np.uint16)),
                *geometry_fields("", self.places),
            ),
        )

    def describe(self) -> str:
        offsets = ", with offsets" if self.op.offsets else ""
        return f"Peaks of {self.op.channels} channels{offsets}"
