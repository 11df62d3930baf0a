"""Drawn cases of the ops that find boxes: heads of every form, lists of overlapping boxes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from mcucc.ir.tensor import Tensor
from mcucc.numerics.fixed_point import INT8, Int8Array
from mcucc.ops.common.detection import Anchor, Channels, Curve, Form, Merge
from mcucc.ops.common.record import Found
from mcucc.ops.detect_head import DetectHead
from mcucc.ops.peaks import Peaks
from mcucc.ops.points import Points
from mcucc.ops.suppress import Suppress
from tests.ops.draw import SEEDS, Case, activation

SCORES = st.sampled_from([Curve.SIGMOID, Curve.IDENTITY, Curve.ROOT, Curve.ROOT_SIGMOID])
PLACES = st.sampled_from([Curve.IDENTITY, Curve.SIGMOID, Curve.CENTRED])
SIZES = st.sampled_from([Curve.EXP, Curve.SQUARE, Curve.IDENTITY, Curve.RELU])
THRESHOLDS = st.sampled_from([0.0, 0.01, 0.3, 0.5, 0.9, 1.0])
FORMS = st.sampled_from(list(Form))


def scale(rng: np.random.Generator) -> float:
    """Of logits and of shares."""
    return float(np.float32(10.0 ** rng.uniform(-2.7, -0.7)))


def anchors(rng: np.random.Generator, count: int, gains: float = 60.0) -> tuple[Anchor, ...]:
    """Points within a cell or outside of it, gains from less than a pixel to many."""
    return tuple(
        Anchor(*rng.uniform(-4, 20, 2).tolist(), *(gains ** rng.uniform(-0.1, 1, 4)).tolist())
        for _ in range(count)
    )


def values(rng: np.random.Generator, shape: tuple[int, ...]) -> Int8Array:
    """Any bytes; few distinct ones, so that scores are equal; or the extremes alone."""
    distinct = int(rng.choice([2, 5, 256]))
    some = rng.integers(-128, 128, distinct)
    if distinct == 2:
        some = np.array([-128, 127])
    return rng.choice(some, shape).astype(np.int8)


class Layout:
    """Gives numbers their places, interleaved by anchor in one map or a kind a map."""

    def __init__(self, count: int, apart: bool) -> None:
        self.count, self.apart = count, apart
        self.channels: list[int] = []
        self.used = 0

    def take(self, numbers: int) -> Channels:
        """Where so many numbers of each anchor lie."""
        if self.apart:
            self.channels.append(numbers * self.count)
            return Channels(len(self.channels) - 1, 0, numbers)
        self.used += numbers
        return Channels(0, self.used - numbers, -1)

    def placed(self, op: DetectHead) -> DetectHead:
        """The op with the steps of a map of all numbers, which are known only now."""
        if self.apart:
            return op
        self.channels = [self.used * self.count]
        places = {
            name: replace(given, step=self.used)
            for name in ("scores", "objectness", "boxes", "sizes", "points")
            if (given := getattr(op, name)) is not None
        }
        return replace(op, **places)


@st.composite
def detect_head_cases(draw: st.DrawFn, form: Form | None = None) -> Case:
    """Every form, curve and layout, anchors of every cell or of all, with and without points."""
    rng = np.random.default_rng(draw(SEEDS))
    form = form or draw(FORMS)
    height, width = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    count = draw(st.sampled_from([1, 1, 2, 3]))
    layout = Layout(count, draw(st.booleans()))
    classes, background = draw(st.sampled_from([1, 1, 2, 7, 80])), draw(st.booleans())
    with_scores = classes > 1 or draw(st.booleans())
    objectness = not with_scores or draw(st.booleans())
    bins = draw(st.sampled_from([0, 2, 16, 33])) if form is Form.SIDES else 0
    apart_sizes = form in (Form.CENTER, Form.CENTER_YX) and draw(st.booleans())
    point_count = draw(st.sampled_from([0, 0, 1, 5]))
    point_score = draw(st.sampled_from([None, Curve.SIGMOID]))
    own = draw(st.booleans())
    listed = count * height * width if own else count
    scores = layout.take(classes + background) if with_scores else None
    op = DetectHead(
        classes=classes,
        most=draw(st.sampled_from([1, 3, 20])),
        threshold=draw(THRESHOLDS),
        form=form,
        anchors=anchors(rng, listed),
        stride=(0.0, 0.0) if own else (float(draw(st.integers(1, 32))), 7.3),
        scores=scores,
        objectness=layout.take(1) if objectness else None,
        boxes=None if form is Form.CELL else layout.take(2 if apart_sizes else 4 * max(bins, 1)),
        sizes=layout.take(2) if apart_sizes else None,
        points=layout.take(point_count * (2 if point_score is None else 3))
        if point_count
        else None,
        score_curve=draw(SCORES),
        objectness_curve=draw(SCORES),
        place_curve=draw(PLACES),
        size_curve=draw(SIZES),
        size_power=draw(st.sampled_from([1.0, 1.0, 0.2])),
        point_curve=draw(PLACES),
        point_score_curve=point_score,
        softmax=with_scores and draw(st.booleans()),
        background=background,
        bins=bins,
        own_anchors=own,
        point_count=point_count,
        point_anchors=anchors(rng, listed) if point_count and draw(st.booleans()) else (),
        clip=draw(st.sampled_from([None, (48, 64)])),
    )
    return head_case(layout.placed(op), (height, width), layout.channels, rng)


def head_case(
    op: DetectHead, size: tuple[int, int], channels: list[int], rng: np.random.Generator
) -> Case:
    """A head of maps of so many channels, of any bytes."""
    inputs = tuple(
        activation(f"x{i}", (1, *size, each), scale(rng), int(rng.integers(-128, 128)))
        for i, each in enumerate(channels)
    )
    output = Tensor("y", op.infer([x.type for x in inputs]).shape, INT8, op.fixed_quant())
    return Case(op, inputs, output, tuple(values(rng, x.shape) for x in inputs))


@st.composite
def peak_cases(draw: st.DrawFn) -> Case:
    """CenterNet: sizes, offsets and scores are maps of their own, another has the maxima."""
    rng = np.random.default_rng(draw(SEEDS))
    classes, size = draw(st.integers(1, 5)), (draw(st.integers(1, 4)), draw(st.integers(1, 5)))
    op = DetectHead(
        classes=classes,
        most=draw(st.sampled_from([1, 4, 20])),
        threshold=draw(THRESHOLDS),
        form=Form.CENTER,
        anchors=(Anchor(0.0, 0.0, 4.0, 4.0, 4.0, 4.0),),
        stride=(4.0, 4.0),
        scores=Channels(0),
        peaks=Channels(1),
        boxes=Channels(2),
        sizes=Channels(3),
    )
    case = head_case(op, size, [classes, classes, 2, 2], rng)
    scores, pooled, *rest = case.values
    above = rng.integers(0, 2, pooled.shape).astype(bool)
    pooled = np.maximum(scores, np.where(above, pooled, -128)).astype(np.int8)
    inputs = (case.inputs[0], replace(case.inputs[0], name="x1"), *case.inputs[2:])
    return replace(case, inputs=inputs, values=(scores, pooled, *rest))


def drawn_boxes(rng: np.random.Generator, count: int, points: int, spread: int) -> Found:
    """Sorted boxes in sixteenths: many overlap, some touch, a few have no area."""
    corners = rng.integers(-spread, spread, (count, 2))
    sides = rng.choice([-3, 0, 16, 17, 100, 128, 128, 400], (count, 2))
    if rng.integers(0, 2):
        corners, sides = corners // 128 * 128, np.full((count, 2), 128)  # cells
    scores = np.sort(rng.integers(1, rng.choice([3, 65536]), count))[::-1]
    places = rng.integers(-2000, 2000, (count, points, 3))
    places[:, :, 2] = np.abs(places[:, :, 2])
    kinds = rng.integers(0, rng.choice([1, 3]), count)
    return Found(np.concatenate([corners, corners + sides], 1), scores, kinds, places)


@st.composite
def suppress_cases(draw: st.DrawFn) -> Case:
    """Lists of boxes that end early or not at all, and the extremes of int16."""
    rng = np.random.default_rng(draw(SEEDS))
    points = draw(st.sampled_from([0, 0, 2]))
    op = Suppress(
        most=draw(st.sampled_from([1, 3, 20])),
        overlap=draw(st.sampled_from([0.0, 0.3, 0.45, 1.0])),
        merge=draw(st.sampled_from(list(Merge))),
        agnostic=draw(st.booleans()),
        points=points,
    )
    lists, inputs = [], []
    spread = draw(st.sampled_from([100, 400, 32000]))
    for index in range(draw(st.integers(1, 4))):
        length = draw(st.integers(1, 12))
        found = drawn_boxes(rng, draw(st.integers(0, length)), points, spread)
        lists.append(found.bytes(length)[None])
        inputs.append(activation(f"x{index}", lists[-1].shape, 1.0, 0))
    output = Tensor("y", op.infer([x.type for x in inputs]).shape, INT8, op.fixed_quant())
    return Case(op, tuple(inputs), output, tuple(lists))


@st.composite
def peaks_cases(draw: st.DrawFn) -> Case:
    """Peaks of heat maps that tie, with and without offsets."""
    rng = np.random.default_rng(draw(SEEDS))
    size, channels = (draw(st.integers(1, 4)), draw(st.integers(1, 5))), draw(st.integers(1, 18))
    stride = draw(st.floats(0.5, 40)), draw(st.floats(0.5, 40))
    offsets, x_first = draw(st.booleans()), draw(st.booleans())
    op = Peaks(channels, stride, anchors(rng, 1)[0], draw(SCORES), offsets, x_first)
    return point_case(op, [(1, *size, channels), (1, *size, 2 * channels)][: 1 + offsets], rng)


@st.composite
def points_cases(draw: st.DrawFn) -> Case:
    """Points of vectors, and of what has any other shape."""
    rng = np.random.default_rng(draw(SEEDS))
    count, score = draw(st.integers(1, 20)), draw(st.sampled_from([None, Curve.SIGMOID]))
    op = Points(count, anchors(rng, 1)[0], draw(PLACES), score, draw(st.booleans()))
    shape = (1, count, op.numbers) if draw(st.booleans()) else (1, count * op.numbers)
    return point_case(op, [shape], rng)


def point_case(op: Peaks | Points, shapes: list[tuple[int, ...]], rng: np.random.Generator) -> Case:
    """Points of inputs of these shapes, of any bytes."""
    inputs = tuple(
        activation(f"x{i}", shape, scale(rng), int(rng.integers(-128, 128)))
        for i, shape in enumerate(shapes)
    )
    output = Tensor("y", op.infer([x.type for x in inputs]).shape, INT8, op.fixed_quant())
    return Case(op, inputs, output, tuple(values(rng, x.shape) for x in inputs))
