"""From solved box numbers to a decoder that `[output]` has a word for, with its parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from mcucc.answers.decoders import DECODERS
from mcucc.answers.recognise.boxes import BOX_TOLERANCE, IN_PIXELS, Solved
from mcucc.answers.recognise.rows import NotRowsError, Table
from mcucc.answers.recognise.scores import SIDES_OF_BOX, Layout, Scoring
from mcucc.answers.recognise.tail import FloatArray
from mcucc.answers.spec import BoxesSpec, Decoder, HeadSpec
from mcucc.ops.common.detection import Curve, Form

Order = tuple[str, ...]
MIDDLE = 0.5  # of a cell, in cells
COARSE = 4  # parts of a stride: what is off by more is no cell of its own
DIGITS = 6  # of anchors and variances in a TOML
SIDES_CURVES = {Curve.IDENTITY: Decoder.YOLOV8, Curve.EXP: Decoder.FCOS, Curve.RELU: Decoder.FCOS}


@dataclass(frozen=True, eq=False)
class Found:
    """A decoder with its heads, and what it was solved from, in pixels of the network's input.

    `shares`: the file's own boxes are shares of the picture. `assumed` are what its numbers
    cannot say, and convention does. `slack`: pixels by which a quantized file's constants are off.
    """

    spec: BoxesSpec
    solved: Solved
    layout: Layout
    shares: bool
    assumed: tuple[str, ...] = ()
    slack: float = 0.0


def decoder_of(
    table: Table,
    layout: Layout,
    solutions: Iterable[Solved],
    side: tuple[int, int],
    step: float = 0.0,
) -> Found:
    """The decoder of boxes on a picture (height, width); NotRowsError where `[output]` has none.

    The first solution that is a decoder counts: x and y in the wrong order are none. `step` is
    that of the output's integers: constants of a quantized file are no better than half of it.
    """
    reasons = []
    for solved in solutions:
        try:
            return _decoder(table, layout, solved, side, step)
        except NotRowsError as refusal:
            reasons.append(str(refusal))
    unknown = "its boxes follow from the heads in a way that no known decoder has"
    raise NotRowsError(reasons[0] if reasons else unknown)


def _decoder(
    table: Table, layout: Layout, solved: Solved, side: tuple[int, int], step: float
) -> Found:
    if not solved.point.any():
        raise NotRowsError("its boxes are not decoded: the numbers of the heads, joined")
    picture = np.array(side[::-1], np.float64)
    shares = float(np.abs(solved.point).max()) <= IN_PIXELS
    unit = picture if shares else np.ones(2)
    pixels = replace(
        solved, point=solved.point * unit, gain=solved.gain * unit, span=solved.span * unit
    )
    geometry = _Geometry(table, pixels, side, step * float(unit.max()) / 2)
    geometry.check_axes()
    for make in (_sides, _yolo, _yolox, _ssd):
        made = make(geometry)
        if made is not None:
            return replace(_found(geometry, layout, made, shares), slack=geometry.slack)
    raise NotRowsError(
        f"its boxes ({pixels.form.value}, {pixels.place.value} and {pixels.size.value}) have "
        "strides, anchors or cell corners that no known decoder has"
    )


@dataclass(frozen=True)
class _Word:
    """What a decoder's heads are told beside their tensors."""

    decoder: Decoder
    anchors: tuple[tuple[tuple[float, ...], ...], ...] = ()  # of each level
    variances: tuple[float, ...] = ()
    objectness: bool = False  # the first of plain scores
    place: Curve | None = None
    offset: float = MIDDLE


class _Geometry:
    """Solved numbers of a table beside the cells that they are of."""

    def __init__(self, table: Table, solved: Solved, side: tuple[int, int], slack: float) -> None:
        self.table, self.solved, self.side, self.slack = table, solved, side, slack
        self.level, row, column, self.anchor = table.places()
        self.cell = np.stack([column, row], axis=1).astype(np.float64)
        sizes = np.array([level.size[::-1] for level in table.levels], np.float64)
        self.stride = (np.array(side[::-1]) / sizes)[self.level]
        if slack > self.stride.min() / COARSE:
            raise NotRowsError(f"its outputs are steps of {2 * slack:.1f} pixels: too coarse")

    def check_axes(self) -> None:
        """x must grow along a row of the map and not along a column: else x and y are swapped."""
        allowed = self.slack + BOX_TOLERANCE * max(self.side)
        grown = np.zeros(2, np.int64)
        for level in self.table.levels:
            points = self.solved.point[level.rows].reshape(*level.size, level.anchors, 2)
            for axis, own in ((1, 0), (0, 1)):
                steps = np.diff(points[..., own], axis=axis)
                across = np.abs(np.diff(points[..., own], axis=1 - axis))
                grown[own] += np.count_nonzero(steps > allowed)
                if (steps < -allowed).any() or (across > allowed).any():
                    raise NotRowsError("its boxes do not lie where their cells do (x and y?)")
        if not grown.all():
            raise NotRowsError("its maps are one cell wide: x and y cannot be told apart")

    def near(self, values: FloatArray, wanted: FloatArray) -> bool:
        """Whether lengths in pixels are the wanted ones, within BOX_TOLERANCE of a stride."""
        return bool((np.abs(values - wanted) <= BOX_TOLERANCE * self.stride + self.slack).all())

    def at(self, offset: float) -> FloatArray:
        """The points at an offset from the corners of the cells, in cells."""
        return (self.cell + offset) * self.stride

    def same_everywhere(self, values: FloatArray) -> tuple[tuple[tuple[float, ...], ...], ...]:
        """Numbers (candidates, n) of each level and anchor; () where cells have others."""
        made = []
        for level in self.table.levels:
            each = values[level.rows]
            first = np.median(each, axis=0)
            if (np.abs(each - first) > BOX_TOLERANCE * np.abs(first)).any():
                return ()
            made.append(_numbers(first))
        return tuple(made)


def _number(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _numbers(values: FloatArray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(_number(v) for v in row) for row in values.tolist())


def _sides(of: _Geometry) -> _Word | None:
    """Distances in strides from a place in the cell, mostly its middle."""
    s = of.solved
    if s.form is not Form.SIDES or s.place not in SIDES_CURVES:
        return None
    offset = _number(float(np.median(s.point / of.stride - of.cell)))
    if of.near(s.point, of.at(MIDDLE)):
        offset = MIDDLE
    if not (0 <= offset <= 1 and of.near(s.point, of.at(offset)) and of.near(s.gain, of.stride)):
        return None
    return _Word(SIDES_CURVES[s.place], place=s.place, offset=offset)


def _yolo(of: _Geometry) -> _Word | None:
    """Sigmoids within the cell, sizes that are anchors times an exponential or a square."""
    s = of.solved
    if s.form is not Form.CENTER or s.place is not Curve.SIGMOID:
        return None
    anchors = of.same_everywhere(s.span)
    wide = of.near(s.point, of.at(-MIDDLE)) and of.near(s.gain, 2 * of.stride)
    plain = of.near(s.point, of.at(0)) and of.near(s.gain, of.stride)
    decoder = None
    if wide and s.size is Curve.SQUARE:
        decoder = Decoder.YOLOV5
    elif plain and s.size is Curve.EXP and abs(s.power - 1) <= BOX_TOLERANCE:
        decoder = Decoder.YOLOV3
    if decoder is None or not anchors:
        return None
    return _Word(decoder, anchors=anchors, objectness=True)


def _yolox(of: _Geometry) -> _Word | None:
    """Centres in strides from the cell's corner, sizes that are exponentials of strides."""
    s = of.solved
    right = s.form is Form.CENTER and s.place is Curve.IDENTITY and s.size is Curve.EXP
    if not right or abs(s.power - 1) > BOX_TOLERANCE:
        return None
    if not all(of.near(v, w) for v, w in ((s.point, of.at(0)), (s.gain, of.stride))):
        return None
    if not of.near(s.span, of.stride):
        return None
    return _Word(Decoder.YOLOX, objectness=True)


def _ssd(of: _Geometry) -> _Word | None:
    """Anchors of their own at every cell, with variances."""
    s = of.solved
    right = s.form is Form.CENTER and s.place is Curve.IDENTITY and s.size is Curve.EXP
    if not right or not (s.span > 0).all():
        return None
    ratio = s.gain / s.span
    variance = float(np.median(ratio))
    if variance <= 0 or (np.abs(ratio - variance) > BOX_TOLERANCE * variance).any():
        return None
    first, second = _number(variance), _number(s.power)
    picture = np.array(of.side[::-1], np.float64)
    shares = np.concatenate([s.point / picture, s.span / picture], axis=1)
    anchors = tuple(_numbers(shares[level.rows.reshape(-1)]) for level in of.table.levels)
    return _Word(Decoder.SSD, anchors, (first, first, second, second))


def _found(of: _Geometry, layout: Layout, word: _Word, shares: bool) -> Found:
    assumed = []
    if word.objectness and layout.objectness is None and layout.scores.count > 1:
        layout = _with_objectness(layout)
        assumed.append("the first score is taken for the objectness")
    elif layout.objectness is not None and not word.objectness:
        raise NotRowsError(f"an objectness beside the scores, which {word.decoder} has not")
    softmax = layout.scoring is Scoring.SOFTMAX
    background = word.decoder is Decoder.SSD and softmax
    if background:
        assumed.append("class 0 is taken for the background")
    order = (1, 0, 3, 2) if of.solved.order != tuple(range(SIDES_OF_BOX)) else ()
    if order and word.decoder is not Decoder.SSD:
        raise NotRowsError(f"its heads have y before x, which {word.decoder} has not")
    heads, kinds = _heads(of, layout, word)
    usual = tuple(kind for kind in DECODERS[word.decoder].order if kind in kinds)
    spec = BoxesSpec(
        decoder=word.decoder,
        heads=heads,
        # Bins and classes of one tensor are told apart by the number of names.
        classes=tuple(f"class_{i}" for i in range(layout.scores.count)) if kinds else (),
        order=() if kinds == usual else kinds,
        form=Form.CENTER_YX if order else None,
        place=None if word.place is DECODERS[word.decoder].place_curve else word.place,
        offset=None if word.offset == MIDDLE else word.offset,
        score=None if softmax else Curve.SIGMOID,
        objectness=Curve.SIGMOID if layout.objectness else None,
        softmax=softmax or None,
        background=background if word.decoder is Decoder.SSD else None,
        variances=word.variances,
    )
    return Found(spec, of.solved, layout, shares, tuple(assumed))


def _with_objectness(layout: Layout) -> Layout:
    scores = layout.scores
    return replace(
        layout,
        objectness=replace(scores, count=1),
        scores=replace(scores, first=scores.first + 1, count=scores.count - 1),
        score_columns=layout.score_columns[1:],
    )


def _heads(of: _Geometry, layout: Layout, word: _Word) -> tuple[tuple[HeadSpec, ...], Order]:
    """The heads of `[output]`, those of the first candidates first.

    And the order of the kinds of numbers, where one tensor has them all.
    """
    given = {"boxes": layout.boxes, "objectness": layout.objectness, "scores": layout.scores}
    parts = {kind: part for kind, part in given.items() if part is not None}
    order = tuple(sorted(parts, key=lambda kind: (parts[kind].role, parts[kind].first)))
    behind: dict[int, int] = {}
    for kind in order:
        part = parts[kind]
        if part.first != behind.get(part.role, 0):
            raise NotRowsError(f"channels before the {kind} of an anchor have no meaning")
        behind[part.role] = part.first + part.count
    if len(behind) not in (1, len(parts)):
        raise NotRowsError("some of its heads have several kinds of numbers, some only one")
    table, made = of.table, []
    for index in table.in_order():
        level = table.levels[index]
        named = {k: table.tail.names[table.roles[part.role][index]] for k, part in parts.items()}
        head = HeadSpec(
            boxes=named["boxes"],
            scores=named["scores"],
            objectness=named.get("objectness", ""),
        )
        if len(behind) == 1:
            head = HeadSpec(tensor=named["boxes"])
        stride = tuple(whole / cells for whole, cells in zip(of.side, level.size, strict=True))
        if word.decoder is Decoder.SSD:
            stride = ()
        anchors = word.anchors[index] if word.anchors else ()
        made.append(replace(head, stride=stride, anchors=anchors))
    return tuple(made), order if len(behind) == 1 else ()
