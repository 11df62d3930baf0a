"""The decoders: what the numbers of each family of detectors mean, a record each.

Sources: the papers and the reference decoders of their authors: YOLOv2 (arXiv 1612.08242), YOLOv3
(1804.02767), YOLOv5 and v8 to v12 (Ultralytics), YOLOX (2107.08430), SSD (1512.02325) as
torchvision has it and as STMicroelectronics' model zoo does, FCOS (1904.01355), NanoDet and
PicoDet, CenterNet (1904.07850), FOMO (Edge Impulse), BlazeFace (1907.05047), YuNet (OpenCV Zoo).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from mcucc.answers.spec import BoxesSpec, Decoder
from mcucc.ops.common.detection import Curve, Form, Merge

ALL = ("boxes", "objectness", "scores", "points")


class Unit(StrEnum):
    """What one of a decoder's numbers is counted in."""

    STRIDE = "stride"  # cells
    PIXEL = "pixel"
    ANCHOR = "anchor"  # the anchor's width and height


@dataclass(frozen=True)
class Way:
    """How a decoder reads its maps.

    `order`: kinds of numbers one after another, an anchor after the other, where one tensor has
    them all. `place` and `size` are what f(t) is counted in; `offset` is where in its cell an
    anchor's point lies. `dfl`: a distance may be said by bins, `bins` of them unless shapes say
    it. `strides` are the usual ones of scales that are joined, each with how many anchors a cell
    (0: as many as there are). `points_gain` and `points_offset` are those of extra points.
    `absolute`: numbers are places in the picture, whatever the cell, in pixels or shares.
    """

    form: Form
    place_curve: Curve
    size_curve: Curve = Curve.IDENTITY
    score_curve: Curve = Curve.SIGMOID
    objectness_curve: Curve | None = None
    order: tuple[str, ...] = ALL
    place: Unit = Unit.STRIDE
    size: Unit = Unit.STRIDE
    offset: float = 0.0
    softmax: bool = False
    background: bool = False
    merge: Merge = Merge.NMS
    variances: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    dfl: bool = False
    bins: int = 16
    strides: tuple[tuple[tuple[float, int], ...], ...] = ()
    points: int = 0
    points_gain: float = 1.0
    points_offset: float = 0.0
    peaks: bool = False
    absolute: bool = False
    pixels: bool = True

    @property
    def pairs(self) -> bool:
        """Whether anchors have a width and a height of their own, which somebody must say."""
        return Unit.ANCHOR in (self.place, self.size)

    def of(self, spec: BoxesSpec) -> Way:
        """The same with what the spec says otherwise."""
        given: dict[str, Any] = {
            "form": spec.form,
            "place_curve": spec.place,
            "size_curve": spec.size,
            "score_curve": spec.score,
            "objectness_curve": spec.objectness,
            "softmax": spec.softmax,
            "background": spec.background,
            "merge": spec.merge,
            "offset": spec.offset,
            "pixels": spec.pixels,
            "order": spec.order or None,
            "points": len(spec.point_names) or spec.points or None,
        }
        if spec.variances:
            x_y, w_h = spec.variances[:2], spec.variances[2:]
            given["variances"] = spec.variances if w_h else (x_y[0], x_y[0], x_y[1], x_y[1])
        if "objectness" in spec.order and spec.objectness is None:
            given["objectness_curve"] = self.objectness_curve or Curve.SIGMOID
        if spec.score is not None and spec.softmax is None:
            given["softmax"] = False
        if spec.background is None and self.background:
            given["background"] = self.softmax if given["softmax"] is None else given["softmax"]
        return replace(self, **{name: value for name, value in given.items() if value is not None})


def _scales(*lists: str) -> tuple[tuple[tuple[float, int], ...], ...]:
    """ "8 16 32" is three scales of as many anchors as there are, "8x2 16x6" of 2 and of 6."""
    parts = [[(*each.split("x"), "0")[:2] for each in text.split()] for text in lists]
    return tuple(tuple((float(s), int(count)) for s, count in each) for each in parts)


YOLO = _scales("8 16 32", "16 32", "8 16", "8 16 32 64", "32", "16", "8")
DECODERS = {
    Decoder.YOLOV2: Way(
        Form.CENTER,
        Curve.SIGMOID,
        Curve.EXP,
        objectness_curve=Curve.SIGMOID,
        size=Unit.ANCHOR,
        softmax=True,
        strides=YOLO,
    ),
    Decoder.YOLOV3: Way(
        Form.CENTER,
        Curve.SIGMOID,
        Curve.EXP,
        objectness_curve=Curve.SIGMOID,
        size=Unit.ANCHOR,
        strides=YOLO,
    ),
    Decoder.YOLOV5: Way(
        Form.CENTER,
        Curve.CENTRED,
        Curve.SQUARE,
        objectness_curve=Curve.SIGMOID,
        size=Unit.ANCHOR,
        strides=YOLO,
    ),
    Decoder.YOLOV8: Way(
        Form.SIDES, Curve.IDENTITY, offset=0.5, dfl=True, strides=YOLO, points_gain=2.0
    ),
    Decoder.YOLOX: Way(
        Form.CENTER, Curve.IDENTITY, Curve.EXP, objectness_curve=Curve.SIGMOID, strides=YOLO
    ),
    Decoder.SSD: Way(
        Form.CENTER,
        Curve.IDENTITY,
        Curve.EXP,
        place=Unit.ANCHOR,
        size=Unit.ANCHOR,
        offset=0.5,
        softmax=True,
        background=True,
        variances=(0.1, 0.1, 0.2, 0.2),
    ),
    Decoder.ST_SSD: Way(
        Form.EDGES,
        Curve.IDENTITY,
        place=Unit.ANCHOR,
        size=Unit.ANCHOR,
        offset=0.5,
        softmax=True,
        background=True,
    ),
    Decoder.FCOS: Way(
        Form.SIDES,
        Curve.RELU,
        objectness_curve=Curve.SIGMOID,
        order=("scores", "boxes"),
        offset=0.5,
        dfl=True,
        bins=8,
        strides=_scales("8 16 32", "8 16 32 64", "8 16", "16 32", "8", "16"),
    ),
    Decoder.CENTERNET: Way(
        Form.CENTER,
        Curve.IDENTITY,
        order=("scores", "sizes", "boxes"),
        merge=Merge.NONE,
        peaks=True,
    ),
    Decoder.FOMO: Way(
        Form.CELL,
        Curve.IDENTITY,
        order=("scores",),
        offset=0.5,
        softmax=True,
        background=True,
        merge=Merge.TOUCHING,
    ),
    Decoder.BLAZEFACE: Way(
        Form.CENTER,
        Curve.IDENTITY,
        order=("boxes", "points"),
        place=Unit.PIXEL,
        size=Unit.PIXEL,
        offset=0.5,
        strides=_scales("8x2 16x6", "4x1", "8x2", "16x6"),
        points=6,
        points_offset=0.5,
    ),
    Decoder.YUNET: Way(
        Form.CENTER,
        Curve.IDENTITY,
        Curve.EXP,
        Curve.ROOT_SIGMOID,
        Curve.ROOT_SIGMOID,
        strides=YOLO,
        points=5,
    ),
    Decoder.CORNERS: Way(
        Form.CORNERS,
        Curve.IDENTITY,
        score_curve=Curve.IDENTITY,
        objectness_curve=Curve.IDENTITY,
        order=("boxes", "scores"),
        place=Unit.PIXEL,
        size=Unit.PIXEL,
        absolute=True,
    ),
}
