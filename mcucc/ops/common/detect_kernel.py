"""The integers of DetectHead: NumPy's reference, and the call of the C."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcucc.ir.kernel import ConstArray, Granularity, Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.numerics.fixed_point import IntArray, IntegerArray
from mcucc.ops.common.byte_scores import (
    NEVER,
    Softmax16,
    least_byte,
    least_score,
    score_product,
)
from mcucc.ops.common.detect_attributes import Head
from mcucc.ops.common.detection import FULL_SCORE, SUBPIXELS, Channels, Form, numbers
from mcucc.ops.common.fixed_places import ByteFunction, expected_bin
from mcucc.ops.common.geometry import Geometry
from mcucc.ops.common.record import Found

Fields = tuple[tuple[str, int | ConstArray | None], ...]
ENTRY_BYTES = 16  # of a candidate without points: its number, then a record


@dataclass(frozen=True, eq=False)
class HeadScores:
    """Tables of scores, the least of them that counts, and the least byte that is looked at.

    `least_byte` is of the objectness where there is one; else of a class, or, of a softmax with a
    background, what a class must be above it.
    """

    table: IntArray | None
    objectness: IntArray | None
    shares: Softmax16 | None
    least: int
    least_byte: int

    @property
    def powers(self) -> IntArray | None:
        """The exponentials of a softmax."""
        return None if self.shares is None else self.shares.powers

    @staticmethod
    def of(
        table: IntArray | None,
        objectness: IntArray | None,
        shares: Softmax16 | None,
        threshold: float,
        background: bool,
    ) -> HeadScores:
        """The byte follows from the tables: no candidate that it ends could pass."""
        least = least_score(threshold)
        if objectness is not None:
            factor = FULL_SCORE if table is None else int(table[-1])
            first = least_byte(objectness, least, factor)
        elif shares is not None:
            first = shares.least_distance(least) if background else -NEVER
        else:
            assert table is not None, "a head without scores"
            first = least_byte(table, least)
        return HeadScores(table, objectness, shares, least, first)


@dataclass(frozen=True, eq=False)
class DetectHeadKernel(Kernel):
    """DetectHead; `bin_powers` are the exponentials of a bin's distance to the largest."""

    head: Head
    shapes: tuple[tuple[int, int, int], ...]
    scores: HeadScores
    boxes: Geometry
    points: Geometry | None
    bin_powers: IntArray | None
    point_scores: IntArray | None

    @property
    def granularity(self) -> Granularity:
        """Rows are looked at as they come, in any order."""
        return Granularity.SINK

    @property
    def scratch_bytes(self) -> int:
        """A count, and an entry for each box that is kept: a multiple of 4."""
        return 4 + self.head.most * self.entry_bytes

    @property
    def entry_bytes(self) -> int:
        """Of a candidate that is kept."""
        return -(-(ENTRY_BYTES + 6 * self.head.point_count) // 4) * 4

    def describe(self) -> str:
        return f"DetectHead of {self.head.words}"

    # NumPy ---------------------------------------------------------------------------------------

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        maps = [x.astype(np.int64) for x in inputs]
        found = [self.find([x[i] for x in maps]).bytes(self.head.most) for i in range(len(maps[0]))]
        return np.stack(found)[:, None, None, :]

    def find(self, maps: Sequence[IntArray]) -> Found:
        """What one picture's maps (H, W, C) hold, in sixteenths and 65535ths."""
        head = self.head
        scores, kinds = self._scores(maps)
        passed = np.flatnonzero(scores >= self.scores.least)
        best = passed[np.argsort(-scores[passed], kind="stable")][: head.most]
        corners = self._corners(maps, best)
        if head.clip is not None:
            height, width = (SUBPIXELS * side for side in head.clip)
            corners = np.clip(corners, 0, [width, height, width, height])
        return Found(corners, scores[best], kinds[best], self._points(maps, best))

    def _scores(self, maps: Sequence[IntArray]) -> tuple[IntArray, IntArray]:
        """Scores and classes of all candidates."""
        head, anchors = self.head, self.boxes.cells.anchors
        scores: IntArray = np.full((), FULL_SCORE, np.int64)
        kinds: IntArray = np.zeros((), np.int64)
        if head.scores is not None:
            q = numbers(maps, head.scores, anchors, head.score_numbers)
            own = q[:, head.background :]
            if head.peaks is not None:
                pooled = numbers(maps, head.peaks, anchors, head.score_numbers)
                own = np.where(own == pooled[:, head.background :], own, -NEVER)
            kinds = np.argmax(own, axis=1)
            best = np.take_along_axis(own, kinds[:, None], 1)[:, 0]
            if self.scores.shares is not None:
                shares = self.scores.shares.shares(q)[:, head.background :]
                scores = np.take_along_axis(shares, kinds[:, None], 1)[:, 0]
            else:
                assert self.scores.table is not None
                scores = np.where(best > -NEVER, self.scores.table[np.maximum(best, -128) + 128], 0)
        if head.objectness is not None and self.scores.objectness is not None:
            own = numbers(maps, head.objectness, anchors, 1)[:, 0]
            sure = self.scores.objectness[own + 128]
            scores = sure if head.scores is None else score_product(scores, sure)
        return scores, np.broadcast_to(kinds, scores.shape)

    def _corners(self, maps: Sequence[IntArray], best: IntArray) -> IntArray:
        head, anchors = self.head, self.boxes.cells.anchors
        t = size = np.zeros((len(best), 2), np.int64)
        if head.boxes is not None:
            q = numbers(maps, head.boxes, anchors, head.box_numbers)[best]
            if self.bin_powers is not None:
                t = expected_bin(q.reshape(-1, 4, head.bins), self.bin_powers)
            elif head.form not in (Form.CENTER, Form.CENTER_YX):
                t = self.boxes.place.values(q)
            else:
                wide = q[:, 2:]
                if head.sizes is not None:
                    wide = numbers(maps, head.sizes, anchors, 2)[best]
                t, size = self.boxes.place.values(q[:, :2]), self.boxes.size.values(wide)
        return self.boxes.boxes(head.form, best, t, size)

    def _points(self, maps: Sequence[IntArray], best: IntArray) -> IntArray:
        head = self.head
        made = np.zeros((len(best), head.point_count, 3), np.int64)
        if self.points is None or head.points is None:
            return made
        count = head.point_numbers * head.point_count
        q = numbers(maps, head.points, self.points.cells.anchors, count)[best]
        q = q.reshape(-1, head.point_count, head.point_numbers)
        made[:, :, :2] = self.points.some_points(best, self.points.place.values(q[:, :, :2]))
        made[:, :, 2] = FULL_SCORE
        if self.point_scores is not None:
            made[:, :, 2] = self.point_scores[q[:, :, 2] + 128]
        return made

    # C -------------------------------------------------------------------------------------------

    def call(self) -> KernelCall:
        """`mcucc_detect_head`, with the endings `_begin`, `_row` and `_finish`."""
        head, scores, cells = self.head, self.scores, self.boxes.cells
        clip = head.clip or (0, 0)
        fields: Fields = (
            ("width", cells.width),
            ("anchors", cells.anchors),
            ("classes", head.classes),
            ("background", int(head.background)),
            ("most", head.most),
            ("entry_bytes", self.entry_bytes),
            ("least", scores.least),
            ("least_byte", scores.least_byte),
            ("score_table", table("scores", scores.table, np.uint16)),
            ("objectness_table", table("objectness", scores.objectness, np.uint16)),
            ("powers", table("powers", scores.powers, np.uint32)),
            *self._channels("score", head.scores),
            *self._channels("objectness", head.objectness),
            *self._channels("peak", head.peaks),
            *self._channels("box", head.boxes),
            *self._channels("size", self._sizes),
            *self._channels("point", head.points),
            ("form", list(Form).index(head.form)),
            ("bins", head.bins),
            ("bin_powers", table("bin_powers", self.bin_powers, np.uint32)),
            *geometry_fields("", self.boxes),
            *function_fields("size", self.boxes.size),
            ("clip_right", SUBPIXELS * clip[1]),
            ("clip_bottom", SUBPIXELS * clip[0]),
            ("points", head.point_count),
            ("point_numbers", head.point_numbers),
            ("point_scores", table("point_scores", self.point_scores, np.uint16)),
            *geometry_fields("point_", self.points),
        )
        return KernelCall(KernelId("detect_head"), shared(fields))

    @property
    def _sizes(self) -> Channels | None:
        """Where width and height lie: behind the place unless somewhere of their own."""
        head = self.head
        if head.boxes is None or head.form not in (Form.CENTER, Form.CENTER_YX):
            return None
        behind = Channels(head.boxes.input, head.boxes.first + 2, head.boxes.step)
        return head.sizes or behind

    def _channels(self, name: str, channels: Channels | None) -> Fields:
        """Where numbers lie: the map, the bytes of its pixels, the first and the next anchor's."""
        given = channels or Channels(-1)
        pixel = self.shapes[given.input][2] if channels is not None else 0
        return (
            (f"{name}_input", given.input),
            (f"{name}_pixel", pixel),
            (f"{name}_first", given.first),
            (f"{name}_step", given.step),
        )


def shared(fields: Fields) -> Fields:
    """The same with one table where several are equal."""
    found: dict[tuple[str, bytes], ConstArray] = {}
    made: list[tuple[str, int | ConstArray | None]] = []
    for name, value in fields:
        if isinstance(value, ConstArray):
            value = found.setdefault((value.data.dtype.name, value.data.tobytes()), value)
        made.append((name, value))
    return tuple(made)


def table(name: str, values: IntArray | None, dtype: type[np.number]) -> ConstArray | None:
    """A table of C, or NULL."""
    return None if values is None else ConstArray(name, values.astype(dtype))


def function_fields(name: str, function: ByteFunction | None) -> Fields:
    """A function of a byte: its table, or NULL and what is taken off."""
    values = None if function is None else function.table
    return (
        (f"{name}_table", table(name, values, np.int32)),
        (f"{name}_zero", 0 if function is None else function.zero),
    )


def geometry_fields(name: str, geometry: Geometry | None) -> Fields:
    """Stride, bases, gains and the function of places."""
    if geometry is None:
        nothing = ("shift", "stride_y", "stride_x", "own_bases", "own_gains")
        return (
            *((f"{name}{each}", 0) for each in nothing),
            (f"{name}bases", None),
            (f"{name}gains", None),
            *function_fields(f"{name}place", None),
        )
    anchors = geometry.cells.anchors
    return (
        (f"{name}shift", geometry.shift),
        (f"{name}stride_y", geometry.stride[0]),
        (f"{name}stride_x", geometry.stride[1]),
        (f"{name}own_bases", int(len(geometry.bases) > anchors)),
        (f"{name}own_gains", int(len(geometry.gains) > anchors)),
        (f"{name}bases", table(f"{name}bases", geometry.bases, np.int32)),
        (f"{name}gains", table(f"{name}gains", geometry.gains, np.int32)),
        *function_fields(f"{name}place", geometry.place),
    )
