"""What a detector's head is: which numbers lie where, what they mean, and what is kept of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from mcucc.ops.common.detection import Anchor, Channels, Curve, Form
from mcucc.ops.common.fixed_places import MOST_BINS
from mcucc.ops.common.geometry import Cells
from mcucc.ops.common.record import MOST_POINTS, MOST_RECORDS

MOST_CLASSES = 256
MOST_INPUTS = 8


@dataclass(frozen=True)
class Head:
    """The attributes of DetectHead, which says what they mean."""

    classes: int
    most: int
    threshold: float
    form: Form
    anchors: tuple[Anchor, ...]
    stride: tuple[float, float] = (0.0, 0.0)
    scores: Channels | None = None
    objectness: Channels | None = None
    boxes: Channels | None = None
    sizes: Channels | None = None
    points: Channels | None = None
    peaks: Channels | None = None
    score_curve: Curve = Curve.SIGMOID
    objectness_curve: Curve = Curve.SIGMOID
    place_curve: Curve = Curve.IDENTITY
    size_curve: Curve = Curve.IDENTITY
    size_power: float = 1.0
    point_curve: Curve = Curve.IDENTITY
    point_score_curve: Curve | None = None
    softmax: bool = False
    background: bool = False
    bins: int = 0
    own_anchors: bool = False
    point_count: int = 0
    point_anchors: tuple[Anchor, ...] = ()
    clip: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if not (1 <= self.classes <= MOST_CLASSES and 1 <= self.most <= MOST_RECORDS):
            raise ValueError(f"{self.classes} classes, {self.most} boxes (at most 256 and 1000)")
        given = [vars(each).values() for each in (*self.anchors, *self.point_anchors)]
        if not all(map(math.isfinite, chain(*given, self.stride, (self.size_power,)))):
            raise ValueError("an anchor, a stride or a power is no finite number")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"a threshold of {self.threshold}: it lies between 0 and 1")
        if self.scores is None and (self.objectness is None or self.classes > 1):
            raise ValueError("a head has scores, or, with one class, an objectness alone")
        if (self.boxes is None) != (self.form is Form.CELL):
            raise ValueError("a box has four numbers, and a cell none")
        if not 0 <= self.point_count <= MOST_POINTS or (self.points is None) != (
            self.point_count == 0
        ):
            raise ValueError(f"{self.point_count} points (at most {MOST_POINTS}), and where?")
        if self.bins and (self.form is not Form.SIDES or not 2 <= self.bins <= MOST_BINS):
            raise ValueError(f"{self.bins} bins: 2 to {MOST_BINS}, of distances to sides")
        if self.point_anchors and len(self.point_anchors) != len(self.anchors):
            raise ValueError("an anchor has one place for its box and one for its points")
        if self.peaks is not None and (self.scores is None or self.softmax):
            raise ValueError("peaks are those of scores, without softmax")

    def __str__(self) -> str:
        return f"DetectHead({self.words})"

    @property
    def words(self) -> str:
        """What it finds, for people."""
        form = f"{self.form.value}, {self.bins} bins" if self.bins else self.form.value
        points = f", {self.point_count} points" if self.point_count else ""
        return (
            f"{self.classes} {'class' if self.classes == 1 else 'classes'}, "
            f"{len(self.anchors)} {'anchor' if len(self.anchors) == 1 else 'anchors'}, "
            f"{form}{points}, threshold {self.threshold:g}, the best {self.most}"
        )

    def cells(self, inputs: Sequence[tuple[int, int, int]]) -> Cells:
        """The cells of maps (H, W, C); ValueError says what does not fit."""
        height, width, _ = inputs[0]
        if any(shape[:2] != (height, width) for shape in inputs):
            raise ValueError("the maps of a head have one height and width")
        anchors, left = divmod(len(self.anchors), height * width if self.own_anchors else 1)
        if left or not anchors:
            raise ValueError(f"{len(self.anchors)} anchors for {height * width} cells")
        cells = Cells(height, width, anchors, self.stride, self.own_anchors)
        for channels, count in self._uses():
            last = channels.first + (anchors - 1) * channels.step + count
            if not 0 <= channels.input < len(inputs) or last > inputs[channels.input][2]:
                raise ValueError(
                    f"{count} numbers of {anchors} anchors from channel {channels.first} by "
                    f"{channels.step} are more than map {channels.input} has"
                )
        return cells

    @property
    def score_numbers(self) -> int:
        """Scores of an anchor, the background's included."""
        return self.classes + self.background

    @property
    def point_numbers(self) -> int:
        """Numbers of a point."""
        return 2 if self.point_score_curve is None else 3

    @property
    def box_numbers(self) -> int:
        """How many numbers lie at `boxes`."""
        return 2 if self.sizes is not None else 4 * max(self.bins, 1)

    def _uses(self) -> list[tuple[Channels, int]]:
        """Every place of numbers with how many there are an anchor."""
        every = (
            (self.scores, self.score_numbers),
            (self.peaks, self.score_numbers),
            (self.objectness, 1),
            (self.boxes, self.box_numbers),
            (self.sizes, 2),
            (self.points, self.point_numbers * self.point_count),
        )
        return [(channels, count) for channels, count in every if channels is not None]
