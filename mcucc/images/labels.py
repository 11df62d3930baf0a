"""What is on each picture, as somebody labelled it: boxes, points, masks, in whatever form.

Each form has a file of its own (labels_coco.py, labels_voc.py, labels_yolo.py, labels_masks.py),
`labels_find.py` tells them apart. Places are in pixels of the picture; classes are numbers of the
label files until `of_classes` makes them numbers of the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from mcucc.errors import DataError

MOST_BOXES = 10_000  # on a picture
MOST_NAMES = 10_000
MOST_SHOWN = 8  # names in a message
LARGEST_PLACE = 10**6  # pixels


@dataclass(frozen=True)
class TruePoint:
    """A place in pixels; `known` is False where nobody could say where it is."""

    x: float
    y: float
    known: bool = True


@dataclass(frozen=True)
class TrueBox:
    """What is there: corners in pixels and its class.

    A `crowd` is an area of many that nobody counted, `difficult` one that need not be found (VOC):
    neither is missed, and what is found there is not false. `area` is COCO's, of the outline.
    """

    left: float
    top: float
    right: float
    bottom: float
    kind: int
    crowd: bool = False
    difficult: bool = False
    area: float | None = None
    points: tuple[TruePoint, ...] = ()

    @property
    def surface(self) -> float:
        """Pixels of its outline where that is known, else of the box."""
        own = (self.right - self.left) * (self.bottom - self.top)
        return own if self.area is None else self.area


@dataclass(frozen=True)
class Truth:
    """What is on one picture of `size` (width, height); () where the file does not say it.

    With `shares` corners and points are shares of the picture. `mask` is a picture of classes.
    """

    boxes: tuple[TrueBox, ...] = ()
    size: tuple[int, int] | tuple[()] = ()
    shares: bool = False
    mask: Path | None = None

    def on(self, width: int, height: int, name: str, where: str) -> Truth:
        """In pixels of the picture; DataError where the labels are of one of another size."""
        if self.size and self.size != (width, height):
            raise DataError(
                f"its labels are of a picture of {self.size[0]}x{self.size[1]} pixels, {name} has "
                f"{width}x{height}",
                where=where,
                hint="give the pictures that were labelled",
            )
        if not self.shares:
            return self
        boxes = tuple(_scaled(box, width, height) for box in self.boxes)
        return replace(self, boxes=boxes, size=(width, height), shares=False)


def _scaled(box: TrueBox, width: int, height: int) -> TrueBox:
    return replace(
        box,
        left=box.left * width,
        top=box.top * height,
        right=box.right * width,
        bottom=box.bottom * height,
        points=tuple(replace(p, x=p.x * width, y=p.y * height) for p in box.points),
    )


@dataclass(frozen=True)
class Labels:
    """The labels of a set of pictures, by the pictures' file names.

    `form` is what messages call it. `names` are the classes by number, () where no file says them,
    `point_names` those of the points. `notes` are what a reader of the figures must know.
    """

    path: Path
    form: str
    truths: Mapping[str, Truth]
    names: tuple[str, ...] = ()
    point_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    _last: Mapping[str, str | None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        last: dict[str, str | None] = {}
        for name in self.truths:
            short = PurePosixPath(name).name
            last[short] = None if short in last else name
        object.__setattr__(self, "_last", last)

    def of(self, name: str) -> Truth | None:
        """What is on a picture; None where the labels say nothing of it.

        A file name without its folders is enough where there is one of that name.
        """
        if name in self.truths:
            return self.truths[name]
        full = self._last.get(PurePosixPath(name).name)
        return None if full is None else self.truths[full]

    def of_classes(self, classes: Sequence[str]) -> Labels:
        """With classes numbered as the network does: by name, where no name is the same by order.

        Boxes of classes that the network does not have are left out; `notes` say so. DataError
        where the numbers are more than the network's classes.
        """
        used = sorted({box.kind for truth in self.truths.values() for box in truth.boxes})
        numbers, how = self._numbers(classes, used)
        truths = {
            name: replace(
                truth,
                boxes=tuple(
                    replace(box, kind=numbers[box.kind])
                    for box in truth.boxes
                    if box.kind in numbers
                ),
            )
            for name, truth in self.truths.items()
        }
        return replace(self, truths=truths, names=tuple(classes), notes=(*self.notes, *how))

    def of_points(self, names: Sequence[str]) -> Labels:
        """With points in the order of `names`: by name, where no name is the same by order.

        DataError where neither can be.
        """
        known = {_plain(name): i for i, name in enumerate(self.point_names)}
        order = [known.get(_plain(name)) for name in names]
        if not self.point_names or all(i is None for i in order):
            if self.point_names and len(self.point_names) != len(names):
                raise DataError(
                    f"the labels have {len(self.point_names)} points, the network {len(names)}",
                    where=str(self.path),
                    hint="name the points in [output] as the labels name them: "
                    + _list(self.point_names),
                )
            note = f"points of {self.form} by order"
            return replace(self, notes=(*self.notes, note)) if self.point_names else self
        unknown = TruePoint(0.0, 0.0, known=False)
        truths = {
            name: replace(
                truth,
                boxes=tuple(
                    replace(box, points=tuple(_pick(box.points, i, unknown) for i in order))
                    if box.points
                    else box
                    for box in truth.boxes
                ),
            )
            for name, truth in self.truths.items()
        }
        note = f"points of {self.form} by name"
        return replace(self, truths=truths, point_names=tuple(names), notes=(*self.notes, note))

    def _numbers(
        self, classes: Sequence[str], used: Sequence[int]
    ) -> tuple[dict[int, int], tuple[str, ...]]:
        """The network's number of each of the labels' classes, and how it was found."""
        known = {_plain(name): i for i, name in reversed(list(enumerate(classes)))}
        named = {i: known[_plain(n)] for i, n in enumerate(self.names) if _plain(n) in known}
        if named:
            left = [self.names[i] for i in used if i not in named and i < len(self.names)]
            how = f"classes of {self.form} by name"
            more = [f"left out, as the network has no such class: {_list(left)}"] if left else []
            return named, (how, *more)
        most = used[-1] if used else -1
        if most >= len(classes):
            own = f" ({self.names[most]!r})" if most < len(self.names) else ""
            raise DataError(
                f"there is a class {most}{own}, the network has {len(classes)}: {_list(classes)}",
                where=str(self.path),
                hint="classes in [output] are named as the labels name them, or in their order",
            )
        how = "no name is the same" if self.names and classes else "there are no names to compare"
        return {i: i for i in used}, (f"classes of {self.form} by order: {how}",)


def _pick(points: Sequence[TruePoint], index: int | None, unknown: TruePoint) -> TruePoint:
    return points[index] if index is not None and index < len(points) else unknown


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").replace("-", " ").split()).casefold()


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
    return ", ".join(name[:60] for name in names[:MOST_SHOWN]) + more


class Empty(ValueError):
    """A box without width or height: data sets have some, which nothing can be found by."""


def left_out(count: int) -> tuple[str, ...]:
    """The note on so many of them."""
    return (f"{count} boxes without width or height are left out",) if count else ()


def check_box(box: TrueBox) -> TrueBox:
    """Empty for a box without width or height, ValueError for one that is nowhere, or turned."""
    places = (box.left, box.top, box.right, box.bottom)
    if not all(abs(place) <= LARGEST_PLACE for place in places):  # also not NaN
        raise ValueError(f"a box at {_places(places)}")
    if box.right < box.left or box.bottom < box.top:
        raise ValueError(f"a box that ends before it begins: {_places(places)}")
    if box.right == box.left or box.bottom == box.top:
        raise Empty(f"a box of no width or height: {_places(places)}")
    return box


def _places(places: Sequence[float]) -> str:
    return ", ".join(f"{place:g}" for place in places)
