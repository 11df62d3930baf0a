"""The cost of a node that is added to walks: pixels computed again, calls, copies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcucc.schedule.expand.rates import measured_tensor
from mcucc.schedule.search.costs import Price
from mcucc.schedule.search.facts import SearchFacts
from mcucc.schedule.search.stages import Floats, Ints
from mcucc.schedule.search.walks.choices import Choices
from mcucc.schedule.search.walks.geometry import Added, Geometry, windows
from mcucc.schedule.search.walks.grid import sinks

_COLUMNS = np.array([[False], [True]])  # of both axes


def covered(rate: Ints, lo: Ints, hi: Ints, size: Ints | int, first: Ints, last: Ints) -> Ints:
    """Positions [rate t + lo, rate t + hi) of steps [first, last), within [0, size): `covered`.

    A step has clip(rate t + hi, 0, size) - clip(rate t + lo, 0, size): two arithmetic series.
    """
    first, at = np.minimum(first, last), np.stack([lo, hi])
    begin = np.minimum(np.maximum(-at // rate + 1, first), last)  # first step above 0
    end = np.minimum(np.maximum(-((at - size) // rate), begin), last)  # first step at `size`
    rising = (end - begin) * at + rate * ((begin + end - 1) * (end - begin) // 2)
    below: Ints = rising + size * (last - end)
    found: Ints = below[1] - below[0]
    return found


def computed(rate: Ints, lo: Ints, hi: Ints, size: Ints, start: Ints, steps: Ints) -> Ints:
    """Positions computed over a stage; cached ones once each, from their first step on."""
    again = hi - lo != rate
    if not again.any():
        return np.broadcast_to(size, again.shape)
    first = np.maximum(start, -hi // rate + 1)
    return np.where(again, covered(rate, lo, hi, size, first, steps), size)


class Pricing:
    """Costs of a network's nodes above the least possible; `facts` of all kinds of walks."""

    def __init__(self, facts: Sequence[SearchFacts], geometry: Geometry) -> None:
        self.facts, self.geometry = facts, geometry

    def costs(self, asked: Added, ways: Choices) -> Floats:
        """By way and state."""
        costs = [each.costs_of(each.network.nodes[asked.position]) for each in self.facts]
        (least, *price) = costs[0]
        if any(each != costs[0] for each in costs[1:]):
            least, *price = np.array(costs).T[:, self.geometry.kind[asked.walks]]
        above = np.maximum(0.0, self._spent(asked, ways, Price(*price)) - least)
        found = above[ways.again] if len(above) > 1 else np.broadcast_to(above, ways.valid.shape)
        per_byte = self.facts[0].cost.per_copied_byte
        return found + ways.persistent * (asked.steps[0] * per_byte) if per_byte else found

    def _spent(self, asked: Added, ways: Choices, price: Price) -> Floats:
        """By what is computed again."""
        tensor = self.geometry.network.tensors[measured_tensor(asked.node)]
        rate, sink = np.maximum(asked.rate, 1), sinks(asked.node)
        across = np.where(asked.full, 1, -(-tensor.width // rate[1]))
        counts = np.empty((1 if sink else ways.policies, *rate.shape), dtype=np.int64)
        counts[:, 0], counts[:, 1] = tensor.height, tensor.width
        if len(counts) > 1:
            size = np.array([[tensor.height], [tensor.width]])
            own = computed(rate, ways.own, asked.high, size, asked.start, asked.steps)
            counts[1] = np.where(asked.full & _COLUMNS, size, own)
        if self.geometry.striped and not sink:
            counts[:, 1] = self._bordered(asked, rate[1], counts[:, 1])
        tall, wide = counts[:, 0], counts[:, 1]
        found = tall[:, None] * (wide * price.pixel + across * price.call)
        if asked.node.work.parts:
            counts = self._taken(asked, ways)
            tall, wide = counts[:, 0], counts[:, 1]
            found = found + tall[:, None] * (wide * price.taken_pixel + across * price.taken_call)
        return found.reshape(-1, across.size)

    def _bordered(self, asked: Added, rate: Ints, columns: Ints) -> Ints:
        """Columns at the borders of strips are computed in both."""
        width, grid, high = asked.tensor.width, self.geometry.grid, asked.high[1]
        strips, in_strip = grid.strips[asked.walks], grid.strip_steps[asked.walks]
        last = (in_strip - 1) * rate + high
        again = covered(in_strip * rate, asked.left, last, width, strips * 0, strips)
        again = np.where(grid.single[asked.walks], again, np.maximum(columns, again))
        return np.where(strips > 1, again, columns)

    def _taken(self, asked: Added, ways: Choices) -> Ints:
        """Rows and columns of its input that a block reads over a stage: (policy, axis, state)."""
        ((number, window),) = windows(asked.node.operands[:1])
        x = self.geometry.network.tensors[number]
        rate = np.maximum(window.below(asked.rate)[0], 1)
        lo = window.first(np.array([ways.new, ways.own][: ways.policies]))
        hi, size = window.highest(asked.high) + lo * 0, np.array([[x.height], [x.width]])
        found = computed(rate, lo, hi, size, asked.start, asked.steps)
        return np.where(asked.full & _COLUMNS, size, found)
