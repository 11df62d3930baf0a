"""Chains of ops that only move or repeat values, taken together as one strided view.

Each axis of a value is a row of *digits*, (size, stride) outermost first: a step along a digit is
`stride` elements of the source, 0 for a repetition. Reshape, Transpose, Tile and their like change
the digits and nothing else; `steps` are the ops that make the value where it is read. So a channel
shuffle of five axes is one Transpose of three, and a Reshape, Tile, Reshape is a nearest Resize.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, permutations
from math import prod

from mcucc.ir.op import Op
from mcucc.ops.reshape import Reshape
from mcucc.ops.resize_nearest import ResizeNearest
from mcucc.ops.transpose import Transpose

Digit = tuple[int, int]  # size above 1, stride in elements of the source
Order = tuple[int, ...]
MOST_GROUPS = 6  # of digits in a permutation: 720 orders to search


@dataclass(frozen=True)
class StridedView:
    """A value made of all elements of the tensor `source`."""

    source: str
    axes: tuple[tuple[Digit, ...], ...]

    @staticmethod
    def of(source: str, shape: Sequence[int]) -> StridedView:
        """The tensor itself, under a shape of its size."""
        axes: list[tuple[Digit, ...]] = []
        stride = prod(shape)
        for size in shape:
            stride //= size
            axes.append(((size, stride),) if size > 1 else ())
        return StridedView(source, tuple(axes))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return tuple(prod(size for size, _ in axis) for axis in self.axes)

    @property
    def digits(self) -> list[Digit]:
        """All digits, neighbours joined that step as one."""
        joined: list[Digit] = []
        for size, stride in (digit for axis in self.axes for digit in axis):
            if joined and joined[-1][1] == size * stride:
                joined[-1] = (joined[-1][0] * size, stride)
            else:
                joined.append((size, stride))
        return joined

    @property
    def plain(self) -> bool:
        """Whether the value has the source's bytes in their order."""
        digits = self.digits
        return not digits or (len(digits) == 1 and digits[0][1] == 1)

    def transposed(self, order: Sequence[int]) -> StridedView:
        """The view whose axis i is this one's axis order[i]."""
        return StridedView(self.source, tuple(self.axes[axis] for axis in order))

    def tiled(self, repeats: Sequence[int]) -> StridedView:
        """Every axis repeated as a whole."""
        axes = [
            (((n, 0), *axis) if n > 1 else axis) for n, axis in zip(repeats, self.axes, strict=True)
        ]
        return StridedView(self.source, tuple(axes))

    def broadcast(self, shape: Sequence[int]) -> StridedView:
        """Axes of length 1 stretched, and new ones in front; ValueError where that does not do."""
        axes = ((),) * (len(shape) - len(self.axes)) + self.axes
        view = StridedView(self.source, axes)
        repeats = []
        for size, length in zip(view.shape, shape, strict=True):
            if size not in (1, length):
                raise ValueError(f"{list(self.shape)} does not broadcast to {list(shape)}")
            repeats.append(length // size)
        return view.tiled(repeats)

    def reshaped(self, shape: Sequence[int]) -> StridedView | None:
        """The view under another shape of its size; None where a digit would have to break."""
        left = self.digits[::-1]
        axes: list[tuple[Digit, ...]] = []
        for length in shape:
            axis: list[Digit] = []
            missing = length
            while missing > 1:
                size, stride = left.pop()
                taken = min(size, missing)
                if size % taken or missing % taken:
                    return None
                axis.append((taken, stride * (size // taken)))
                if size > taken:
                    left.append((size // taken, stride))
                missing //= taken
            axes.append(tuple(axis))
        return StridedView(self.source, tuple(axes))

    def steps(self, have: tuple[int, ...], wanted: tuple[int, ...]) -> list[Op]:
        """The ops that make this value from its source.

        `have` is the source's (1, ...) shape, `wanted` that of the result. Raises ValueError for a
        permutation of more groups of digits than are searched.
        """
        digits = self.digits
        for order in permutations(range(1, len(have))):
            whole = StridedView.of(self.source, have).transposed((0, *order))
            if whole.shape == wanted and whole.digits == digits and not self.plain:
                return [Transpose((0, *order))]
        kept = [digit for digit in digits if digit[1]]
        stored = sorted(kept, key=lambda digit: -digit[1])
        ops: list[Op] = []
        shape = have
        order = tuple(stored.index(digit) for digit in kept)
        for op in _permutation([size for size, _ in stored], order):
            ops.append(op)
        if ops:
            shape = (1,)  # whatever the last Transpose left: no shape to keep
        for op in _repetitions([(size, stride > 0) for size, stride in digits], shape):
            ops.append(op)
        return [*ops, Reshape(wanted)]


def _permutation(sizes: list[int], wanted: Order) -> Iterator[Op]:
    """Reshapes and Transposes of at most three axes that bring groups into the wanted order."""
    order = tuple(range(len(sizes)))
    if wanted == order:
        return
    if len(sizes) > MOST_GROUPS:
        raise ValueError(f"a transpose of {len(sizes)} axes at once")
    for blocks, arranged in _swaps(order, wanted):
        yield Reshape((1, *(prod(sizes[i] for i in block) for block in blocks)))
        yield Transpose((0, *(1 + blocks.index(block) for block in arranged)))


Blocks = tuple[Order, ...]


def _swaps(order: Order, wanted: Order) -> list[tuple[Blocks, Blocks]]:
    """The fewest steps from one order to another: each cuts it in two or three and rearranges."""
    reached: dict[Order, list[tuple[Blocks, Blocks]]] = {order: []}
    front = [order]
    while wanted not in reached:
        behind, front = front, []
        for known in behind:
            for blocks in _cuts(known):
                for arranged in permutations(blocks):
                    new = tuple(i for block in arranged for i in block)
                    if new not in reached:
                        reached[new] = [*reached[known], (blocks, arranged)]
                        front.append(new)
    return reached[wanted]


def _cuts(order: Order) -> Iterator[Blocks]:
    inner = range(1, len(order))
    for places in (*combinations(inner, 1), *combinations(inner, 2)):
        ends = (0, *places, len(order))
        yield tuple(order[a:b] for a, b in pairwise(ends))


def _repetitions(digits: list[tuple[int, bool]], shape: tuple[int, ...]) -> Iterator[Op]:
    """Nearest resizes for (size, whether of the source), the innermost two repetitions first."""
    while not all(kept for _, kept in digits):
        places = [i for i, (_, kept) in enumerate(digits) if not kept][-2:]
        if len(places) == 1:
            places.insert(0, places[0])
        (first, second) = places
        outer = prod(size for size, kept in digits[:first] if kept)
        middle = prod(size for size, kept in digits[first:second] if kept)
        inner = prod(size for size, _ in digits[second + 1 :])
        rows, columns = digits[first][0], digits[second][0] if second > first else 1
        yield from _resize(shape, (outer, middle, inner), rows, columns)
        shape = (1,)
        # What lies behind the repetitions left is now one row of plain values.
        digits = [*digits[:first], (rows * middle * columns * inner, True)]


def _resize(
    shape: tuple[int, ...], sizes: tuple[int, int, int], rows: int, columns: int
) -> Iterator[Op]:
    """Rows and columns of (outer, middle, inner) repeated, on the tensor's own shape if it can."""
    outer, middle, inner = sizes
    if len(shape) == 4:
        _, height, width, channels = shape
        if sizes == (height, width, channels):
            yield ResizeNearest(rows, columns)
            return
        if columns == 1 and (outer, middle * inner) == (height, width * channels):
            yield ResizeNearest(rows, 1)
            return
        if columns == 1 and (outer, middle * inner) == (height * width, channels):
            yield ResizeNearest(1, rows)
            return
    yield Reshape((1, *sizes))
    yield ResizeNearest(rows, columns)
