"""What of `[output]` is wrong whatever the network is: numbers that cannot be, keys that clash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mcucc.answers.spec import (
    MOST_BOXES,
    MOST_CLASSES,
    BoxesSpec,
    ClassesSpec,
    HeadSpec,
    KeypointsSpec,
    MaskSpec,
    OutputSpec,
)
from mcucc.base.typed import shown

MOST_CANDIDATES = 4096
MOST_POINTS = 64
MOST_HEADS = 16
MOST_ANCHORS = 2**16
LONGEST_NAME = 64
LARGEST_LENGTH = 2**14  # pixels: of an anchor or a stride
KINDS = ("boxes", "sizes", "scores", "objectness", "points")
SCORES = ("identity", "softmax", "sigmoid")


def check_spec(spec: OutputSpec, arrays: Mapping[str, bool]) -> None:
    """ValueError names the first key that cannot be; `arrays`: tasks written as [[output.task]]."""
    for number, boxes in enumerate(spec.boxes):
        _boxes(boxes, key_of("boxes", number, several=arrays.get("boxes", False)))
    for number, classes in enumerate(spec.classes):
        _classes(classes, key_of("classes", number, several=arrays.get("classes", False)))
    for number, mask in enumerate(spec.mask):
        _mask(mask, key_of("mask", number, several=arrays.get("mask", False)))
    for number, points in enumerate(spec.keypoints):
        _keypoints(points, key_of("keypoints", number, several=arrays.get("keypoints", False)))


def key_of(task: str, number: int, *, several: bool) -> str:
    """What messages call a table: output.boxes, or output.boxes[1] where there are several."""
    return f"output.{task}[{number}]" if several else f"output.{task}"


def _boxes(spec: BoxesSpec, at: str) -> None:
    _names(spec.classes, f"{at}.classes", MOST_CLASSES)
    _share(spec.threshold, f"{at}.threshold", above=True)
    _share(spec.overlap, f"{at}.overlap")
    _count(spec.most, f"{at}.most", 1, MOST_BOXES)
    if spec.candidates:
        _count(spec.candidates, f"{at}.candidates", spec.most, MOST_CANDIDATES)
    _count(spec.points, f"{at}.points", 0, MOST_POINTS)
    _names(spec.point_names, f"{at}.point_names", MOST_POINTS)
    if spec.point_names and spec.points not in (0, len(spec.point_names)):
        raise ValueError(f"{at}.point_names: {len(spec.point_names)} names of {spec.points} points")
    if len(spec.variances) not in (0, 2, 4):
        raise ValueError(
            f"{at}.variances: {len(spec.variances)} numbers; give 2 (of the centre, of the size) "
            "or 4 (x, y, width, height)"
        )
    if spec.order and (set(spec.order) - set(KINDS) or len(set(spec.order)) < len(spec.order)):
        raise ValueError(f"{at}.order: expected some of {', '.join(KINDS)}, each once")
    if spec.offset is not None:
        _share(spec.offset, f"{at}.offset")
    for number, value in enumerate(spec.variances):
        if not 0 < value <= 1000:
            raise ValueError(f"{at}.variances[{number}]: {value:g} is outside 0 .. 1000")
    _count(len(spec.heads), f"{at}.heads: how many", 0, MOST_HEADS)
    for number, head in enumerate(spec.heads):
        _head(head, f"{at}.heads[{number}]")


def _head(head: HeadSpec, at: str) -> None:
    parts = [key for key in KINDS if getattr(head, key)]
    if not head.tensor and not parts:
        raise ValueError(f'{at}: it names no tensor; give tensor = "..", or boxes and scores')
    if head.tensor and parts:
        raise ValueError(f"{at}: tensor and {parts[0]} are both given; tensor has all numbers")
    if parts and not head.scores and not head.objectness:
        raise ValueError(f"{at}: it has {parts[0]} and no scores")
    if len(head.stride) > 2:
        raise ValueError(f"{at}.stride: {len(head.stride)} numbers; give [vertical, horizontal]")
    for number, value in enumerate(head.stride):
        _length(value, f"{at}.stride[{number}]")
    for number, value in enumerate(head.strides):
        _length(value, f"{at}.strides[{number}]")
    if head.anchors and head.anchors_from:
        raise ValueError(f"{at}: anchors and anchors_from are both given")
    if len(head.anchors) > MOST_ANCHORS:
        raise ValueError(f"{at}.anchors: {len(head.anchors):,} (at most {MOST_ANCHORS:,})")
    for number, anchor in enumerate(head.anchors):
        _anchor(anchor, len(head.anchors[0]), f"{at}.anchors[{number}]")


def _anchor(anchor: Sequence[float], length: int, at: str) -> None:
    if len(anchor) not in (2, 4):
        raise ValueError(
            f"{at}: {len(anchor)} numbers; give [width, height] in pixels, or of an SSD "
            "[x, y, width, height] as shares of the picture"
        )
    if len(anchor) != length:
        raise ValueError(f"{at}: {len(anchor)} numbers, the first anchor has {length}")
    for value in anchor[-2:]:
        _length(value, at)
    for value in anchor[:-2]:
        if abs(value) > LARGEST_LENGTH:
            raise ValueError(f"{at}: {value:g} is no place in a picture")


def _classes(spec: ClassesSpec, at: str) -> None:
    _names(spec.classes, f"{at}.classes", 2**16)
    _share(spec.threshold, f"{at}.threshold")
    _score(spec.score, f"{at}.score", SCORES)


def _mask(spec: MaskSpec, at: str) -> None:
    _names(spec.classes, f"{at}.classes", MOST_CLASSES)
    _share(spec.threshold, f"{at}.threshold", above=True)
    _score(spec.score, f"{at}.score", ("identity", "sigmoid"))


def _keypoints(spec: KeypointsSpec, at: str) -> None:
    _names(spec.names, f"{at}.names", MOST_POINTS)
    _share(spec.threshold, f"{at}.threshold")
    _score(spec.score, f"{at}.score", ("identity", "sigmoid"))
    if spec.heatmap and spec.tensor:
        raise ValueError(f"{at}: heatmap and tensor are both given; tensor holds the points")
    if spec.offsets and not spec.heatmap:
        raise ValueError(f"{at}.offsets: they belong to a heatmap, and none is named")


def _names(names: Sequence[str], at: str, most: int) -> None:
    if len(names) > most:
        raise ValueError(f"{at}: {len(names)} names (at most {most:,})")
    for number, name in enumerate(names):
        if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
            raise ValueError(
                f"{at}[{number}]: {shown(name)} is no name of 1 to {LONGEST_NAME} letters"
            )
        if name in names[:number] and len(names) <= MOST_CLASSES:
            raise ValueError(f"{at}[{number}]: {shown(name)} is there twice")


def _share(value: float, at: str, *, above: bool = False) -> None:
    if not 0 <= value <= 1 or (above and not 0 < value < 1):
        what = "between 0 and 1" if above else "from 0 to 1"
        raise ValueError(f"{at}: expected a number {what}, got {value:g}")


def _count(value: int, at: str, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ValueError(f"{at}: expected a number from {least} to {most}, got {value}")


def _length(value: float, at: str) -> None:
    if not 0 < value <= LARGEST_LENGTH:
        raise ValueError(f"{at}: {value:g} is no length from 0 to {LARGEST_LENGTH:,} pixels")


def _score(value: str, at: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(f"{at}: expected one of {', '.join(known)}, got {shown(value)}")
