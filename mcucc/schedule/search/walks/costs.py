"""The cost of a node that is added to walks: pixels computed again, calls, copies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcucc.schedule.expand.rates import measured_tensor
from mcucc.schedule.search.costs import CostModel
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.stages import Floats, Ints
from mcucc.schedule.search.walks.choices import Choices
from mcucc.schedule.search.walks.geometry import Added, Affine
from mcucc.schedule.search.walks.grid import Grid, sinks


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


def computed(rate: Ints, lo: Ints, hi: Ints, size: int, start: Ints, steps: Ints) -> Ints:
    """Positions computed over a stage; cached ones once each, from their first step on."""
    again = hi - lo != rate
    if not again.any():
        return np.full_like(lo, size)
    first = np.maximum(start, -hi // rate + 1)
    return np.where(again, covered(rate, lo, hi, size, first, steps), size)


@dataclass(frozen=True, eq=False)
class _States:
    """What of a node added to walks is asked in each state; pairs are rows, columns."""

    rate: Ints
    high: Ints
    start: Ints
    steps: Ints
    walks: Ints
    at: Ints  # places of the walks in `Added`


class Pricing:
    """Costs of a network's nodes above the least possible."""

    def __init__(self, facts: SearchFacts, grid: Grid) -> None:
        self.facts, self.grid = facts, grid

    def costs(self, added: Added, choices: Choices) -> Floats:
        """By way and state."""
        if sinks(added.node):
            cost = self._sink(added)[choices.at]
            return np.broadcast_to(cost, choices.valid.shape)
        at = choices.at
        walks = added.walks[at]
        of = _States(
            added.rate[:, at],
            added.high[:, at],
            added.start[:, at],
            self.grid.steps[:, walks],
            walks,
            at,
        )
        least = self.facts.least_cost(added.node)
        spent = np.array(
            [np.maximum(0.0, cost - least) for cost in self._spent(added, choices, of)]
        )
        per_byte = self.facts.cost.per_copied_byte
        found: Floats = spent[choices.again]
        return found + choices.persistent * of.steps[0] * per_byte if per_byte else found

    def _spent(self, added: Added, choices: Choices, of: _States) -> list[Floats]:
        """By what is computed again."""
        tensor, lows = added.tensor, choices.lows
        across = np.where(
            self.grid.full[of.walks], 1, -(-tensor.width // np.maximum(of.rate[1], 1))
        )
        tall = {0: self._rows(added, of, lows[0][0])}
        wide = {0: self._columns(added, of, lows[0][1])}
        if len(lows) > 1:
            tall[2], wide[1] = (
                self._rows(added, of, lows[2][0]),
                self._columns(added, of, lows[1][1]),
            )
        found = []
        for again, low in enumerate(lows):
            rows, columns = tall[again & 2], wide[again & 1]
            taken = self._taken(added, of, low) if added.node.work.parts else (rows, columns)
            found.append(spent(self.facts.cost, added, rows, columns, rows * across, taken))
        return found

    def _rows(self, added: Added, of: _States, low: Ints) -> Ints:
        return computed(of.rate[0], low, of.high[0], added.tensor.height, of.start[0], of.steps[0])

    def _columns(self, added: Added, of: _States, low: Ints) -> Ints:
        """Columns at the borders of strips are computed in both."""
        width, grid, full = added.tensor.width, self.grid, self.grid.full[of.walks]
        rate = np.maximum(of.rate[1], 1)
        low = np.where(full, of.high[1] - rate, low)
        columns = computed(rate, low, of.high[1], width, of.start[1], of.steps[1])
        strips = grid.strips[of.walks]
        if (strips > 1).any():
            in_strip = grid.strip_steps[of.walks]
            end = (in_strip - 1) * rate + of.high[1]
            left = added.left[of.at]
            again = covered(in_strip * rate, left, end, width, np.zeros_like(strips), strips)
            again = np.where(grid.single[of.walks], again, np.maximum(columns, again))
            columns = np.where(strips > 1, again, columns)
        return columns

    def _taken(self, added: Added, of: _States, low: Ints) -> tuple[Ints, Ints]:
        """Rows and columns of its input that a block reads over a stage."""
        operand = added.node.operands[0]
        x, window = self.facts.network.tensors[operand.tensor], Affine.of(operand)
        rate = np.maximum(window.below(of.rate)[0], 1)
        lo, hi = window.first(low), window.highest(of.high)
        tall, wide = (
            computed(rate[i], lo[i], hi[i], size, of.start[i], of.steps[i])
            for i, size in enumerate((x.height, x.width))
        )
        return tall, np.where(self.grid.full[of.walks], x.width, wide)

    def _sink(self, added: Added) -> Floats:
        """A sink takes every pixel once, in a call a row of every tile."""
        taken = self.facts.network.tensors[measured_tensor(added.node)]
        full = self.grid.full[added.walks]
        tiles = np.where(full, 1, -(-taken.width // np.maximum(added.rate[1], 1)))
        size = np.full_like(tiles, taken.height), np.full_like(tiles, taken.width)
        cost = spent(
            self.facts.cost, added, *size, taken.height * tiles, (size[0], size[1]), taken.channels
        )
        return cost - self.facts.least_cost(added.node)


def spent(
    cost: CostModel,
    added: Added,
    rows: Ints,
    columns: Ints,
    calls: Ints,
    taken: tuple[Ints, Ints],
    channels: int | None = None,
) -> Floats:
    """`CostModel.node` over arrays."""
    work = added.node.work
    if not work.parts:
        kernel = cost.kernel(work.key)
        channels = added.tensor.channels if channels is None else channels
        pixel = kernel.per_mac * work.macs + kernel.per_output * channels
        found: Floats = rows * columns * pixel + calls * (
            kernel.per_call + kernel.per_call_channel * channels
        )
        return found
    across = calls // np.maximum(1, rows)
    total = np.zeros(rows.size)
    for part in work.parts:
        tall, wide = taken if part.of_input else (rows, columns)
        kernel = cost.kernel(part.key)
        pixel = kernel.per_mac * part.macs + kernel.per_output * part.channels
        total = total + tall * wide * pixel
        each = kernel.per_call + kernel.per_call_channel * (part.channels // part.calls)
        total = total + tall * across * part.calls * each
    return total
