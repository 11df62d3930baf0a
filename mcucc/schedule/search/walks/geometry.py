"""What walks ask of tensors however they are held: rates, upper ends, first steps, outputs.

The interval calculus of `plan.spans` over all walks at once: arrays are (axis, walk), rows first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mcucc.ir.window import Window
from mcucc.schedule.expand.planner_graph import Operand, PlannerNode, PlannerTensor
from mcucc.schedule.expand.rates import measured_tensors
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.stages import Booleans, Ints, Walks
from mcucc.schedule.search.walks.grid import (
    Grid,
    Order,
    Places,
    Tables,
    proportional,
    sinks,
    strides_fit,
)

FAR = 1 << 40  # beyond every position: the start of a minimum, negative that of a maximum
HIGH, START, RATE, LEFT, OUTSIDE = slice(0, 2), slice(2, 4), slice(4, 6), 6, 7


@dataclass(frozen=True, eq=False)
class Added:
    """A node in front of walks, with what each asks of it; elements are of `walks`.

    Pairs are (axis, element): its output comes with `rate` positions a step, up to `high` at step
    0, from step `start` on, in so many `steps`. In a strip it is `width` columns wide, from `left`
    on. It is stored `whole`; or `alone`: the node behind reads all of it, and nothing else does. A
    step makes `full` rows. Walks go on where `fits`.
    """

    position: int
    node: PlannerNode
    tensor: PlannerTensor
    walks: Ints
    numbers: Ints  # and `flags`: what follows, as the rows of one array each
    flags: Booleans
    rate: Ints
    high: Ints
    start: Ints
    steps: Ints
    left: Ints
    width: Ints
    whole: Booleans
    alone: Booleans
    full: Booleans
    fits: Booleans

    @staticmethod
    def of(
        position: int,
        node: PlannerNode,
        tensor: PlannerTensor,
        walks: Ints,
        numbers: Ints,
        flags: Booleans,
    ) -> Added:
        """Of the arrays of everything."""
        rate, high, start, steps = numbers[:8].reshape(4, 2, walks.size)
        about = position, node, tensor, walks, numbers, flags
        return Added(*about, rate, high, start, steps, numbers[8], numbers[9], *flags)

    def take(self, at: Order) -> Added:
        """Some elements."""
        numbers, flags = self.numbers.take(at, 1), self.flags.take(at, 1)
        return Added.of(self.position, self.node, self.tensor, self.walks[at], numbers, flags)

    @property
    def state(self) -> int:
        """Bytes of scratch that a sink holds as long as the stage works."""
        return self.node.scratch_bytes if sinks(self.node) else 0


@dataclass(frozen=True, eq=False)
class Affine:
    """Windows of both axes as columns: what positions of an operand positions of an output read."""

    stride: Ints
    phase: Ints
    upsample: Ints
    pad: Ints
    kernel: Ints
    moves: Booleans  # the stride is not 0
    plain: bool  # without upsampling or phase

    def first(self, outputs: Ints) -> Ints:
        """`Window.first`."""
        if self.plain:
            return outputs * self.stride - self.pad
        found: Ints = (outputs * self.stride + self.phase) // self.upsample - self.pad
        return found

    def highest(self, high: Ints) -> Ints:
        """The upper ends of what spans up to `high` read."""
        return self.first(high - 1) + self.kernel

    def below(self, rate: Ints) -> tuple[Ints, Booleans | None]:
        """`rate_below`, and where it is a whole number; None: everywhere."""
        scaled = rate * self.stride
        if self.plain:
            return scaled, None if self.moves.all() else self.moves
        found = scaled // self.upsample
        return found, (found * self.upsample == scaled) & self.moves


@lru_cache(maxsize=1024)
def _affine(rows: Window, columns: Window) -> Affine:
    """Windows of rows and columns as one."""
    table = [(w.stride, w.phase, w.upsample, w.pad, w.kernel) for w in (rows, columns)]
    stride, phase, upsample, pad, kernel = np.array(table, dtype=np.int64).T[:, :, None]
    plain = bool((upsample == 1).all() and not phase.any())
    return Affine(stride, phase, upsample, pad, kernel, stride >= 1, plain)


def windows(operands: Sequence[Operand]) -> list[tuple[int, Affine]]:
    """The operands that are read in windows, and these."""
    return [
        (o.tensor, _affine(o.rows, o.columns))
        for o in operands
        if o.rows is not None and o.columns is not None
    ]


def places(walks: Ints) -> Places:
    """Sorted numbers as what picks their elements the fastest."""
    first, last = int(walks[0]), int(walks[-1]) + 1
    return slice(first, last) if last - first == walks.size else walks


class Geometry:
    """What walks ask of tensors: see `asked`; `kind` is the number of each one's network.

    `outputs` are what a walk's stage stores, by slot: arrays (what, walk) of the tensor, -1 for
    none, the position of its node, its rate and its upper end. `totals` are (what, walk) as well:
    how many they are, the bytes that they take, how many are lists; whether a tensor must be there
    whole.
    """

    def __init__(self, facts: SearchFacts, walks: Walks, kind: Ints) -> None:
        self.network, self.walks, self.kind = facts.network, walks, kind
        self.tables = Tables.of(facts)
        self.grid = Grid.of(self.tables, walks)
        count = len(walks)
        self.fields: dict[int, Ints] = {}
        self.wide = np.stack([np.ones(count, dtype=np.int64), ~self.grid.full])
        self.striped, self.cut = bool((walks.strips > 1).any()), bool(self.grid.single.any())
        self.outputs: list[Ints] = []
        self.totals = np.zeros((4, count), dtype=np.int64)
        self._store_last()

    def asked(self, tensor: int) -> Ints:
        """What is asked of a tensor that is not made yet, (what, walk): see the slices."""
        found = self.fields.get(tensor)
        if found is None:
            found = np.zeros((8, len(self.walks)), dtype=np.int64)
            found[HIGH] = -FAR
            found[2:4], found[LEFT] = FAR, FAR
            own = self.grid.reference == tensor
            found[RATE] = np.where(own, self.grid.tile, 0)
            self.fields[tensor] = found
        return found

    def add(self, position: int, walks: Ints) -> Added | None:
        """The node with what walks ask of it, from here on asked of its operands; None: no fit."""
        node = self.network.nodes[position]
        if not node.streams or not walks.size:
            return None
        here = places(walks)
        tensor, asked = self.network.tensors[node.output], self.asked(node.output)[:, here]
        end = self.grid.end[here]
        whole, known = end <= (FAR if tensor.leaves else tensor.last), asked[0] > -FAR
        fits = (known | whole) & (asked[OUTSIDE] == 0)
        if sinks(node):
            fits &= ~known
        rate, fit = self._rates(node, here, whole)
        fits &= fit
        high = np.where(known, asked[HIGH], rate)
        left = high[1] - rate[1]
        if self.striped:
            lower = np.where(known, asked[LEFT], left)
            left = np.where(whole, np.minimum(lower, left), lower)
        more = whole & (end > position + 1)
        if more.any():
            self._store(position, walks[more], rate[:, more], high[:, more])
        fits &= self._ask(node, here, rate, high, left)
        del self.fields[node.output]  # nothing in front reads it
        read_once = tensor.last == position + 1 and len(self.network.readers(node.output)) == 1
        numbers = np.empty((10, walks.size), dtype=np.int64)
        numbers[:2], numbers[2:4], numbers[4:6] = rate, high, np.where(known, asked[START], 0)
        numbers[6:8], numbers[8] = self.grid.steps[:, here], left
        numbers[9] = self._widths(tensor, here, rate[1], high[1] - left)
        flags = np.array([whole, whole | read_once, self.grid.full[here], fits])
        return Added.of(position, node, tensor, walks, numbers, flags)

    def _widths(self, tensor: PlannerTensor, here: Places, rate: Ints, fresh: Ints) -> Ints | int:
        """Columns of the widest strip."""
        if not self.striped:
            return tensor.width
        widest = np.minimum(tensor.width, (self.grid.strip_steps[here] - 1) * rate + fresh)
        return np.where(self.grid.strips[here] > 1, widest, tensor.width)

    def _rates(
        self, node: PlannerNode, here: Places, whole: Booleans
    ) -> tuple[Ints, Booleans | np.bool_]:
        """`Rates.add` of both axes; where it gives whole numbers, operands aside."""
        tensors = measured_tensors(node)
        rate = self.asked(tensors[0])[RATE, here]
        fits: Booleans | np.bool_ = np.True_
        for tensor in tensors[1:]:
            other = self.asked(tensor)[RATE, here]
            fits = fits & ((rate == 0) | (other == 0) | (rate == other)).all(axis=0)
            rate = np.maximum(rate, other)
        unknown = rate[0] == 0
        if unknown.any():
            tile, wide = self.grid.tile[:, here], self.wide[:, here]
            guess, whole_number = proportional(self.tables, self.grid, here, tensors[0], tile)
            fits = fits & (~unknown | (whole_number | (wide == 0)).all(axis=0))
            rate = np.where(unknown, np.maximum(guess, wide), rate)
        if self.cut:
            single = self.grid.single[here]
            fine = strides_fit(self.tables, self.grid, here, node)
            fits = fits & (fine | ~(single & (whole | sinks(node))))
        if sinks(node):  # the output of another is read by nothing in front
            for tensor in tensors:
                self.asked(tensor)[RATE, here] = rate
        return rate, fits

    def _ask(
        self, node: PlannerNode, here: Places, rate: Ints, high: Ints, left: Ints
    ) -> Booleans | np.bool_:
        """The hull of what all readers ask; where no tensor must be there whole as well."""
        sink, wide = sinks(node), self.wide[:, here]
        fits: Booleans | np.bool_ = np.True_
        first = high * 0 if sink else (-high // np.maximum(rate, 1) + 1) * wide
        for operand in node.operands:
            if operand.rows is None:
                self.asked(operand.tensor)[OUTSIDE, here] = 1
                self.totals[3, here] = 1
        for tensor, window in windows(node.operands):
            field = self.asked(tensor)
            asked = field[:, here]
            fits = fits & (asked[OUTSIDE] == 0)
            if not sink:
                below, whole = window.below(rate)
                known = asked[RATE]
                same = (known == below) | (known == 0)
                if whole is not None:
                    same &= whole | (wide == 0)
                fits = fits & same[0] & same[1]
                asked[RATE] = below
            np.maximum(asked[HIGH], window.highest(high) * wide, out=asked[HIGH])
            np.minimum(asked[START], first, out=asked[START])
            if self.striped:
                lowest = window.first(np.stack([left, left]))[1] * wide[1]
                asked[LEFT] = np.minimum(asked[LEFT], lowest)
            if not isinstance(here, slice):
                field[:, here] = asked
        return fits

    def _store_last(self) -> None:
        """The outputs of the last nodes are stored, all at once; a tile of them is a step's."""
        nodes = self.network.nodes
        output = np.array([node.output for node in nodes], dtype=np.int64)[self.walks.end - 1]
        sink = np.array([sinks(node) for node in nodes])[self.walks.end - 1]
        stored = (self.tables.last[output] >= self.walks.end) | self.tables.leaves[output]
        if not stored.any():
            return
        rate = np.where(sink, 0, self.grid.tile)
        about = np.stack([output, self.walks.end - 1, *rate, *self.grid.tile])
        self.outputs.append(np.where(stored, about, -1))
        sizes = self._sizes(output, rate[0], self.grid.strips)
        self.totals[:3] = np.stack([stored, sizes, self.tables.listed[output]]) * stored

    def _sizes(self, tensor: Ints, rate: Ints, strips: Ints) -> Ints:
        """Bytes that outputs take: all of them, or the rows of a step where rows leave."""
        tables = self.tables
        rows = np.minimum(tables.height[tensor], rate) * tables.width[tensor] * tables.pixel[tensor]
        return np.where(tables.leaves[tensor] & (strips == 1), rows, tables.size[tensor])

    def _store(self, position: int, walks: Ints, rate: Ints, high: Ints) -> None:
        """A node's output is stored by stages of these walks; a list is written at the very end."""
        node = self.network.nodes[position]
        slots, rate = self.totals[0, walks], rate * 0 if sinks(node) else rate
        about = np.empty((6, walks.size), dtype=np.int64)
        about[0], about[1], about[2:4], about[4:6] = node.output, position, rate, high
        for slot in range(int(slots.max()) + 1):
            if slot == len(self.outputs):
                self.outputs.append(np.full((6, len(self.walks)), -1, dtype=np.int64))
            here = slots == slot
            self.outputs[slot][:, walks[here]] = about[:, here]
        self.totals[0, walks] += 1
        self.totals[1, walks] += self._sizes(about[0], rate[0], self.grid.strips[walks])
        self.totals[2, walks] += int(self.tables.listed[node.output])
