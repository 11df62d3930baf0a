"""DetectHead: the best candidates of a detector's map as records of boxes, row by row.

The map is never stored: a row's candidates are looked at as they come. A byte that cannot reach the
threshold ends the matter; of the rest the best are kept, sorted, and only what is kept is decoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from mcucc.ir.kernel import Kernel
from mcucc.ir.op import register
from mcucc.ir.tensor import Quant, Tensor, TensorType
from mcucc.ir.window import Window, hwc
from mcucc.numerics.fixed_point import IntArray, Rounding
from mcucc.ops.common.byte_scores import Softmax16, score_table
from mcucc.ops.common.detect_attributes import MOST_INPUTS, Head
from mcucc.ops.common.detect_kernel import DetectHeadKernel, HeadScores
from mcucc.ops.common.detection import Form, numbers
from mcucc.ops.common.fixed_places import BIN_POWER_BITS, ByteFunction, power_table
from mcucc.ops.common.geometry import Cells, Geometry, columns_of, float_boxes, float_points
from mcucc.ops.common.record import Finder, Found, Reals, check_int8, flat_type, record_bytes
from mcucc.ops.softmax import softmax


@register
@dataclass(frozen=True)
class DetectHead(Head, Finder):
    """The best `most` candidates of maps of one height and width: (1, most * bytes of a record).

    A candidate is an anchor at a cell. It has `classes` scores, behind that of the background where
    there is one, and its class is the largest, the first of equals; of `softmax` the share. Where
    `peaks` says where the same scores lie after a max pool, only those that equal it count. An
    objectness multiplies; without scores it is the score of class 0. Below `threshold` there is no
    candidate; of equal scores the first cell's counts, then the first anchor's.

    `anchors` are those of every cell, or with `own_anchors` of all cells one after another; cells
    are `stride` (y, x) pixels apart. Boxes have four numbers (see Form); width and height lie at
    `sizes` where that is given, and are g(size_power t): SSD's variance. With `bins` each distance
    of SIDES is the expected one of so many bins. `points` are pairs, or triples where
    `point_score_curve` is given, placed by `point_anchors` (empty: `anchors`). `clip` (height,
    width) keeps corners inside the picture.
    """

    LIMITS: ClassVar[str] = (
        "int8; at most 256 classes, 1000 boxes of 64 points, 64 bins; places within 2048 pixels"
    )

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """(1, most * bytes of a record)."""
        if len(inputs) > MOST_INPUTS:
            raise ValueError(f"{len(inputs)} maps (at most {MOST_INPUTS})")
        self.cells([hwc(each.shape) for each in inputs])
        return flat_type(inputs, self.most * record_bytes(self.point_count))

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window] | None:
        return None

    # The float decode ----------------------------------------------------------------------------

    def find(self, maps: Sequence[Reals]) -> Reals:
        cells = self.cells([(x.shape[0], x.shape[1], x.shape[2]) for x in maps])
        scores, kinds = self._float_scores(maps, cells.anchors)
        passed = np.flatnonzero((scores >= self.threshold) & (scores > 0))
        best = passed[np.argsort(-scores[passed], kind="stable")][: self.most]
        corners = self._float_corners(maps, cells, best)
        points = self._float_points(maps, cells, best)
        return Found(corners, scores[best], kinds[best], points).floats(self.most)

    def candidates(self, maps: Sequence[Reals]) -> tuple[Reals, Reals, IntArray]:
        """Corners (n, 4), scores and classes of all, cell by cell, anchor by anchor."""
        cells = self.cells([(x.shape[0], x.shape[1], x.shape[2]) for x in maps])
        scores, kinds = self._float_scores(maps, cells.anchors)
        return self._float_corners(maps, cells, np.arange(len(scores))), scores, kinds

    def _float_scores(self, maps: Sequence[Reals], anchors: int) -> tuple[Reals, IntArray]:
        """Scores and classes of all candidates."""
        scores, kinds = np.ones(()), np.zeros((), np.int64)
        if self.scores is not None:
            raw = numbers(maps, self.scores, anchors, self.score_numbers)
            share = softmax(raw) if self.softmax else self.score_curve.of(raw)
            raw, share = raw[:, self.background :], share[:, self.background :]
            if self.peaks is not None:
                pooled = numbers(maps, self.peaks, anchors, self.score_numbers)
                raw = np.where(raw == pooled[:, self.background :], raw, -np.inf)
            kinds = np.argmax(raw, axis=1)
            at = kinds[:, None]
            scores = np.take_along_axis(share, at, 1)[:, 0]
            scores = np.where(np.take_along_axis(raw, at, 1)[:, 0] > -np.inf, scores, 0.0)
        if self.objectness is not None:
            own = self.objectness_curve.of(numbers(maps, self.objectness, anchors, 1)[:, 0])
            scores = np.clip(scores, 0, 1) * np.clip(own, 0, 1)
        return np.clip(scores, 0, 1), np.broadcast_to(kinds, scores.shape)

    def _float_corners(self, maps: Sequence[Reals], cells: Cells, best: IntArray) -> Reals:
        gains = columns_of(self.anchors, "gain_x", "gain_y", "gain_width", "gain_height")
        where = float_points(cells, self.anchors, best)
        t = size = np.zeros((len(best), 2))
        if self.boxes is not None:
            t = numbers(maps, self.boxes, cells.anchors, self.box_numbers)[best]
            if self.bins:
                shares = softmax(t.reshape(-1, 4, self.bins))
                t = (shares * np.arange(self.bins)).sum(axis=-1)
            else:
                size = t[:, 2:]
                if self.sizes is not None:
                    size = numbers(maps, self.sizes, cells.anchors, 2)[best]
                if self.form in (Form.CENTER, Form.CENTER_YX):
                    t = t[:, :2]
                t, size = self.place_curve.of(t), self.size_curve.of(self.size_power * size)
        corners = float_boxes(self.form, where, gains[cells.index(best)], t, size)
        if self.clip is not None:
            height, width = self.clip
            corners = np.clip(corners, 0, [width, height, width, height])
        return corners

    def _float_points(self, maps: Sequence[Reals], cells: Cells, best: IntArray) -> Reals:
        made = np.zeros((len(best), self.point_count, 3))
        if self.points is None:
            return made
        anchors = self.point_anchors or self.anchors
        count = self.point_numbers * self.point_count
        t = numbers(maps, self.points, cells.anchors, count)[best]
        t = t.reshape(-1, self.point_count, self.point_numbers)
        gains = columns_of(anchors, "gain_x", "gain_y")[cells.index(best)][:, None]
        where = float_points(cells, anchors, best)[:, None]
        made[:, :, :2] = where + gains * self.point_curve.of(t[:, :, :2])
        made[:, :, 2] = 1.0
        if self.point_score_curve is not None:
            made[:, :, 2] = np.clip(self.point_score_curve.of(t[:, :, 2]), 0, 1)
        return made

    # The integers --------------------------------------------------------------------------------

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """Tables and gains from the scales of the maps; ValueError where int32 cannot hold them."""
        check_int8(inputs, output)
        shapes = tuple(hwc(each.shape) for each in inputs)
        cells, quants = self.cells(shapes), [each.quantization for each in inputs]
        points = None
        if self.points is not None:
            quant, anchors = quants[self.points.input], self.point_anchors or self.anchors
            gains = columns_of(anchors, "gain_x", "gain_y").reshape(-1).tolist()
            function = ByteFunction.of(self.point_curve, quant, gains)
            points = Geometry.of(cells, anchors, function, ByteFunction.unused())
        return DetectHeadKernel(
            self,
            shapes,
            self._lower_scores(quants),
            self._lower_boxes(cells, quants),
            points,
            self._bin_powers(quants),
            self._point_scores(quants),
        )

    def _lower_scores(self, quants: Sequence[Quant]) -> HeadScores:
        table = own = shares = None
        if self.scores is not None:
            quant = quants[self.scores.input]
            if self.softmax:
                shares = Softmax16.of(quant.per_tensor_scale, self.score_numbers)
            else:
                table = score_table(self.score_curve, quant)
        if self.objectness is not None:
            own = score_table(self.objectness_curve, quants[self.objectness.input])
        return HeadScores.of(table, own, shares, self.threshold, self.background)

    def _lower_boxes(self, cells: Cells, quants: Sequence[Quant]) -> Geometry:
        place = size = ByteFunction.unused()
        if self.form is Form.CELL:
            size = ByteFunction.one()
        elif self.form is Form.EDGES:
            size = ByteFunction.fine_one()
        gains = columns_of(self.anchors, "gain_x", "gain_y", "gain_width", "gain_height")
        if self.bins:
            place = ByteFunction.of_bins(self.bins)
        elif self.boxes is not None:
            across = gains[:, :2].reshape(-1).tolist()
            place = ByteFunction.of(self.place_curve, quants[self.boxes.input], across)
        if self.boxes is not None and self.form in (Form.CENTER, Form.CENTER_YX):
            quant = quants[(self.sizes or self.boxes).input]
            quant = replace(quant, scale=(quant.per_tensor_scale * self.size_power,))
            size = ByteFunction.of(self.size_curve, quant, gains[:, 2:].reshape(-1).tolist())
        return Geometry.of(cells, self.anchors, place, size)

    def _bin_powers(self, quants: Sequence[Quant]) -> IntArray | None:
        if not self.bins or self.boxes is None:
            return None
        return power_table(quants[self.boxes.input].per_tensor_scale, BIN_POWER_BITS)

    def _point_scores(self, quants: Sequence[Quant]) -> IntArray | None:
        if self.point_score_curve is None or self.points is None:
            return None
        return score_table(self.point_score_curve, quants[self.points.input])
