"""Which candidate a row of a decoded output is: the cell and the anchor that it follows from.

Found by changing numbers of the heads and looking which numbers of the output change with them,
so that no exporter's way of moving them needs to be known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.answers.recognise.tail import FloatArray, Heads, Tail

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]
LARGEST = 1.5  # of the numbers that heads are given: no sigmoid is flat there
MOST_CANDIDATES = 1 << 17
MOST_ANCHORS = 64  # a cell


class NotRowsError(Exception):
    """The outputs are no table of candidates; the text says why."""


@dataclass(frozen=True, eq=False)
class Level:
    """The heads of one map size, and the rows of the table that follow from them (cells, A)."""

    size: tuple[int, int]
    heads: tuple[str, ...]
    rows: Indices

    @property
    def anchors(self) -> int:
        """Candidates a cell."""
        return int(self.rows.shape[1])


@dataclass(frozen=True, eq=False)
class Table:
    """The outputs as one table (candidates, columns), and the heads in the same order.

    `turned` says of each output whether candidates are its last axis; `roles` lists for each role
    the heads of all levels that have it, in the order of `levels`.
    """

    tail: Tail
    turned: tuple[bool, ...]
    levels: tuple[Level, ...]
    roles: tuple[tuple[str, ...], ...]

    @property
    def count(self) -> int:
        """Candidates."""
        return sum(level.rows.size for level in self.levels)

    def in_order(self) -> list[int]:
        """The levels by their first candidate."""
        return sorted(range(len(self.levels)), key=lambda i: int(self.levels[i].rows.min()))

    def ordered_rows(self) -> list[Indices]:
        """The rows of the levels in that order, cell by cell, anchor by anchor."""
        return [self.levels[index].rows.reshape(-1) for index in self.in_order()]

    def values(self, outputs: Sequence[FloatArray]) -> FloatArray:
        """Outputs of the file as the table."""
        return _joined(outputs, self.turned)

    def compute(self, heads: Heads) -> FloatArray:
        """The table for any values of the heads."""
        return self.values(self.tail.evaluate(heads))

    def gather(self, heads: Heads, role: int) -> FloatArray:
        """The numbers that a head has for each candidate, (candidates, channels of an anchor)."""
        parts = []
        for level, head in zip(self.levels, self.roles[role], strict=True):
            cells = level.size[0] * level.size[1]
            parts.append(np.asarray(heads[head], np.float64).reshape(cells, level.anchors, -1))
        made = np.empty((self.count, parts[0].shape[2]))
        for level, part in zip(self.levels, parts, strict=True):
            made[level.rows] = part
        return made

    def scatter(self, values: FloatArray, role: int) -> dict[str, npt.NDArray[np.float32]]:
        """Heads of a role that have these numbers: the inverse of `gather`."""
        return {
            head: values[level.rows].reshape(1, *level.size, -1).astype(np.float32)
            for level, head in zip(self.levels, self.roles[role], strict=True)
        }

    def places(self) -> tuple[Indices, Indices, Indices, Indices]:
        """Of each candidate its level, row and column of the map, and anchor."""
        made = np.empty((4, self.count), np.int64)
        for number, level in enumerate(self.levels):
            cells = np.arange(level.size[0] * level.size[1])[:, None]
            anchors = np.arange(level.anchors)[None, :]
            width = level.size[1]
            for row, value in enumerate((number, cells // width, cells % width, anchors)):
                made[row][level.rows] = value
        return made[0], made[1], made[2], made[3]


def random_heads(tail: Tail, seed: int) -> dict[str, npt.NDArray[np.float32]]:
    """Numbers for every head, within LARGEST of 0."""
    draw = np.random.default_rng(seed)
    return {
        head: draw.uniform(-LARGEST, LARGEST, (1, *tail.shape(head))).astype(np.float32)
        for head in tail.heads
    }


def table_of(tail: Tail) -> Table:
    """The outputs of a tail as a table of candidates; NotRowsError says why they are none."""
    prober = _Prober(tail)
    sizes: dict[tuple[int, int], list[str]] = {}
    for head in tail.heads:
        height, width, _ = tail.shape(head)
        sizes.setdefault((height, width), []).append(head)
    of_level = [prober.whole(heads).any(axis=1) for heads in sizes.values()]
    if not (np.sum(of_level, axis=0) == 1).all():
        raise NotRowsError("candidates do not follow from maps of one size each")
    cells = prober.cells()
    levels, roles = [], []
    for (size, heads), rows in zip(sizes.items(), of_level, strict=True):
        levels.append(prober.level(size, tuple(heads), np.flatnonzero(rows), cells))
        roles.append(prober.roles(heads))
    first = roles[0]
    if any([key for key, _ in role] != [key for key, _ in first] for role in roles):
        raise NotRowsError("its maps of different sizes do not have the same parts")
    levels = [
        Level(level.size, tuple(head for _, head in role), level.rows)
        for level, role in zip(levels, roles, strict=True)
    ]
    named = tuple(zip(*(level.heads for level in levels), strict=True))
    return Table(tail, prober.turned, tuple(levels), named)


class _Prober:
    """Which numbers of the table change when some of the heads' are drawn anew."""

    def __init__(self, tail: Tail) -> None:
        self.tail = tail
        self.base = random_heads(tail, 1)
        self.other = random_heads(tail, 2)
        outputs = tail.evaluate(self.base)
        self.turned = self._turned(outputs)
        self.table = _joined(outputs, self.turned)
        if not np.isfinite(self.table).all():
            raise NotRowsError("its outputs are not finite for numbers within 1.5 of 0")

    def _turned(self, outputs: Sequence[FloatArray]) -> tuple[bool, ...]:
        """For each output whether candidates are its last axis: a cell has few of them."""
        pixel = {head: values.copy() for head, values in self.base.items()}
        size = self.tail.shape(self.tail.heads[0])[:2]
        for head in self.tail.heads:
            if self.tail.shape(head)[:2] == size:
                pixel[head][:, 0, 0] = self.other[head][:, 0, 0]
        turned, counts = [], set()
        after = self.tail.evaluate(pixel)
        for old, new in zip(outputs, after, strict=True):
            changed: Mask = np.not_equal(_flat(old), _flat(new))
            shares = [changed.any(axis=1 - axis).mean() for axis in (0, 1)]
            turned.append(bool(shares[1] < shares[0]))
            counts.add(changed.shape[int(turned[-1])])
        if len(counts) != 1 or max(counts) > MOST_CANDIDATES:
            raise NotRowsError("its outputs do not have the same number of candidates")
        return tuple(turned)

    def changed(self, masks: Mapping[str, Mask]) -> Mask:
        """What changes with the masked numbers (H, W, C) of heads."""
        heads = {
            head: np.where(masks[head], self.other[head], values) if head in masks else values
            for head, values in self.base.items()
        }
        after = _joined(self.tail.evaluate(heads), self.turned)
        found: Mask = np.not_equal(after, self.table)
        return found

    def whole(self, heads: Sequence[str]) -> Mask:
        """What changes with these heads."""
        return self.changed({head: np.ones(self.tail.shape(head), np.bool_) for head in heads})

    def cells(self) -> Indices:
        """The cell of each row, counted row by row of its map: bit by bit.

        Of rows that follow from several cells it is none of them: they are no table then.
        """
        shapes = {head: self.tail.shape(head) for head in self.tail.heads}
        most = max(height * width for height, width, _ in shapes.values())
        found = np.zeros(len(self.table), np.int64)
        for bit in range(max(most - 1, 1).bit_length()):
            masks = {}
            for head, (height, width, channels) in shapes.items():
                number = np.arange(height * width).reshape(height, width, 1)
                masks[head] = np.broadcast_to(number >> bit & 1 == 1, (height, width, channels))
            found |= self.changed(masks).any(axis=1).astype(np.int64) << bit
        return found

    def level(
        self, size: tuple[int, int], heads: tuple[str, ...], rows: Indices, cells: Indices
    ) -> Level:
        """The rows of a level by cell and anchor; an anchor's channels lie together."""
        count = size[0] * size[1]
        anchors = len(rows) // count
        if not 0 < anchors <= MOST_ANCHORS or len(rows) != anchors * count:
            raise NotRowsError("not every cell has as many candidates")
        made = np.full((count, anchors), -1)
        for anchor in range(anchors):
            masks = {head: self._anchor_mask(head, anchor, anchors) for head in heads}
            own = np.intersect1d(rows, np.flatnonzero(self.changed(masks).any(axis=1)))
            if (cells[own] >= count).any():
                raise NotRowsError("a candidate follows from more than one cell")
            made[cells[own], anchor] = own
        if not np.array_equal(np.sort(made.reshape(-1)), np.sort(rows)):
            raise NotRowsError("the channels of an anchor do not lie together")
        return Level(size, heads, made)

    def _anchor_mask(self, head: str, anchor: int, anchors: int) -> Mask:
        height, width, channels = self.tail.shape(head)
        if channels % anchors:
            raise NotRowsError(f"{channels} channels are not those of {anchors} anchors")
        each = channels // anchors
        mask = np.zeros((height, width, channels), np.bool_)
        mask[..., anchor * each : (anchor + 1) * each] = True
        return mask

    def roles(self, heads: Sequence[str]) -> list[tuple[tuple[int, ...], str]]:
        """The heads of a level with the columns that they reach, in the order of those."""
        reached = [(tuple(np.flatnonzero(self.whole([h]).any(axis=0)).tolist()), h) for h in heads]
        return sorted(reached, key=lambda pair: pair[0])


def _flat(values: FloatArray) -> FloatArray:
    """An output of two axes that count: the batch and axes of 1 in the middle do not."""
    shape = list(values.shape[1:])
    while len(shape) > 2 and 1 in shape:
        shape.remove(1)
    if len(shape) != 2 or values.shape[0] != 1:
        whole = " x ".join(str(n) for n in values.shape)
        raise NotRowsError(f"an output of {whole} is no list of candidates")
    return values.reshape(shape)


def _joined(outputs: Sequence[FloatArray], turned: Sequence[bool]) -> FloatArray:
    flat = [_flat(values) for values in outputs]
    parts = [v.T if turn else v for v, turn in zip(flat, turned, strict=True)]
    return np.concatenate(parts, axis=1)
