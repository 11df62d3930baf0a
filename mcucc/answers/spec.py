"""`[output]` of a model's TOML: what the outputs of a network mean, as data.

    [output.boxes]                      # a table a task, or an array of tables: [[output.boxes]]
    decoder = "yolov3"
    classes = ["person"]
    threshold = 0.3
    [[output.boxes.heads]]
    tensor = "1807"
    anchors = [[116, 90], [156, 198], [373, 326]]

Tensors are named as the model file names them: its outputs, or tensors inside it, at which the
network then ends. `boxes.py` and its neighbours make nodes of this.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from mcucc.ops.common.detection import Curve, Form, Merge

MOST_BOXES = 1000
NAMING = ("tensor", "boxes", "sizes", "scores", "objectness", "points", "heatmap", "offsets")
MOST_CLASSES = 256  # a box has its class in a byte


class Decoder(StrEnum):
    """How boxes are said by maps: each is a row of the table in `decoders.py`."""

    SSD = "ssd"  # anchors with variances; softmax or sigmoid scores
    ST_SSD = "st_ssd"  # ST's model zoo: edges of anchors, moved by shares of the anchor's size
    YOLOV2 = "yolov2"
    YOLOV3 = "yolov3"
    YOLOV5 = "yolov5"  # and v7
    YOLOV8 = "yolov8"  # and v9, v10, 11, 12, 26; with DFL where there are bins
    YOLOX = "yolox"
    FCOS = "fcos"  # distances to the four sides: NanoDet (with DFL), FCOS, PicoDet
    CENTERNET = "centernet"  # peaks of a heat map, sizes and offsets
    FOMO = "fomo"  # a cell is a box; cells that touch are one
    BLAZEFACE = "blazeface"
    YUNET = "yunet"
    CORNERS = "corners"  # left, top, right, bottom in pixels: decoded already


@dataclass(frozen=True)
class HeadSpec:
    """One map of a detector: `tensor` has all its numbers, or `boxes`, `scores` .. one kind each.

    `sizes` has width and height where `boxes` has the centre alone. `stride` is in pixels of the
    input a cell, (vertical, horizontal); (): input by map. Of maps (N, C) that are joined `strides`
    are those of all scales in their order. `anchors` are (width, height) in pixels, or (x, y,
    width, height) of every anchor as shares of the picture; `anchors_from` names a constant output
    of the file that has the latter, in the order of the numbers of a box; heads that name the same
    take its anchors one after the other.
    """

    tensor: str = ""
    boxes: str = ""
    sizes: str = ""
    scores: str = ""
    objectness: str = ""
    points: str = ""
    stride: tuple[float, ...] = ()
    strides: tuple[float, ...] = ()
    anchors: tuple[tuple[float, ...], ...] = ()
    anchors_from: str = ""


@dataclass(frozen=True)
class BoxesSpec:
    """`[output.boxes]`. What is "" or empty is the decoder's own.

    Of the candidates with a score of at least `threshold` the best `candidates` of each head (0: by
    `most` and the number of heads, boxes.py) are merged, those of a class among themselves unless
    `agnostic`: two are the same where their intersection over union is above `overlap`. The best
    `most` are the answer.
    `offset` is where in its cell an anchor's point lies, 0 to 1; `pixels`: corners are no shares of
    the picture. `order` are the kinds of numbers in a tensor that has them all.
    """

    decoder: Decoder
    heads: tuple[HeadSpec, ...] = ()  # none: the outputs of the network, by their shapes
    classes: tuple[str, ...] = ()
    threshold: float = 0.3
    overlap: float = 0.45
    most: int = 20
    candidates: int = 0
    agnostic: bool = False
    merge: Merge | None = None
    form: Form | None = None
    place: Curve | None = None  # of x and y, or of distances
    size: Curve | None = None  # of width and height
    score: Curve | None = None  # of classes; softmax is a node of its own before them
    objectness: Curve | None = None
    softmax: bool | None = None
    background: bool | None = None  # class 0 is none
    variances: tuple[float, ...] = ()
    offset: float | None = None
    pixels: bool | None = None
    order: tuple[str, ...] = ()
    points: int = 0
    point_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClassesSpec:
    """`[output.classes]`: the best class, or none where its score is below `threshold`.

    `score`: "identity" where the network ends in probabilities, "softmax", or "sigmoid" where any
    number of classes may be true.
    """

    tensor: str = ""  # "": the only output
    classes: tuple[str, ...] = ()
    threshold: float = 0.0
    score: str = "identity"


@dataclass(frozen=True)
class MaskSpec:
    """`[output.mask]`: the class of each pixel; of one channel whether it is at least `threshold`.

    `threshold` is of the probability: of a logit where `score` is "sigmoid".
    """

    tensor: str = ""
    classes: tuple[str, ...] = ()
    threshold: float = 0.5
    score: str = "identity"


@dataclass(frozen=True)
class KeypointsSpec:
    """`[output.keypoints]`: a point for each channel of a heat map, where it is largest.

    `offsets` names a map (H, W, 2K), in cells: y of all, then x of all, unless `xy` (x before y).
    Without `heatmap` the numbers of `tensor` are the points: K pairs, or triples with a score, in
    shares of the picture unless `pixels`.
    """

    heatmap: str = ""
    offsets: str = ""
    tensor: str = ""
    names: tuple[str, ...] = ()
    threshold: float = 0.1
    score: str = "identity"
    xy: bool = False
    pixels: bool = False


@dataclass(frozen=True)
class EmbeddingSpec:
    """`[output.embedding]`: a vector that is compared with others by its direction."""

    tensor: str = ""


@dataclass(frozen=True)
class OutputSpec:
    """The whole of `[output]`: any number of tables of each task."""

    boxes: tuple[BoxesSpec, ...] = ()
    classes: tuple[ClassesSpec, ...] = ()
    mask: tuple[MaskSpec, ...] = ()
    keypoints: tuple[KeypointsSpec, ...] = ()
    embedding: tuple[EmbeddingSpec, ...] = ()


def tensors_of(spec: OutputSpec) -> dict[str, str]:
    """Every tensor that a specification names, and the key that does so."""
    found: dict[str, str] = {}
    for task in fields(spec):
        tables = getattr(spec, task.name)
        for number, table in enumerate(tables):
            at = f"output.{task.name}[{number}]" if len(tables) > 1 else f"output.{task.name}"
            parts: list[tuple[Any, str]] = [(table, at)]
            if isinstance(table, BoxesSpec):
                parts = [(head, f"{at}.heads[{i}]") for i, head in enumerate(table.heads)]
            for part, key in parts:
                named = {name: getattr(part, name, "") for name in NAMING}
                found |= {value: f"{key}.{name}" for name, value in named.items() if value}
    return found
