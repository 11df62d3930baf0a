"""Boxes from integers against the float decode, and suppression against a plain one of floats.

The bounds are those that the ops derive: `Geometry.error` for places (half of 1/16 pixel from the
one rounding, and what tables, gains and bases are rounded by), 2/65535 for scores.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from mcucc.ir.tensor import Quant, Tensor
from mcucc.numerics.fixed_point import INT8, INT16, Rounding
from mcucc.ops.common.detect_kernel import DetectHeadKernel
from mcucc.ops.common.detection import SUBPIXELS, Anchor, Channels, Curve, Form, Merge
from mcucc.ops.common.record import Found
from mcucc.ops.detect_head import DetectHead
from mcucc.ops.suppress import Suppress
from tests.ops.draw import Case, activation, dequantize
from tests.ops.draw_detect import detect_head_cases, drawn_boxes, suppress_cases

SCORE_ERROR = 2.0 / 65535
EVERYDAY = settings(
    derandomize=True, deadline=None, max_examples=70, suppress_health_check=list(HealthCheck)
)


def found_by(case: Case) -> tuple[Found, Found, DetectHeadKernel]:
    """All candidates of a case, in integers as pixels and in floats."""
    op = case.op
    assert isinstance(op, DetectHead)
    every = replace(op, threshold=0.0, most=1000)
    output = Tensor("y", every.infer([x.type for x in case.inputs]).shape, INT8, Quant((1.0,)))
    kernel = every.lower(case.inputs, output, Rounding.SINGLE)
    assert isinstance(kernel, DetectHeadKernel)
    records = kernel.run(case.images).reshape(-1)
    real = [dequantize(v, x.quantization) for v, x in zip(case.images, case.inputs, strict=True)]
    ours = Found.of_bytes(records, op.point_count).pixels()
    return ours, Found.of_floats(every.evaluate(real).astype(float), op.point_count), kernel


@pytest.mark.parametrize("form", Form)
def test_boxes_and_scores_are_those_of_the_float_decode(form: Form) -> None:
    """Candidates in the order of their scores; those that rounding makes equal go by place."""

    @EVERYDAY
    @given(case=detect_head_cases(form))
    def run(case: Case) -> None:
        ours, real, kernel = found_by(case)
        error = kernel.boxes.error
        assert error < 0.6
        count = len(ours.scores)
        assert 0 <= len(real.scores) - count <= (real.scores < SCORE_ERROR).sum()
        np.testing.assert_allclose(ours.scores, real.scores[:count], rtol=0, atol=SCORE_ERROR)
        # Pairs of a box and its float box: equal scores may have changed places.
        left = list(range(len(real.scores)))
        for i in range(count):
            near = [
                j
                for j in left
                if abs(real.scores[j] - ours.scores[i]) <= 2 * SCORE_ERROR
                and real.kinds[j] == ours.kinds[i]
                and np.abs(real.corners[j] - ours.corners[i]).max() <= error / SUBPIXELS + 1e-3
            ]
            assert near, (ours.corners[i], ours.scores[i])
            left.remove(near[0])

    run()


def head(**changes: object) -> DetectHead:
    """One class of sigmoid, boxes of distances, 8 pixels a cell."""
    plain = DetectHead(
        classes=1,
        most=5,
        threshold=0.5,
        form=Form.SIDES,
        anchors=(Anchor(4.0, 4.0, 8.0, 8.0),),
        stride=(8.0, 8.0),
        scores=Channels(0, 4),
        boxes=Channels(0, 0),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


TENTHS = Quant((0.1,))


def run_head(op: DetectHead, x: np.ndarray, quant: Quant = TENTHS) -> Found:
    """Of one map (H, W, C)."""
    given_ = Tensor("x", (1, *x.shape), INT8, quant)
    y = Tensor("y", op.infer([given_.type]).shape, INT8, op.fixed_quant())
    records = op.lower([given_], y, Rounding.SINGLE).run([x[None].astype(np.int8)])
    return Found.of_bytes(records.reshape(-1), op.point_count)


def test_none_passes_and_all_pass() -> None:
    x = np.full((3, 4, 5), -128, np.int8)
    assert len(run_head(head(), x).scores) == 0
    found = run_head(head(), np.full((3, 4, 5), 127, np.int8))
    # Equal scores: the first cells, row by row.
    assert found.scores.tolist() == [65535] * 5
    assert found.corners[:, 1].tolist() == [round(16 * (y - 12.7 * 8)) for y in (4, 4, 4, 4, 12)]


def test_the_best_is_kept_wherever_it_lies() -> None:
    x = np.zeros((3, 4, 5), np.int8)
    x[2, 3, 4] = 1
    found = run_head(head(most=1), x)
    assert found.scores.tolist() == [round(65535 / (1 + np.exp(-0.1)))]
    assert found.corners.tolist() == [[28 * 16, 20 * 16, 28 * 16, 20 * 16]]


def test_the_threshold_is_that_of_the_score() -> None:
    """A score of exactly the threshold passes, as it does in floats."""
    x = np.zeros((1, 2, 5), np.int8)
    x[0, 1, 4] = -1
    assert run_head(head(), x).scores.tolist() == [32768]


def test_huge_sizes_and_far_places_saturate() -> None:
    """exp of a large byte is no overflow: the box ends where int16 does."""
    op = head(
        form=Form.CENTER, anchors=(Anchor(4.0, 4.0, 8.0, 8.0, 500.0, 2.0),), size_curve=Curve.EXP
    )
    x = np.zeros((1, 1, 5), np.int8)
    x[0, 0] = [0, 0, 127, -128, 127]
    (box,) = run_head(op, x, Quant((1.0,))).corners.tolist()
    assert box == [-32768, 64, 32767, 64]


def test_corners_are_clipped_to_the_picture() -> None:
    x = np.full((1, 1, 5), 127, np.int8)
    (box,) = run_head(head(clip=(6, 9)), x).corners.tolist()
    assert box == [0, 0, 144, 96]


def test_a_background_wins_over_classes_and_is_no_class() -> None:
    """Softmax over background and two classes; the class counts from 0 behind it."""
    op = head(
        classes=2, background=True, softmax=True, scores=Channels(0, 0), boxes=None,
        form=Form.CELL, anchors=(Anchor(4.0, 4.0, gain_width=8.0, gain_height=8.0),),
    )  # fmt: skip
    x = np.array([[[10, 0, 5], [0, 3, 40], [0, 40, 3]]], np.int8)
    found = run_head(op, x, Quant((0.25,)))
    assert found.kinds.tolist() == [1, 0]
    assert found.corners[:, 0].tolist() == [8 * 16, 16 * 16]
    share = 1 / (1 + np.exp(-10.0) + np.exp(-9.25))
    assert np.abs(found.scores / 65535 - share).max() <= SCORE_ERROR


def test_regular_anchors_of_all_cells_need_no_table() -> None:
    """The anchors of an SSD repeat from cell to cell: then one cell's are stored."""
    rows, columns = np.mgrid[:3, :4]
    own = tuple(
        Anchor(16.0 * c + 8, 16.0 * r + 8, 1.6, 1.6, width, 30.0)
        for r, c in zip(rows.flat, columns.flat, strict=True)
        for width in (20.0, 40.0)
    )
    op = head(form=Form.CENTER, anchors=own, own_anchors=True, stride=(0.0, 0.0),
              scores=Channels(0, 4, 5), boxes=Channels(0, 0, 5))  # fmt: skip
    rng = np.random.default_rng(1)
    x = rng.integers(-128, 128, (3, 4, 10)).astype(np.int8)
    given_ = activation("x", (1, 3, 4, 10), 0.1, 0)
    output = Tensor("y", op.infer([given_.type]).shape, INT8, op.fixed_quant())
    kernel = op.lower([given_], output, Rounding.SINGLE)
    assert isinstance(kernel, DetectHeadKernel)
    assert (len(kernel.boxes.bases), len(kernel.boxes.gains)) == (2, 2)
    repeated = replace(op, anchors=own[:2], own_anchors=False, stride=(16.0, 16.0))
    np.testing.assert_array_equal(
        kernel.run([x[None]]), repeated.lower([given_], output, Rounding.SINGLE).run([x[None]])
    )


def test_pictures_of_a_batch_do_not_meet() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(-128, 128, (3, 2, 2, 5)).astype(np.int8)
    given_ = activation("x", (1, 2, 2, 5), 0.1, 0)
    op = head()
    y = Tensor("y", op.infer([given_.type]).shape, INT8, op.fixed_quant())
    kernel = op.lower([given_], y, Rounding.SINGLE)
    np.testing.assert_array_equal(
        kernel.run([x]), np.concatenate([kernel.run([each[None]]) for each in x])
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scores": Channels(0, 5)}, "more than map 0 has"),
        ({"scores": Channels(1, 0)}, "more than map 0 has|more than map 1 has"),
        ({"scores": None}, "scores, or"),
        ({"threshold": 1.5}, "between 0 and 1"),
        ({"bins": 1}, "1 bins"),
        ({"own_anchors": True}, "1 anchors for 4 cells"),
        ({"boxes": None}, "four numbers"),
        ({"most": 1001}, "1001 boxes"),
        ({"anchors": (Anchor(40000.0, 0.0),)}, "32767 pixels"),
        ({"anchors": (Anchor(float("nan"), 0.0),)}, "no finite number"),
        ({"anchors": (Anchor(0.0, 0.0, 1e30),)}, "too unlike"),
    ],
)
def test_what_a_head_cannot_be(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        run_head(head(**changes), np.zeros((2, 2, 5), np.int8))


def test_int16_maps_are_refused_with_a_hint() -> None:
    x = Tensor("wide", (1, 2, 2, 5), INT16, Quant((0.1,)))
    y = Tensor("y", (1, 60), INT8, Quant((1.0,)))
    with pytest.raises(ValueError, match=r"wide is int16.*Requantize"):
        head().lower([x], y, Rounding.SINGLE)


# Suppression -------------------------------------------------------------------------------------


def plain_nms(boxes: list[list[float]], kinds: list[int], overlap: float, most: int) -> list[int]:
    """Greedy, of sorted boxes: indices of what is kept."""

    def iou(a: list[float], b: list[float]) -> float:
        wide = min(a[2], b[2]) - max(a[0], b[0])
        tall = min(a[3], b[3]) - max(a[1], b[1])
        if wide <= 0 or tall <= 0:
            return 0.0
        areas = [max(c[2] - c[0], 0) * max(c[3] - c[1], 0) for c in (a, b)]
        return wide * tall / (sum(areas) - wide * tall)

    kept: list[int] = []
    for i, box in enumerate(boxes):
        if all(kinds[i] != kinds[k] or iou(box, boxes[k]) <= overlap for k in kept):
            kept.append(i)
    return kept[:most]


@pytest.mark.parametrize("overlap", [0.0, 0.31, 0.45, 0.7, 1.0])
def test_suppression_is_that_of_floats(overlap: float) -> None:
    """Of boxes in sixteenths both see the same numbers."""
    rng = np.random.default_rng(7)
    for _ in range(60):
        boxes = drawn_boxes(rng, 30, 0, 300)
        op = Suppress(20, overlap)
        x = activation("x", (1, 30 * 12), 1.0, 0)
        y = Tensor("y", op.infer([x.type]).shape, INT8, op.fixed_quant())
        kernel = op.lower([x], y, Rounding.SINGLE)
        found = Found.of_bytes(kernel.run([boxes.bytes(30)[None]]).reshape(-1), 0)
        kept = plain_nms(boxes.corners.tolist(), boxes.kinds.tolist(), overlap, 20)
        assert found.corners.tolist() == boxes.corners[kept].tolist()
        assert found.scores.tolist() == boxes.scores[kept].tolist()


def test_the_float_form_merges_as_the_integers_do() -> None:
    @EVERYDAY
    @given(case=suppress_cases())
    def run(case: Case) -> None:
        op = case.op
        assert isinstance(op, Suppress)
        lists = [Found.of_bytes(v.reshape(-1), op.points) for v in case.values]
        lengths = [v.size // (12 + 6 * op.points) for v in case.values]
        real = [x.pixels().floats(n)[None] for x, n in zip(lists, lengths, strict=True)]
        floats = Found.of_floats(op.find([x.reshape(1, 1, -1) for x in real]), op.points)
        ours = Found.of_bytes(case.run().reshape(-1), op.points).pixels()
        for a, b in ((ours.corners, floats.corners), (ours.points, floats.points)):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-9)
        assert ours.kinds.tolist() == floats.kinds.tolist()

    run()


def test_cells_that_touch_are_one_box_even_when_a_later_one_joins_them() -> None:
    """Two cells apart, then the one between them; another class is another thing."""
    corners = np.array([[x, 0, x + 128, 128] for x in (0, 256, 256, 128)])
    boxes = Found(corners, np.array([9, 8, 7, 6]), np.array([0, 0, 1, 0]), np.zeros((4, 0, 3), int))
    found = Suppress(4, merge=Merge.TOUCHING).merged(boxes, 0, 1, 1)
    assert found.corners.tolist() == [[0, 0, 384, 128], [256, 0, 384, 128]]
    assert found.scores.tolist() == [9, 7]


@pytest.mark.parametrize("changes", [{"most": 0}, {"overlap": -0.1}, {"points": 65}])
def test_what_a_suppression_cannot_be(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"boxes of|between 0 and 1"):
        Suppress(**{"most": 1, **changes})  # type: ignore[arg-type]


def test_lists_are_whole_records() -> None:
    x = activation("x", (1, 25), 1.0, 0)
    with pytest.raises(ValueError, match="no list of records of 12 bytes"):
        Suppress(3).infer([x.type])
