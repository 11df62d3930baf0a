"""The cost of a node that is added to walks: pixels computed again, calls, copies."""

from __future__ import annotations

import numpy as np

from mcucc.schedule.expand.rates import measured_tensor
from mcucc.schedule.search.costs import CostModel
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.stages import Floats, Ints
from mcucc.schedule.search.walks.choices import Asked, Choices
from mcucc.schedule.search.walks.geometry import Added, Geometry, windows
from mcucc.schedule.search.walks.grid import sinks


def covered(rate: Ints, lo: Ints, hi: Ints, size: Ints | int, first: Ints, last: Ints) -> Ints:
    """Positions [rate t + lo, rate t + hi) of steps [first, last), within [0, size): `covered`.

    A step has clip(rate t + hi, 0, size) - clip(rate t + lo, 0, size): two arithmetic series.
    """
    first = np.minimum(first, last)
    found: Ints = _clipped(rate, hi, size, first, last) - _clipped(rate, lo, size, first, last)
    return found


def _clipped(rate: Ints, at: Ints, size: Ints | int, first: Ints, last: Ints) -> Ints:
    """The sum over steps t in [first, last) of clip(rate t + at, 0, size)."""
    begin = np.minimum(np.maximum(-at // rate + 1, first), last)  # first step above 0
    end = np.minimum(np.maximum(-((at - size) // rate), begin), last)  # first step at `size`
    rising = (end - begin) * at + rate * ((begin + end - 1) * (end - begin) // 2)
    found: Ints = rising + size * (last - end)
    return found


def computed(rate: Ints, lo: Ints, hi: Ints, size: int, start: Ints, steps: Ints) -> Ints | int:
    """Positions computed over a stage; cached ones once each, from their first step on."""
    again = hi - lo != rate
    if not again.any():
        return size
    first = np.maximum(start, -hi // rate + 1)
    return np.where(again, covered(rate, lo, hi, size, first, steps), size)


class Pricing:
    """Costs of a network's nodes above the least possible."""

    def __init__(self, facts: SearchFacts, geometry: Geometry) -> None:
        self.facts, self.grid = facts, geometry.grid
        self.striped = geometry.striped

    def costs(self, asked: Asked, choices: Choices) -> Floats:
        """By way and state."""
        node = asked.added.node
        least, per_byte = self.facts.least_cost(node), self.facts.cost.per_copied_byte
        if sinks(node):
            return np.broadcast_to(self._sink(asked) - least, choices.valid.shape)
        steps = self.grid.steps[:, asked.walks]
        each = self._spent(asked, choices, steps)
        above = np.maximum(0.0, np.array(each) - least)
        found: Floats = above[choices.again] if len(each) > 1 else above
        return found + choices.persistent * (steps[0] * per_byte) if per_byte else found

    def _spent(self, asked: Asked, choices: Choices, steps: Ints) -> list[Floats]:
        """By what is computed again."""
        node, lows = asked.added.node, choices.lows
        tiles = -(-asked.added.tensor.width // np.maximum(asked.rate[1], 1))
        across = np.where(asked.full, 1, tiles)
        tall, wide = (
            [self._rows(asked, lows[0][0], steps)],
            [self._columns(asked, lows[0][1], steps)],
        )
        if len(lows) > 1:
            tall.append(self._rows(asked, lows[2][0], steps))
            wide.append(self._columns(asked, lows[1][1], steps))
        found = []
        for again, low in enumerate(lows):
            rows, columns = tall[again >> 1], wide[again & 1]
            taken = self._taken(asked, low, steps) if node.work.parts else (rows, columns)
            found.append(spent(self.facts.cost, asked.added, rows, columns, rows * across, taken))
        return found

    def _rows(self, asked: Asked, low: Ints, steps: Ints) -> Ints | int:
        height = asked.added.tensor.height
        return computed(asked.rate[0], low, asked.high[0], height, asked.start[0], steps[0])

    def _columns(self, asked: Asked, low: Ints, steps: Ints) -> Ints | int:
        """Columns at the borders of strips are computed in both."""
        width, grid, high = asked.added.tensor.width, self.grid, asked.high[1]
        rate = np.maximum(asked.rate[1], 1)
        low = np.where(asked.full, high - rate, low)
        columns = computed(rate, low, high, width, asked.start[1], steps[1])
        if self.striped:
            strips, in_strip = grid.strips[asked.walks], grid.strip_steps[asked.walks]
            last = (in_strip - 1) * rate + high
            again = covered(in_strip * rate, asked.left, last, width, strips * 0, strips)
            again = np.where(grid.single[asked.walks], again, np.maximum(columns, again))
            columns = np.where(strips > 1, again, columns)
        return columns

    def _taken(self, asked: Asked, low: Ints, steps: Ints) -> tuple[Ints | int, Ints | int]:
        """Rows and columns of its input that a block reads over a stage."""
        ((number, window),) = windows(asked.added.node.operands[:1])
        x = self.facts.network.tensors[number]
        rate = np.maximum(window.below(asked.rate)[0], 1)
        lo, hi = window.first(low), window.highest(asked.high)
        tall, wide = (
            computed(rate[i], lo[i], hi[i], size, asked.start[i], steps[i])
            for i, size in enumerate((x.height, x.width))
        )
        return tall, np.where(asked.full, x.width, wide)

    def _sink(self, asked: Asked) -> Floats:
        """A sink takes every pixel once, in a call a row of every tile."""
        x = self.facts.network.tensors[measured_tensor(asked.added.node)]
        tiles = np.where(asked.full, 1, -(-x.width // np.maximum(asked.rate[1], 1)))
        size, calls = (x.height, x.width), x.height * tiles
        return spent(self.facts.cost, asked.added, *size, calls, size, x.channels)


def spent(
    cost: CostModel,
    added: Added,
    rows: Ints | int,
    columns: Ints | int,
    calls: Ints,
    taken: tuple[Ints | int, Ints | int],
    channels: int | None = None,
) -> Floats:
    """`CostModel.node` over arrays."""
    work = added.node.work
    if not work.parts:
        kernel = cost.kernel(work.key)
        channels = added.tensor.channels if channels is None else channels
        pixel = kernel.per_mac * work.macs + kernel.per_output * channels
        each = kernel.per_call + kernel.per_call_channel * channels
        return np.asarray(rows * columns * pixel + calls * each, dtype=np.float64)
    across, total = calls // np.maximum(1, rows), np.zeros(calls.size)
    for part in work.parts:
        tall, wide = taken if part.of_input else (rows, columns)
        kernel = cost.kernel(part.key)
        pixel = kernel.per_mac * part.macs + kernel.per_output * part.channels
        total += tall * wide * pixel
        each = kernel.per_call + kernel.per_call_channel * (part.channels // part.calls)
        total += tall * across * part.calls * each
    return total
