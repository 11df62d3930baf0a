"""What walks ask of tensors however they are held: rates, upper ends, first steps, outputs.

The interval calculus of `plan.spans` over all walks at once: arrays are (axis, walk), rows first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcucc.ir.window import Window
from mcucc.schedule.expand.planner_graph import Operand, PlannerNode, PlannerTensor
from mcucc.schedule.expand.rates import measured_tensors
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.stages import Booleans, Ints, Walks
from mcucc.schedule.search.walks.grid import Grid, Tables, proportional, sinks, strides_fit

FAR = 1 << 40  # beyond every position: the start of a minimum, negative that of a maximum
HIGH, START, RATE, LEFT, OUTSIDE = slice(0, 2), slice(2, 4), slice(4, 6), 6, 7


@dataclass(frozen=True, eq=False)
class Added:
    """A node in front of walks, with what each asks of it: see `pricing`; elements are of `walks`.

    Its output comes with `rate` positions a step, up to `high` at step 0, from step `start` on. It
    is stored `whole`; or `alone`: the node behind reads all of it, and nothing else does. In a
    strip it is `strip_width` columns wide, from `left` on. Walks go on where `fits`.
    """

    node: PlannerNode
    tensor: PlannerTensor
    walks: Ints
    fits: Booleans
    rate: Ints
    high: Ints
    start: Ints
    whole: Booleans
    alone: Booleans
    left: Ints
    strip_width: Ints

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

    @staticmethod
    def of(operand: Operand) -> Affine:
        """Those of an operand that is read in windows."""
        assert operand.rows is not None and operand.columns is not None
        windows: tuple[Window, Window] = operand.rows, operand.columns
        table = [(w.stride, w.phase, w.upsample, w.pad, w.kernel) for w in windows]
        return Affine(*np.array(table, dtype=np.int64).T[:, :, None])

    def first(self, outputs: Ints) -> Ints:
        """`Window.first`."""
        return (outputs * self.stride + self.phase) // self.upsample - self.pad

    def highest(self, high: Ints) -> Ints:
        """The upper ends of what spans up to `high` read."""
        return self.first(high - 1) + self.kernel

    def below(self, rate: Ints) -> tuple[Ints, Booleans]:
        """`rate_below`, and where it is a whole number."""
        scaled = rate * self.stride
        found = scaled // self.upsample
        return found, (found * self.upsample == scaled) & (self.stride >= 1)


class Geometry:
    """What is asked of every tensor, by walk. `asked` is (tensor, what, walk): see the slices."""

    def __init__(self, facts: SearchFacts, walks: Walks) -> None:
        self.network, self.walks = facts.network, walks
        self.tables = Tables.of(facts)
        self.grid = Grid.of(self.tables, walks)
        count = len(walks)
        self.asked = np.zeros((len(self.network.tensors), 8, count), dtype=np.int64)
        self.asked[:, HIGH] = -FAR
        self.asked[:, START] = self.asked[:, LEFT] = FAR
        self.asked[self.grid.reference, RATE, np.arange(count)] = self.grid.tile.T
        self.wide = np.stack([np.ones(count, dtype=np.int64), ~self.grid.full])
        # Outputs of a walk's stage by slot: (tensor, rate, high), and what they are in all.
        self.outputs: list[tuple[Ints, Ints, Ints]] = []
        self.slots = np.zeros(count, dtype=np.int64)
        self.stored = np.zeros(count, dtype=np.int64)
        self.lists = np.zeros(count, dtype=np.int64)
        self.outside = np.zeros(count, dtype=np.bool_)

    def add(self, position: int, walks: Ints) -> Added | None:
        """The node with what walks ask of it, from here on asked of its operands; None: no fit."""
        node = self.network.nodes[position]
        if not node.streams:
            return None
        tensor, asked = self.network.tensors[node.output], self.asked[node.output][:, walks]
        whole = tensor.last >= self.grid.end[walks]
        known = asked[0] > -FAR
        fits = (known | whole) & (asked[OUTSIDE] == 0)
        if sinks(node):
            fits &= ~known
        rate, fit = self._rates(node, walks, whole)
        fits &= fit
        high = np.where(known, asked[HIGH], rate)
        start = np.where(asked[START] == FAR, 0, asked[START])
        fresh = high[1] - rate[1]
        left = np.where(asked[LEFT] == FAR, fresh, asked[LEFT])
        left = np.where(whole, np.minimum(left, fresh), left)
        if whole.any():
            self._store(node, walks[whole], rate[:, whole], high[:, whole])
        fits &= self._ask(node, walks, rate, high, left)
        read_once = tensor.last == position + 1 and len(self.network.readers(node.output)) == 1
        alone = np.ones_like(whole) if read_once else whole
        widest = (self.grid.strip_steps[walks] - 1) * rate[1] + high[1] - left
        strips = self.grid.strips[walks] > 1
        width = np.where(strips, np.minimum(tensor.width, widest), tensor.width)
        return Added(
            node, tensor, walks, fits, rate, high, start, whole, alone, left, width
        )  # fmt: skip

    def _rates(self, node: PlannerNode, walks: Ints, whole: Booleans) -> tuple[Ints, Booleans]:
        """`Rates.add` of both axes; where it gives whole numbers, operands included."""
        tensors = measured_tensors(node)
        rate = self.asked[tensors[0], RATE][:, walks]
        fits = np.ones(walks.size, dtype=np.bool_)
        for tensor in tensors[1:]:
            other = self.asked[tensor, RATE][:, walks]
            fits &= ((rate == 0) | (other == 0) | (rate == other)).all(axis=0)
            rate = np.maximum(rate, other)
        unknown = rate == 0
        if unknown[0].any():
            tile = self.grid.tile[:, walks]
            guess, whole_number = proportional(self.tables, self.grid, walks, tensors[0], tile)
            fits &= (~unknown | whole_number | (self.wide[:, walks] == 0)).all(axis=0)
            rate = np.where(unknown, guess, rate)
        single = self.grid.single[walks]
        if single.any():
            cut = strides_fit(self.tables, self.grid, walks, node)
            fits &= cut | ~(single & (whole | sinks(node)))
        for tensor in tensors:
            self.asked[tensor, RATE][:, walks] = rate
        return rate, fits

    def _ask(self, node: PlannerNode, walks: Ints, rate: Ints, high: Ints, left: Ints) -> Booleans:
        """The hull of what all readers ask; where no tensor must be there whole as well."""
        sink, wide = sinks(node), self.wide[:, walks]
        first = np.zeros_like(high)
        if not sink:
            first = (-high // np.maximum(rate, 1) + 1) * wide
        fits = np.ones(walks.size, dtype=np.bool_)
        for operand in node.operands:
            if operand.rows is None or operand.columns is None:
                self.asked[operand.tensor, OUTSIDE][walks] = 1
                self.outside[walks] = True
        for operand in node.operands:
            if operand.rows is None or operand.columns is None:
                continue
            window, field = Affine.of(operand), self.asked[operand.tensor]
            asked = field[:, walks]
            fits &= asked[OUTSIDE] == 0
            below, whole = window.below(rate)
            if not sink:
                fits &= (whole | (wide == 0)).all(axis=0)
                fits &= ((asked[RATE] == 0) | (asked[RATE] == below)).all(axis=0)
                asked[RATE] = below
            asked[HIGH] = np.maximum(asked[HIGH], window.highest(high) * wide)
            asked[START] = np.minimum(asked[START], first)
            lowest = window.first(np.stack([left, left]))[1] * wide[1]
            asked[LEFT] = np.minimum(asked[LEFT], lowest)
            field[:, walks] = asked
        return fits

    def _store(self, node: PlannerNode, walks: Ints, rate: Ints, high: Ints) -> None:
        """A tensor that stages of these walks store whole; a list is written at the very end."""
        slots = self.slots[walks]
        for slot in range(int(slots.max()) + 1):
            if slot == len(self.outputs):
                count = len(self.walks)
                none = np.full(count, -1, dtype=np.int64)
                zero = np.zeros((2, count), dtype=np.int64)
                self.outputs.append((none, zero, zero.copy()))
            here = slots == slot
            tensors, rates, highs = self.outputs[slot]
            tensors[walks[here]] = node.output
            rates[:, walks[here]] = 0 if sinks(node) else rate[:, here]
            highs[:, walks[here]] = high[:, here]
        self.slots[walks] += 1
        self.stored[walks] += self.tables.size[node.output]
        self.lists[walks] += self.tables.listed[node.output]

    def known_rate(self, tensor: int, walks: Ints) -> Ints:
        """Positions of a tensor that come with a step, both axes."""
        return self.asked[tensor, RATE][:, walks]

    def highs(self, tensor: int, walks: Ints) -> Ints:
        """Upper ends of what a step needs of a tensor."""
        return self.asked[tensor, HIGH][:, walks]


def needs(operands: Sequence[Operand]) -> list[tuple[int, Affine]]:
    """The operands that are read in windows, and these."""
    return [(o.tensor, Affine.of(o)) for o in operands if o.rows is not None]
