"""What the four box numbers of a decoded output are, solved from its values.

Each number of a box is `base + gain * f(value)` for a curve f. Three values give base and gain of
every candidate, random ones then say whether it holds: no constant of the file is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from mcucc.answers.recognise.rows import LARGEST, Table, random_heads
from mcucc.answers.recognise.scores import SIDES_OF_BOX, Layout, Part
from mcucc.answers.recognise.tail import FloatArray, Heads
from mcucc.ops.common.detection import Curve, Form

BOX_TOLERANCE = 1e-3  # of a number, and of a pixel where it is below 1
SLOPE = 0.3  # of the logits of bins that are to have another mean
IN_PIXELS = 2.0  # a centre beyond it is in pixels, not a share of the picture
PLACES = (Curve.IDENTITY, Curve.SIGMOID, Curve.EXP, Curve.RELU)
SIZES = (Curve.EXP, Curve.SQUARE, Curve.IDENTITY)


def _corners(b: FloatArray) -> FloatArray:
    return b


def _of_centre(b: FloatArray) -> FloatArray:
    return np.concatenate([b[:, :2] - b[:, 2:] / 2, b[:, :2] + b[:, 2:] / 2], axis=1)


def _of_corner(b: FloatArray) -> FloatArray:
    return np.concatenate([b[:, :2], b[:, :2] + b[:, 2:]], axis=1)


# How outputs write a box; each may have y before x.
WRITTEN: dict[str, Callable[[FloatArray], FloatArray]] = {
    "x, y of the centre, width, height": _of_centre,
    "left, top, right, bottom": _corners,
    "left, top, width, height": _of_corner,
}
ORDERS = ((0, 1, 2, 3), (1, 0, 3, 2))


@dataclass(frozen=True, eq=False)
class Solved:
    """The numbers of every candidate (candidates, 2), x before y, in the output's unit.

    CENTER: centre = point + gain f(t), size = span g(power t). SIDES and CORNERS: a side is the
    point, less or more gain f(t). `order` are the channels of x, y, width, height (or left, top,
    right, bottom); `written` says how the output writes a box, `columns` which are its four.
    """

    form: Form
    place: Curve
    size: Curve
    power: float
    point: FloatArray
    gain: FloatArray
    span: FloatArray
    order: tuple[int, ...]
    written: str
    columns: tuple[int, ...]

    def box(self, numbers: FloatArray) -> FloatArray:
        """Left, top, right, bottom of the values (candidates, 4) of a box's channels."""
        t = numbers[:, self.order]
        if self.form is Form.CENTER:
            centre = self.point + self.gain * self.place.of(t[:, :2])
            half = self.span * self.size.of(self.power * t[:, 2:]) / 2
            return np.concatenate([centre - half, centre + half], axis=1)
        sides = self.place.of(t) * np.concatenate([self.gain, self.gain], axis=1)
        low = -1 if self.form is Form.SIDES else 1
        return np.concatenate([self.point + low * sides[:, :2], self.point + sides[:, 2:]], axis=1)

    def read(self, table: FloatArray) -> FloatArray:
        """Left, top, right, bottom as the output has them."""
        return WRITTEN[self.written](table[:, self.columns])


def expected(numbers: FloatArray, bins: int) -> FloatArray:
    """The four values of a box: the numbers, or the mean bin of their distributions."""
    if bins == 1:
        return numbers
    logits = numbers.reshape(len(numbers), SIDES_OF_BOX, bins)
    powers = np.exp(logits - logits.max(axis=2, keepdims=True))
    made: FloatArray = (powers * np.arange(bins)).sum(axis=2) / powers.sum(axis=2)
    return made


def ways(table: Table, layout: Layout) -> Iterator[Solved]:
    """Every way in which boxes follow from the heads, x and y in either order."""
    known = _Known(table, layout)
    for written, order, channels in product(WRITTEN, ORDERS, ORDERS):
        columns = tuple(layout.box_columns[i] for i in order)
        yield from filter(known.holds, known.ways(written, columns, channels))


@dataclass(frozen=True, eq=False)
class _Probe:
    values: FloatArray  # (candidates, 4) of the box's channels
    table: FloatArray


class _Known:
    """The table for values of a box's channels that are -1, 0, 1, and for random ones."""

    def __init__(self, table: Table, layout: Layout) -> None:
        self.table, self.layout = table, layout
        ramp = np.tile(np.arange(layout.bins) * SLOPE, SIDES_OF_BOX)
        each = np.ones(SIDES_OF_BOX) if layout.bins == 1 else ramp
        self.low, self.zero, self.high = (self._probe(sign * each) for sign in (-1, 0, 1))
        draw = np.random.default_rng(5)
        size = (table.count, layout.boxes.count)
        self.random = [self._probe(draw.uniform(-LARGEST, LARGEST, size)) for _ in range(2)]

    def _probe(self, numbers: FloatArray) -> _Probe:
        heads = random_heads(self.table.tail, 6)
        part = self.layout.boxes
        whole = self.table.gather(heads, part.role)
        whole[:, part.first : part.first + part.count] = numbers
        heads = {**heads, **self.table.scatter(whole, part.role)}
        return _Probe(values_of(self.table, heads, part), self.table.compute(heads))

    def ways(
        self, written: str, columns: tuple[int, ...], channels: tuple[int, ...]
    ) -> Iterator[Solved]:
        """What base and gain would be for every form and curve."""
        low, zero, high = (
            WRITTEN[written](p.table[:, columns]) for p in (self.low, self.zero, self.high)
        )
        t = [p.values[:, channels] for p in (self.low, self.zero, self.high)]
        for place in PLACES:
            f = [place.of(value) for value in t]
            gain = (high - low) / (f[2] - f[0])
            base = zero - gain * f[1]
            form = Form.SIDES if (gain[:, :2] < 0).all() else Form.CORNERS
            yield Solved(
                form,
                place,
                place,
                1.0,
                base[:, :2],
                gain[:, 2:],
                gain[:, 2:],
                channels,
                written,
                columns,
            )
            low_c, zero_c, high_c = ((b[:, :2] + b[:, 2:]) / 2 for b in (low, zero, high))
            gain = (high_c - low_c) / (f[2] - f[0])[:, :2]
            base = zero_c - gain * f[1][:, :2]
            zero_s, high_s = (b[:, 2:] - b[:, :2] for b in (zero, high))
            for size in SIZES if self.layout.bins == 1 else ():
                power = _power(size, zero_s, high_s)
                span = zero_s if size is Curve.EXP else high_s / size.of(np.ones(1))
                yield Solved(
                    Form.CENTER, place, size, power, base, gain, span, channels, written, columns
                )

    def holds(self, solved: Solved) -> bool:
        """Whether it gives the boxes of every candidate for random values."""
        return all(
            same_boxes(solved.box(p.values), solved.read(p.table)) for p in (self.low, *self.random)
        )


def _power(size: Curve, zero: FloatArray, one: FloatArray) -> float:
    """v of exp(v t), the same for all; 1 for other curves, and where there is none."""
    if size is not Curve.EXP or not ((zero > 0).all() and (one > 0).all()):
        return 1.0
    return float(np.median(np.log(one / zero)))


def values_of(table: Table, heads: Heads, part: Part) -> FloatArray:
    """The four values of every candidate's box."""
    numbers = table.gather(heads, part.role)[:, part.first : part.first + part.count]
    return expected(numbers, part.count // SIDES_OF_BOX)


def same_boxes(a: FloatArray, b: FloatArray, slack: float = 0.0) -> bool:
    """Whether boxes are the same, within BOX_TOLERANCE of their largest number, and `slack`."""
    allowed = BOX_TOLERANCE * np.maximum(np.abs(b).max(axis=1, keepdims=True), 1e-3) + slack
    return bool((np.abs(a - b) <= allowed).all())
