"""Points: the numbers of a vector are places, as records of points."""

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
from mcucc.ops.common.detection import FULL_SCORE, POINT_BYTES, Anchor, Curve
from mcucc.ops.common.fixed_places import ByteFunction
from mcucc.ops.common.geometry import Cells, Geometry
from mcucc.ops.common.record import (
    Finder,
    Reals,
    check_int8,
    flat_type,
    float_point_records,
    point_bytes,
)

MOST_OF_VECTOR = 1024
CELLS = Cells(1, 1, 1, (0.0, 0.0), own=False)


@register
@dataclass(frozen=True)
class Points(Finder):
    """`count` points (x + gain_x f(t), y + gain_y f(t)) of `anchor`: (1, count * 6).

    The input has a pair for each, y before x unless `x_first`, and behind it a score where
    `score_curve` is given; else they are certain.
    """

    count: int
    anchor: Anchor
    curve: Curve = Curve.IDENTITY
    score_curve: Curve | None = None
    x_first: bool = False

    LIMITS: ClassVar[str] = "int8; at most 1024 points; places within 2048 pixels"

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST_OF_VECTOR:
            raise ValueError(f"{self.count} points (at most {MOST_OF_VECTOR})")

    @property
    def numbers(self) -> int:
        """Numbers of a point."""
        return 2 if self.score_curve is None else 3

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """(1, count * 6)."""
        wanted = self.count * self.numbers
        if int(np.prod(inputs[0].shape)) != wanted:
            raise ValueError(
                f"{list(inputs[0].shape)} has not the {wanted} numbers of {self.count} points"
            )
        return flat_type(inputs, self.count * POINT_BYTES)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window] | None:
        return None

    def find(self, maps: Sequence[Reals]) -> Reals:
        anchor, t = self.anchor, maps[0].reshape(self.count, self.numbers)
        x_y = t[:, :2] if self.x_first else t[:, 1::-1]
        found = np.ones((self.count, 3))
        gains = [anchor.gain_x, anchor.gain_y]
        found[:, :2] = np.array([anchor.x, anchor.y]) + gains * self.curve.of(x_y)
        if self.score_curve is not None:
            found[:, 2] = np.clip(self.score_curve.of(t[:, 2]), 0, 1)
        return float_point_records(found)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Tables and gains from the scale of the vector."""
        check_int8(inputs, output)
        quant = inputs[0].quantization
        gains = (self.anchor.gain_x, self.anchor.gain_y)
        function = ByteFunction.of(self.curve, quant, gains)
        places = Geometry.of(CELLS, [self.anchor], function, ByteFunction.unused())
        scores = None if self.score_curve is None else score_table(self.score_curve, quant)
        return PointsKernel(self, places, scores, hwc(inputs[0].shape))


@dataclass(frozen=True, eq=False)
class PointsKernel(Kernel):
    """Points of an int8 vector, whatever its shape."""

    op: Points
    places: Geometry
    scores: IntArray | None
    input_shape: tuple[int, int, int]

    @property
    def granularity(self) -> Granularity:
        """A vector has no rows."""
        return Granularity.TENSOR

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        op = self.op
        made = []
        for q in inputs[0].astype(np.int64).reshape(len(inputs[0]), op.count, op.numbers):
            t = self.places.place.values(q[:, :2] if op.x_first else q[:, 1::-1])
            found = np.full((op.count, 3), FULL_SCORE, np.int64)
            found[:, :2] = self.places.some_points(np.zeros(1, np.int64), t[None])[0]
            if self.scores is not None:
                found[:, 2] = self.scores[q[:, 2] + 128]
            made.append(point_bytes(found).reshape(-1).view(np.int8))
        return np.stack(made)[:, None, None, :]

    def call(self) -> KernelCall:
        """`mcucc_points`."""
        op = self.op
        return KernelCall(
            KernelId("points"),
            (
                ("points", op.count),
                ("numbers", op.numbers),
                ("x_first", int(op.x_first)),
                ("score_table", table("scores", self.scores, np.uint16)),
                *geometry_fields("", self.places),
            ),
        )

    def describe(self) -> str:
        return f"Points, {self.op.count} of {self.op.numbers} numbers"
