"""The maps of a detector's heads: which channels of which tensors hold which numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mcucc.answers.check_spec import KINDS
from mcucc.answers.decoders import Way
from mcucc.answers.spec import HeadSpec
from mcucc.ops.common.detection import Form

SIDES = 4  # numbers of a box


@dataclass(frozen=True)
class Place:
    """Numbers of a kind: channel `first + anchor * step` of a tensor, `count` an anchor."""

    tensor: str
    first: int
    step: int
    count: int


@dataclass(frozen=True)
class Maps:
    """One head: its cells, how many anchors each has, and where their numbers lie.

    `scores` counts the background where there is one; `bins` is 0 without a distribution.
    """

    height: int
    width: int
    anchors: int
    places: dict[str, Place] = field(default_factory=dict)
    scores: int = 1
    bins: int = 0

    @property
    def tensors(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys(place.tensor for place in self.places.values()))


@dataclass(frozen=True)
class Asked:
    """What is known before a map is looked at: names of classes, anchors of a head.

    `classes` counts the background; None where it is open.
    """

    way: Way
    classes: int | None
    anchors: int | None


Shapes = Callable[[str, str], tuple[str, tuple[int, int, int]]]  # name, key -> tensor, (H, W, C)


def maps_of(head: HeadSpec, asked: Asked, shapes: Shapes, at: str) -> Maps:
    """The maps of a head that names its tensors; ValueError names the key that does not fit."""
    if head.tensor:
        tensor, shape = shapes(head.tensor, f"{at}.tensor")
        return _together(tensor, shape, asked, f"{at}.tensor")
    found = {
        kind: shapes(getattr(head, kind), f"{at}.{kind}") for kind in KINDS if _named(head, kind)
    }
    (first, (_, (height, width, _))), *others = found.items()
    for kind, (name, shape) in others:
        if shape[:2] != (height, width):
            raise ValueError(
                f"{at}.{kind}: {name} is {shape[0]}x{shape[1]}, its {first} {height}x{width}"
            )
    return _apart(found, (height, width), asked, at)


def _named(head: HeadSpec, kind: str) -> bool:
    return bool(getattr(head, kind))


def _together(tensor: str, shape: tuple[int, int, int], asked: Asked, key: str) -> Maps:
    """All numbers of an anchor lie together, anchor by anchor."""
    way, (height, width, channels) = asked.way, shape
    anchors = asked.anchors or 1
    each, left = divmod(channels, anchors)
    if left:
        raise ValueError(f"{key}: {channels} channels are not those of {anchors} anchors")
    counts = _counts(each, asked)
    missing = None if counts is None else each - sum(counts.values())
    if counts is None or missing:
        raise ValueError(f"{key}: {_why(tensor, channels, anchors, asked)}")
    places, first = {}, 0
    for kind, count in counts.items():
        if count:
            places[kind] = Place(tensor, first, each, count)
        first += count
    bins = counts["boxes"] // SIDES if way.dfl and counts.get("boxes", 0) > SIDES else 0
    return Maps(height, width, anchors, places, counts.get("scores", 0), bins)


def _counts(each: int, asked: Asked) -> dict[str, int] | None:
    """Numbers of each kind of an anchor that has `each`; None where that cannot be."""
    way = asked.way
    counts = dict.fromkeys(way.order, 0)
    if "objectness" in counts and way.objectness_curve is not None:
        counts["objectness"] = 1
    for kind in ("boxes", "sizes"):
        if kind in counts:
            counts[kind] = 2 if "sizes" in counts else SIDES
    if "scores" not in counts:
        return None
    fixed = sum(counts.values())
    pairs = 2 * way.points
    if not way.dfl:
        if asked.classes is None:
            counts["scores"] = each - fixed - pairs
            counts["points"] = pairs
            return counts if counts["scores"] > 0 else None
        return _with_points(counts, asked.classes, each - fixed - asked.classes, way)
    fixed -= SIDES
    for bins in (1, way.bins) if asked.classes is None else range(1, 65):
        scores = each - SIDES * bins if asked.classes is None else asked.classes
        left = each - SIDES * bins - scores
        points = _with_points({**counts, "boxes": SIDES * bins}, scores, left, way)
        usual = asked.classes is not None or bins > 1 or each < SIDES * way.bins
        if points is not None and scores > 0 and usual:
            return points
    return None


def _with_points(counts: dict[str, int], scores: int, left: int, way: Way) -> dict[str, int] | None:
    """The counts with what is left for points: pairs, or triples with a score."""
    if left not in {size * way.points for size in (2, 3)}:
        return None
    return {**counts, "scores": scores, **({"points": left} if way.points else {})}


def _why(tensor: str, channels: int, anchors: int, asked: Asked) -> str:
    """What the channels of a tensor would have to be."""
    way = asked.way
    kinds = [kind for kind in way.order if kind not in ("scores", "points")]
    parts = []
    for kind in kinds:
        if kind in ("boxes", "sizes"):
            size = "4 numbers, or 4 x bins," if way.dfl else "2" if "sizes" in way.order else "4"
            parts.append(f"{size} of {kind}")
        elif way.objectness_curve is not None:
            parts.append("1 of objectness")
    classes = f"{asked.classes} scores" if asked.classes is not None else "scores"
    parts.append(classes + (" (with the background)" if way.background else ""))
    if way.points:
        parts.append(f"{way.points} points")
    each = f"{anchors} anchors of " if anchors > 1 else ""
    return f"{tensor} has {channels} channels; they are to be {each}{', '.join(parts)}"


def _apart(
    found: dict[str, tuple[str, tuple[int, int, int]]],
    size: tuple[int, int],
    asked: Asked,
    at: str,
) -> Maps:
    """Every kind of numbers has a tensor."""
    way, channels = asked.way, {kind: shape[2] for kind, (_, shape) in found.items()}
    inline = "points" in way.order and "scores" not in way.order and "points" not in found
    bins, numbers = 0, 2 if "sizes" in found else SIDES
    points = 2 * way.points if inline else 0
    anchors = asked.anchors or 1
    if "boxes" in found:
        if way.form is Form.CELL:
            raise ValueError(f"{at}.boxes: a cell is its box: leave it out")
        if way.dfl:
            bins = _bins(channels["boxes"], f"{at}.boxes")
            numbers = bins * SIDES
        anchors = asked.anchors or _division(channels["boxes"], numbers + points, f"{at}.boxes")
    elif "sizes" in found:
        anchors = asked.anchors or _division(channels["sizes"], 2, f"{at}.sizes")
    wanted = {"boxes": numbers + points, "sizes": 2, "objectness": 1}
    scores = channels.get("scores", 0) // anchors
    if asked.classes is not None and "scores" in found:
        scores = asked.classes
    wanted["scores"] = scores
    if "points" in found:
        wanted["points"] = _division(channels["points"], anchors, f"{at}.points")
    for kind, each in wanted.items():
        if kind in found and channels[kind] != each * anchors:
            of = f"{anchors} anchors of {each}" if anchors > 1 else f"{each}"
            more = " (the names of `classes`, and a background)" if way.background else ""
            raise ValueError(
                f"{at}.{kind}: {found[kind][0]} has {channels[kind]} channels, expected {of}"
                + (more if kind == "scores" else "")
            )
    places = {
        kind: Place(
            found[kind][0], 0, wanted[kind], wanted[kind] - (points if kind == "boxes" else 0)
        )
        for kind in found
    }
    if inline and points:
        places["points"] = Place(found["boxes"][0], numbers, numbers + points, points)
    return Maps(*size, anchors, places, scores, bins if bins > 1 else 0)


def _bins(channels: int, key: str) -> int:
    bins, left = divmod(channels, SIDES)
    if left or not 1 <= bins <= 64:
        raise ValueError(f"{key}: {channels} channels; distances are 4 numbers, or 4 x bins")
    return bins


def _division(channels: int, each: int, key: str) -> int:
    count, left = divmod(channels, each)
    if left or not count:
        raise ValueError(f"{key}: {channels} channels are not anchors of {each} numbers")
    return count


def kinds_of(names: Sequence[tuple[str, int]], asked: Asked, at: str) -> HeadSpec:
    """Which tensor of one height and width (name, channels) has which numbers, by its channels.

    Raises ValueError where that does not say it.
    """
    way = asked.way
    if len(names) == 1 and "scores" in way.order:
        return HeadSpec(tensor=names[0][0])
    wanted = _expected(way, asked)
    found: dict[str, str] = {}
    left = dict(names)
    for kind, counts in wanted:
        fitting = [name for name, count in left.items() if counts(count)]
        if len(fitting) == 1 or (fitting and kind in ("scores", "objectness") and way.points):
            found[kind] = fitting[0]
            del left[fitting[0]]
    if left or "scores" not in found:
        shown = ", ".join(f"{name} ({count} channels)" for name, count in names)
        raise ValueError(f"{at}: what are {shown}? name them in [[{at}.heads]]")
    return HeadSpec(
        boxes=found.get("boxes", ""),
        scores=found["scores"],
        objectness=found.get("objectness", ""),
        points=found.get("points", ""),
    )


def _expected(way: Way, asked: Asked) -> list[tuple[str, Callable[[int], bool]]]:
    """Kinds and how many channels they may have, the surest first."""
    classes, points = asked.classes, way.points
    inline = 2 * points if "scores" not in way.order else 0
    checks: list[tuple[str, Callable[[int], bool]]] = []
    if classes is not None:
        checks.append(("scores", lambda n: n == classes * (asked.anchors or 1)))
    if points and not inline:
        checks.append(("points", lambda n: n in (2 * points, 3 * points)))
    if way.dfl:
        checks.append(("boxes", lambda n: n in (SIDES * way.bins, SIDES)))
    elif way.form is not Form.CELL:
        checks.append(("boxes", lambda n: n % (SIDES + inline) == 0))
    if way.objectness_curve is not None:
        checks.append(("objectness", lambda n: n == (asked.anchors or 1)))
    if classes is None:
        checks.append(("scores", lambda n: True))
    return checks
