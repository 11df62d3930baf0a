"""Answers on the picture that they are of: boxes, masks, points and classes, with their names.

Places are in pixels of the network's input; a placement maps them to the picture's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from mcucc.answers.answer import (
    Answer,
    BoxesAnswer,
    ClassesAnswer,
    KeypointsAnswer,
    MaskAnswer,
    Scores,
)
from mcucc.answers.canvas import LIGHT, Canvas, Rectangle, Row, colour_of, printable
from mcucc.answers.records import Box, Point
from mcucc.images.placement import Placement

Mask = npt.NDArray[np.int64]
Value = tuple[Box, ...] | tuple[Point, ...] | Scores | npt.NDArray[np.generic]
NOTHING = frozenset({"background", "none", "nothing", "void", "unlabeled", "unlabelled", "other"})
OPACITY = 0.5  # of a mask's colour
UNSEEN_CLASS = -1
LARGEST = 2048  # pixels of the longer side
UNSEEN = 0.4  # of the brightness of what the network does not see
MOST_BARS = 5


@dataclass(frozen=True, eq=False)
class Said:
    """What a network says of one picture: an answer, and what its `read` gave."""

    answer: Answer
    value: Value


def name_of(names: Sequence[str], kind: int) -> str:
    """The name of a class, or its number."""
    return names[kind] if 0 <= kind < len(names) and names[kind] else f"class {kind}"


def is_nothing(names: Sequence[str], kind: int) -> bool:
    """Whether a class of a mask is the ground that things lie on, which gets no colour."""
    if kind < len(names):
        return names[kind].lower() in NOTHING
    return kind == 0 and len(names) <= 1


def draw(
    picture: Image.Image,
    placement: Placement,
    said: Sequence[Said],
    truth: Sequence[Rectangle] = (),
) -> Image.Image:
    """A copy of `picture` with all that was said, enlarged where it is small, at most LARGEST wide.

    `truth` are boxes that a person drew (left, top, right, bottom in pixels of the picture):
    dashed and white.
    """
    share = min(1.0, LARGEST / max(picture.size))
    if share < 1:
        width, height = (max(1, round(side * share)) for side in picture.size)
        picture, placement = picture.resize((width, height)), placement.resized((height, width))
        truth = [(a * share, b * share, c * share, d * share) for a, b, c, d in truth]
    canvas = Canvas.of(_darkened(picture.convert("RGB"), placement))
    rows: list[Row] = []
    for each in sorted(said, key=lambda s: not isinstance(s.answer, MaskAnswer)):  # masks below
        rows += _draw_one(canvas, placement, each)
    for box in truth:
        canvas.rectangle(_scaled(canvas, box), LIGHT, dash=True)
    return canvas.with_panel(rows)


def _draw_one(canvas: Canvas, placement: Placement, said: Said) -> list[Row]:
    """Draws one answer; the rows of the panel that explain it."""
    answer, value = said.answer, said.value
    if isinstance(answer, MaskAnswer) and isinstance(value, np.ndarray):
        return _mask(canvas, placement, answer, value.astype(np.int64))
    if isinstance(answer, ClassesAnswer) and isinstance(value, Scores):
        return _bars(answer, value)
    if isinstance(answer, BoxesAnswer) and isinstance(value, tuple):
        return _boxes(canvas, placement, answer, [b for b in value if isinstance(b, Box)])
    if isinstance(answer, KeypointsAnswer) and isinstance(value, tuple):
        _points(canvas, placement, answer, [p for p in value if isinstance(p, Point)])
        return []
    assert isinstance(value, np.ndarray)
    vector = value.reshape(-1)
    begin = ", ".join(f"{number:.3f}" for number in vector[:4].tolist())
    return [Row(f"{printable(answer.output)}: vector of {vector.size}, {begin} ...")]


def _boxes(
    canvas: Canvas, placement: Placement, answer: BoxesAnswer, boxes: Sequence[Box]
) -> list[Row]:
    places = [_scaled(canvas, _in_picture(placement, box)) for box in boxes]
    pairs = list(zip(boxes, places, strict=True))
    for box, place in reversed(pairs):  # the surest on top
        canvas.rectangle(place, colour_of(box.kind))
        for number, point in enumerate(box.points):
            canvas.dot(*_place(canvas, placement, point), colour_of(number))
    for box, place in pairs:
        text = f"{printable(name_of(answer.classes, box.kind))} {box.score:.2f}"
        canvas.label(text, place, colour_of(box.kind))
    if not any(box.points for box in boxes):
        return []
    return [
        Row(printable(name_of(answer.point_names, k)).replace("class", "point"), colour_of(k))
        for k in range(answer.points)
    ]


def _points(
    canvas: Canvas, placement: Placement, answer: KeypointsAnswer, points: Sequence[Point]
) -> None:
    found = []
    for number, point in enumerate(points):
        x, y = _place(canvas, placement, point)
        sure = point.score >= answer.threshold
        canvas.dot(x, y, colour_of(number), sure)
        reach = 3.0 * canvas.line
        canvas.taken.append((x - reach, y - reach, x + reach, y + reach))
        if sure:
            found.append((number, point, (x - reach, y - reach, x + reach, y + reach)))
    for number, point, around in found:
        name = answer.names[number] if number < len(answer.names) else str(number)
        canvas.label(f"{printable(name)} {point.score:.2f}", around, colour_of(number))


def _mask(canvas: Canvas, placement: Placement, answer: MaskAnswer, mask: Mask) -> list[Row]:
    """Classes as colours with their edges drawn; the share of what the network saw in words."""
    spread = placement.map_to_picture(mask, outside=UNSEEN_CLASS)
    rows = []
    for kind, share in shares_of(placement, mask).items():
        plain = is_nothing(answer.classes, kind)
        if not plain:
            _tint(canvas, spread == kind, kind)
        name = printable(name_of(answer.classes, kind))
        colour = None if plain else colour_of(kind)
        rows.append(Row(name, colour, value=f"{100 * share:.1f} %"))
    return rows


def shares_of(placement: Placement, mask: npt.NDArray[np.generic]) -> dict[int, float]:
    """Of what the network saw of the picture: each class's share of the pixels, largest first."""
    pixels = placement.pixels_of((mask.shape[0], mask.shape[1]))
    counts = {kind: int(pixels[mask == kind].sum()) for kind in np.unique(mask).tolist()}
    order = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return {kind: count / max(1, int(pixels.sum())) for kind, count in order}


def _tint(canvas: Canvas, where: npt.NDArray[np.bool_], kind: int) -> None:
    size = canvas.image.size
    inside = Image.fromarray(where.astype(np.uint8) * 255).resize(size, Image.Resampling.NEAREST)
    shrunk = inside.filter(ImageFilter.MinFilter(2 * (canvas.line // 2) + 1))
    opacity = np.asarray(inside, np.float32) * OPACITY
    edge = (np.asarray(inside) > 0) & (np.asarray(shrunk) == 0)
    alpha = Image.fromarray(np.where(edge, 255, opacity).astype(np.uint8))
    canvas.image.paste(colour_of(kind), (0, 0, *size), alpha)


def _bars(answer: ClassesAnswer, value: Scores) -> list[Row]:
    order = sorted(range(len(value.scores)), key=lambda k: (-value.scores[k], k))[:MOST_BARS]
    rows = [
        Row(
            printable(name_of(answer.classes, kind)),
            colour_of(kind),
            value.scores[kind],
            f"{value.scores[kind]:.3f}",
        )
        for kind in order
    ]
    if value.best is None:
        rows.append(Row(f"none reaches {answer.threshold:g}"))
    return rows


def in_picture(placement: Placement, box: Box) -> Box:
    """A box, and its points, in pixels of the picture; what lies outside moves to the edge."""
    left, top, right, bottom = _in_picture(placement, box)
    points = tuple(_moved(placement, point) for point in box.points)
    return replace(box, left=left, top=top, right=right, bottom=bottom, points=points)


def _moved(placement: Placement, point: Point) -> Point:
    x, y = placement.clipped(placement.to_picture([point.x, point.y])).tolist()
    return Point(x, y, point.score)


def _in_picture(placement: Placement, box: Box) -> Rectangle:
    corners = placement.to_picture([box.left, box.top, box.right, box.bottom])
    left, top, right, bottom = placement.clipped(corners).tolist()
    return left, top, right, bottom


def _place(canvas: Canvas, placement: Placement, point: Point) -> tuple[float, float]:
    moved = _moved(placement, point)
    return moved.x * canvas.zoom, moved.y * canvas.zoom


def _scaled(canvas: Canvas, box: Rectangle) -> Rectangle:
    """In pixels of the canvas, inside it."""
    left, top, right, bottom = (side * canvas.zoom for side in box)
    return left, top, min(right, canvas.image.width) - 1, min(bottom, canvas.image.height) - 1


def _darkened(picture: Image.Image, placement: Placement) -> Image.Image:
    """What a crop hides from the network, darker."""
    height, width = placement.input
    seen = placement.clipped(placement.to_picture([0, 0, width, height])).round().astype(int)
    left, top, right, bottom = seen.tolist()
    if (left, top, right, bottom) == (0, 0, *picture.size):
        return picture
    made = picture.point(lambda value: round(value * UNSEEN))
    made.paste(picture.crop((left, top, right, bottom)), (left, top))
    return made
