"""Suppress: the lists of all heads become one, the best first, what is the same thing once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, Granularity, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window, hwc
from mcucc.numerics.fixed_point import IntArray, IntegerArray, Rounding
from mcucc.ops.common.detection import SUBPIXELS, Merge
from mcucc.ops.common.record import (
    MOST_POINTS,
    MOST_RECORDS,
    Finder,
    Found,
    Reals,
    check_int8,
    flat_type,
    record_bytes,
)

MOST_LISTS = 16
OVERLAP_BITS = 16


@register
@dataclass(frozen=True)
class Suppress(Finder):
    """The best `most` records of sorted lists, after merging: (1, most * bytes of a record).

    Candidates are taken the best first, of equals that of the first list. NMS drops one whose
    intersection with one that is kept is more than `overlap` of their union. TOUCHING puts into the
    box of what is kept whatever it meets (at most 1/16 pixel away), until no two boxes meet. Only
    those of one class are the same thing, unless `agnostic`.
    """

    most: int
    overlap: float = 0.45
    merge: Merge = Merge.NMS
    agnostic: bool = False
    points: int = 0

    FORMULA: ClassVar[str] = "2^16 intersection > round(2^16 overlap) union, in 64 bits"
    LARGEST_ERROR: ClassVar[str] = "0, of the integers that it reads; 2^-17 of the overlap"
    LIMITS: ClassVar[str] = "at most 16 lists"

    def __post_init__(self) -> None:
        if not 1 <= self.most <= MOST_RECORDS or not 0 <= self.points <= MOST_POINTS:
            raise ValueError(f"{self.most} boxes of {self.points} points (at most 1000 of 64)")
        if not 0 <= self.overlap <= 1:
            raise ValueError(f"an overlap of {self.overlap}: it lies between 0 and 1")

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """(1, most * bytes of a record)."""
        size = record_bytes(self.points)
        if not 1 <= len(inputs) <= MOST_LISTS:
            raise ValueError(f"{len(inputs)} lists (1 to {MOST_LISTS})")
        for each in inputs:
            height, width, bytes_ = hwc(each.shape)
            if height * width != 1 or bytes_ % size:
                raise ValueError(f"{list(each.shape)} is no list of records of {size} bytes")
        return flat_type(inputs, self.most * size)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window] | None:
        return None

    def find(self, maps: Sequence[Reals]) -> Reals:
        found = Found.together([Found.of_floats(x.reshape(-1), self.points) for x in maps])
        return self.merged(found, self.overlap, 1.0, 1 / SUBPIXELS).floats(self.most)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        check_int8(inputs, output)
        size = record_bytes(self.points)
        return SuppressKernel(self, tuple(hwc(each.shape)[2] // size for each in inputs))

    def merged(self, lists: Found, share: float, whole: float, gap: float) -> Found:
        """What is left of lists one after another; `share` / `whole` is the overlap.

        Boxes that are no more than `gap` apart meet.
        """
        ordered = lists.chosen(np.argsort(-lists.scores, kind="stable"))
        if self.merge is Merge.TOUCHING:
            return _touching(ordered, self.most, self.agnostic, gap)
        if self.merge is Merge.NONE:
            return ordered.chosen(np.arange(min(self.most, len(ordered.scores))))
        kept: list[int] = []
        for i in range(len(ordered.scores)):
            rivals = ordered.chosen(kept)
            same = (rivals.kinds == ordered.kinds[i]) | self.agnostic
            common, union = _areas(ordered.corners[i], rivals.corners)
            if not (same & (common * whole > union * share)).any():
                kept.append(i)
            if len(kept) == self.most:
                break
        return ordered.chosen(kept)


def _areas(
    box: npt.NDArray[np.int64] | Reals, others: npt.NDArray[np.int64] | Reals
) -> tuple[npt.NDArray[np.int64] | Reals, npt.NDArray[np.int64] | Reals]:
    """Intersections and unions of a box with others; a box of no width or height has no area."""
    least = np.maximum(others[:, :2], box[:2])
    sides = np.maximum(np.minimum(others[:, 2:], box[2:]) - least, 0)
    common = sides[:, 0] * sides[:, 1]
    own = np.maximum(others[:, 2:] - others[:, :2], 0)
    width, height = np.maximum(box[2:] - box[:2], 0)
    return common, own[:, 0] * own[:, 1] + width * height - common


def _touching(ordered: Found, most: int, agnostic: bool, gap: float) -> Found:
    """Boxes around what meets; each keeps the score, the class and the points of its best."""
    corners = ordered.corners.copy()  # those of `kept` grow
    kept: list[int] = []
    for i in range(len(corners)):
        joined = i
        while True:
            same = agnostic | (ordered.kinds[kept] == ordered.kinds[joined])
            same &= np.array(kept, np.int64) != joined
            near = (corners[kept, :2] <= corners[joined, 2:] + gap).all(axis=1)
            near &= (corners[joined, :2] <= corners[kept, 2:] + gap).all(axis=1)
            meets = np.flatnonzero(same & near)
            if not len(meets):
                break
            other = kept[meets[0]]
            better, gone = min(other, joined), max(other, joined)
            corners[better, :2] = np.minimum(corners[other, :2], corners[joined, :2])
            corners[better, 2:] = np.maximum(corners[other, 2:], corners[joined, 2:])
            kept = [k for k in kept if k != gone]
            joined = better  # it has grown and may meet another
        if joined == i and len(kept) < most:
            kept.append(i)
    found = ordered.chosen(kept)
    return Found(corners[kept], found.scores, found.kinds, found.points)


@dataclass(frozen=True, eq=False)
class SuppressKernel(Kernel):
    """Suppress of lists of so many records each."""

    op: Suppress
    lengths: tuple[int, ...]

    @property
    def granularity(self) -> Granularity:
        """All lists are merged."""
        return Granularity.TENSOR

    @property
    def share(self) -> int:
        """The overlap, times 2^16."""
        return int(self.op.overlap * 2**OVERLAP_BITS + 0.5)

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        op, made = self.op, []
        for picture in zip(*inputs, strict=True):
            lists = Found.together([Found.of_bytes(x.reshape(-1), op.points) for x in picture])
            found = op.merged(lists, self.share, 2**OVERLAP_BITS, 1)
            made.append(found.bytes(op.most))
        return np.stack(made)[:, None, None, :]

    def call(self) -> KernelCall:
        lengths: IntArray = np.array(self.lengths, np.int64)
        return KernelCall(
            KernelId("suppress"),
            (
                ("lists", len(self.lengths)),
                ("lengths", ConstArray("lengths", lengths.astype(np.int16))),
                ("most", self.op.most),
                ("record_bytes", record_bytes(self.op.points)),
                ("merge", list(Merge).index(self.op.merge)),
                ("agnostic", int(self.op.agnostic)),
                ("share", self.share),
            ),
        )

    def describe(self) -> str:
        return f"Suppress to {self.op.most}, {self.op.merge.value}"
