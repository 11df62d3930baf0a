"""The least that a stage needs: bytes certainly in use at one moment, recomputation at its price.

A moment is an action of a step: node n computes, in row step t, in a column step in the middle of
a row. Of every tensor then counts what its plan cannot do without (`bound_axis`): held rows where
rows are cached, the columns of a halo, the tile while it is made and read; nothing where it is
computed again. The latter costs, and a price in bytes of a unit of cost makes one number of both:
the least over the ways to hold each tensor, summed. The largest moment counts, then the least tile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import Granularity
from mcucc.schedule.expand.planner_graph import PlannerNode
from mcucc.schedule.expand.rates import COLUMNS, ROWS
from mcucc.schedule.search.bound_axis import AHEAD, AxisWalk, Booleans, Made, before
from mcucc.schedule.search.bound_facts import BoundFacts
from mcucc.schedule.search.bound_moments import Again, Moments, Way, merged, reach, samples

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class StageBound:
    """The walk backwards from node `end` - 1, for all tiles and prices at once."""

    def __init__(
        self,
        facts: BoundFacts,
        end: int,
        heights: Sequence[int],
        widths: Sequence[int],
        prices: Floats,
    ) -> None:
        self.facts, self.net, self.end = facts, facts.net, end
        self.price = prices[:, None, None, None]
        self.rows = AxisWalk(self.net, end, ROWS, heights, facts.rows, facts.rows_read)
        self.columns = AxisWalk(self.net, end, COLUMNS, widths, facts.columns, facts.columns_read)
        self.sampled = AHEAD + samples(self.rows.steps)  # indices of row steps
        self.many = ~self.columns.whole[None, :, None]
        self.inner = self.many & (self.columns.steps > 2)[None, :, None]  # not the last of a row
        self.middle = AHEAD + self.columns.steps[:, None] // 2  # index of a column step
        shape = (prices.size, len(heights), len(widths), self.sampled.shape[1])
        self.later: Floats = np.zeros(shape)  # tensors that nodes behind the next one make
        self.moments: list[Moments] = []
        self.outputs: dict[int, Floats] = {}
        self.images: set[int] = set()  # that count with the tensor made of them
        # The largest call by itself, whatever step it comes in: (rows, columns).
        self.call: Floats = np.zeros((len(heights), len(widths)))

    def values(self, caps: Floats) -> Iterator[tuple[int, Floats]]:
        """(begin, least bytes + price x cost by price) of stages [begin, end), the shortest first.

        Cost is that above the least of the nodes. What is above `caps` by price does not count: a
        stage that cannot be, or only above them, is left out.
        """
        for position in range(self.end - 1, -1, -1):
            if not self._step(position):
                return
            self._drop(caps)
            if not (self.rows.valid.any() and self.columns.valid.any()):
                return
            value = np.maximum(self._largest(position).max(axis=3), self._apart(position))
            value[:, ~self.rows.valid] = np.inf
            value[:, :, ~self.columns.valid] = np.inf
            yield position, value.min(axis=(1, 2))

    def _drop(self, caps: Floats) -> None:
        """Leave out tiles that are above the caps already, whatever comes in front."""
        inside = np.maximum.reduce([moment.bytes for moment in self.moments]).max(axis=3)
        over = (np.maximum(inside, self.call) > caps[:, None, None]).all(axis=0)
        over |= ~self.rows.valid[:, None] | ~self.columns.valid[None, :]
        tall, wide = np.flatnonzero(~over.all(axis=1)), np.flatnonzero(~over.all(axis=0))
        if tall.size < over.shape[0] or wide.size < over.shape[1]:
            self._take(tall, wide)

    def _take(self, tall: npt.NDArray[np.intp], wide: npt.NDArray[np.intp]) -> None:
        """Go on with these heights and widths."""
        self.rows.keep(tall)
        self.columns.keep(wide)
        at = np.ix_(tall, wide)
        self.sampled, self.middle = self.sampled[tall], self.middle[wide]
        self.many, self.inner = self.many[:, wide], self.inner[:, wide]
        self.call = self.call[at]

        def cut(bytes_: Floats) -> Floats:
            found = bytes_ if bytes_.shape[1] == 1 else bytes_[:, tall]
            return found if found.shape[2] == 1 else found[:, :, wide]

        self.later = cut(self.later)
        for moment in self.moments:
            moment.bytes = cut(moment.bytes)
        self.outputs = {number: cut(bytes_) for number, bytes_ in self.outputs.items()}

    def _step(self, position: int) -> bool:
        """Add a node in front; False where no stage holds it."""
        node = self.net.nodes[position]
        rows, columns = self.rows, self.columns
        if not node.streams:
            return False
        sink = node.granularity is Granularity.SINK
        if sink and node.output in rows.asked:
            return False
        first = self._others(position)
        down = rows.add(position, first)
        across = columns.add(position, np.zeros_like(columns.whole))
        if down is None or across is None:
            return False
        if sink:
            state = float(node.scratch_bytes)
            own = self.later + state
            self._add_all(state, state)
        elif self.net.tensors[node.output].stored(self.end):
            earlier, now = self._written(node, down, across)
            if self.net.tensors[node.output].leaves:
                earlier, now = earlier * 0.0, now * 0.0
            self.outputs[node.output] = now
            busy = self._at(down.fresh) > 0
            own = self.later + now + busy * self._scratch(position, down, across)
            self._add_all(earlier, now)
        else:
            own = self._inside(node, position, down, across, first)
        self._add_all(*[self.price * self._calls(node, position, across)] * 2)
        own = own + self.price * self._calls(node, position, across)
        self.moments.append(Moments(position, position, own))
        self.moments = merged(self.moments, {asked.last for asked in self.rows.asked.values()})
        if not sink:
            self._call(node, down, across)
        return True

    def _others(self, position: int) -> Booleans:
        """Tiles of all rows once more, as those that make rows of this node's output, and of none
        behind it, in another step. These tiles; all others make everything in one step."""
        count, more = self.rows.tiles.size, self.rows.apart(position)
        if more.size:
            self._take(np.append(np.arange(count), more), np.arange(self.columns.tiles.size))
            self.rows.whole[count:] = False
        return np.arange(count + more.size) >= count

    def _add_all(self, later: float | Floats, now: float | Floats) -> None:
        """Bytes that count at all moments there are, and at those of nodes in front."""
        for moment in self.moments:
            moment.bytes = moment.bytes + now
        self.later = self.later + later

    def _call(self, node: PlannerNode, down: Made, across: Made) -> None:
        """What a call reads and makes in the step in which it makes the most rows and columns."""
        tall, wide = self.rows.most(down), self.columns.most(across)
        inside = not self.net.tensors[node.output].stored(self.end)
        in_place = any(node.node.kernel.in_place(k) for k in range(len(node.operands)))
        total: npt.NDArray[Any] = np.zeros(self.call.shape)
        if inside and not in_place and node.output not in self.facts.split_inside[1]:
            total = np.outer(tall, wide) * float(self.net.tensors[node.output].pixel_bytes)
        for operand in node.operands[:1]:
            if operand.rows is None or operand.columns is None:
                continue
            facts = self.net.tensors[operand.tensor]
            # Such a tensor, or one that it is a view of, counts whole as long as the stage works.
            beside = self.net.tensors[facts.root].stored(self.end)
            if beside or operand.tensor in self.facts.split_inside[0] | self.facts.split_inside[1]:
                continue
            rows = reach(tall, operand.rows, facts.height, self.net.tensors[node.output].height)
            columns = reach(wide, operand.columns, facts.width, self.net.tensors[node.output].width)
            if facts.source is not None:
                columns = np.full_like(columns, facts.width)
            total = total + np.outer(rows, columns) * float(facts.pixel_bytes)
        self.call = np.maximum(self.call, total)

    def _apart(self, begin: int) -> Floats:
        """Bytes before the loops, in the largest call, after the loops: (rows, columns)."""
        alive = self.facts.alive
        beside = self.facts.across(begin, self.end)
        return np.maximum(self.call + beside, max(alive[begin], alive[self.end]))

    def _calls(self, node: PlannerNode, position: int, across: Made) -> Floats:
        """Cost of more than one call a row: (rows, columns, steps) but for the prices."""
        rows, columns = self.facts.made(node)
        steps = np.minimum(-(-columns // np.maximum(across.rate, 1)), self.columns.steps)
        steps = np.where(self.columns.whole, 1, np.maximum(1, steps))
        cost = self.facts.prices[position].call * rows * (steps - 1.0)
        return np.asarray(cost[None, :, None])

    # Tensors inside ---------------------------------------------------------------------------

    def _inside(
        self, node: PlannerNode, position: int, down: Made, across: Made, first: Booleans
    ) -> Floats:
        """Count a tensor inside the stage; returns the bytes at its own node's moment."""
        assert down.asked is not None
        ways = self._ways(node, position, down, across)
        in_place = any(node.node.kernel.in_place(k) for k in range(len(node.operands)))
        again = self._in_front(position, Again.of(down))
        again = again + np.where(first, np.inf, 0.0)[:, None, None]
        costs = [self.price * way.cost + (again if way.again else 0.0) for way in ways]

        def least(bytes_: Callable[[Way], Floats]) -> Floats:
            found = [bytes_(way) + cost for way, cost in zip(ways, costs, strict=True)]
            return reduce(np.minimum, found)

        after = least(lambda way: way.after + way.image_after)
        live = least(lambda way: way.live + way.image_after)
        for moment in self.moments:
            moment.bytes = moment.bytes + (live if moment.first <= down.asked.last else after)
        filled = least(
            lambda way: (way.in_place if in_place else way.live) + way.scratch + way.image
        )
        own = self.later + filled
        self.later = self.later + least(lambda way: way.before + way.image)
        return own

    def _ways(self, node: PlannerNode, position: int, down: Made, across: Made) -> list[Way]:
        """The ways to hold a tensor: rows and columns kept or computed again, or in groups."""
        facts = self.net.tensors[node.output]
        held = down.held.astype(float) * facts.row_bytes
        old, new = self._at(before(held)), self._at(held)
        busy = self._at(down.fresh) > 0
        fresh = busy * down.fresh.max(axis=1)[:, None, None] * float(facts.pixel_bytes)
        ring = self._at(down.fresh) * float(facts.row_bytes)  # whole rows, but only those there
        need = self._at(down.needed) * float(facts.pixel_bytes)
        wide = np.maximum(1, across.widest)[None, :, None]
        again = np.maximum(1, across.needed.max(axis=1))[None, :, None]
        # A ring has no halo, but holds whole rows in steps that are not the first or last of a row.
        side = self.inner * across.held.max(axis=1)[None, :, None]
        expanded, filtered = self.facts.split_inside
        if node.output in filtered:
            wide = again = np.zeros_like(wide)
        scratch = self._scratch(position, down, across)
        rows, columns, both = self._again(node, position, down, across)
        until, after, loose, loose_after = self._image(node, position)
        none = np.zeros((1, 1, 1))
        kept, made = (until, after), (loose, loose_after)
        some, sure = busy * scratch, (need > 0) * scratch
        tile, halo = np.minimum(fresh * wide, ring), np.minimum(fresh * side, ring)
        narrow = np.minimum(fresh * again, ring)
        ways = [
            Way(old + halo, np.minimum(new + halo, old + ring), old + tile, old, some, *kept, none),
            Way(old, new, old + narrow, old, some, *kept, columns),
            Way(need * side, need * side, need * wide, none, sure, *made, rows, again=True),
            Way(none, none, need * again, none, sure, *made, both, again=True),
        ]
        if node.output in expanded:  # by groups of channels: never there
            ways.append(Way(none, none, none, none, none, *made, both, again=True))
        return ways

    def _in_front(self, position: int, again: Again) -> Floats:
        """What it takes that a node computes rows again: what it reads is kept for so much longer,
        or computed again as well. Bytes + price x cost: (prices, rows, 1, steps)."""
        node, total = self.net.nodes[position], np.zeros((1, 1, 1, 1))
        for number, window in {o.tensor: o.rows for o in node.operands}.items():
            facts = self.net.tensors[number]
            if facts.producer < 0 or facts.root != number or facts.stored(self.end):
                continue
            if window is None or window.upsample > 1 or self.net.readers(number) != (position,):
                continue
            front = again.through(window, facts.height, self.facts.rows[node.output][1])
            kept = self._at(front.rows)[None] * float(facts.row_bytes)
            price = self.facts.prices[facts.producer].pixel * self.facts.columns_read[number]
            repeated = self.price * (price * front.times)[:, None, None]
            total = total + np.minimum(kept, repeated + self._in_front(facts.producer, front))
        return np.asarray(total)

    def _at(self, steps: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The row steps that are looked at: (rows, 1, steps)."""
        found = np.take_along_axis(steps, self.sampled, 1)
        return found.reshape(found.shape[0], 1, found.shape[1])

    def _image(self, node: PlannerNode, position: int) -> tuple[Floats, Floats, Floats, Floats]:
        """Bytes of an image by rows that only this node reads, before and after its action: where
        the node's output is cached (twice), and where it is not."""
        operands = {o.tensor for o in node.operands if o.rows is not None}
        none = np.zeros((1, 1, 1))
        found = (none, none, none, none)
        for number in operands:
            facts = self.net.tensors[number]
            if facts.source is None or (facts.born, facts.last) != (position, position):
                continue
            self.images.add(number)
            asked = self.rows.asked[number]
            old, new = self._at(before(asked.keep)), self._at(asked.keep)
            ends = self._at(asked.high), self._at(asked.low)
            until = [np.maximum(0, end - old) * float(facts.row_bytes) for end in ends]
            after = [np.maximum(0, end - new) * float(facts.row_bytes) for end in ends]
            after = [np.where(self.inner, u, a) for u, a in zip(until, after, strict=True)]
            found = (until[0], after[0], until[1], after[1])
        return found

    def _again(
        self, node: PlannerNode, position: int, down: Made, across: Made
    ) -> tuple[Floats, Floats, Floats]:
        """Cost of rows, of columns, of both computed at each step that reads them: (rows, columns,
        1)."""
        price = self.facts.prices[position]
        rows, columns = self.facts.made(node)
        assert down.asked is not None and across.asked is not None
        tall = (rows + down.asked.again)[:, None, None].astype(float)
        wide = (columns + across.asked.again)[None, :, None].astype(float)
        return (
            price.pixel * (tall - rows) * columns + 0.0 * wide,
            price.pixel * rows * (wide - columns) + 0.0 * tall,
            price.pixel * (tall * wide - rows * columns),
        )

    def _scratch(self, position: int, down: Made, across: Made) -> Floats:
        """Bytes that the node's call works with: (rows, columns, 1)."""
        if not self.net.nodes[position].scratch_bytes:
            return np.zeros((1, 1, 1))
        wide, tall = self.columns.most_new(across), self.rows.most_new(down)
        found = [[self.facts.scratch(position, int(w), int(h)) for w in wide] for h in tall]
        return np.array(found, dtype=float)[:, :, None]

    # Tensors that are there whole -------------------------------------------------------------

    def _written(self, node: PlannerNode, down: Made, across: Made) -> tuple[Floats, Floats]:
        """Bytes up to the last pixel made of an output, before and after its node's action."""
        facts = self.net.tensors[node.output]
        old, new = self._at(before(down.high)), self._at(down.high)
        right = np.take_along_axis(across.high, self.middle - 1, 1)[:, 0][None, :, None]
        last = (new - 1) * facts.row_bytes + right * facts.pixel_bytes
        step = np.where(
            (new > old) & (right > 0),
            np.maximum(last, old * facts.row_bytes),
            old * facts.row_bytes,
        )
        earlier = np.where(self.many, step, old * facts.row_bytes).astype(float)
        now = np.where(self.many, step, new * facts.row_bytes).astype(float)
        return earlier[None], now[None]

    def _largest(self, begin: int) -> Floats:
        """The largest moment of the stage that begins here."""
        beside, ends = self._beside(begin)
        found: list[Floats] = []
        for moment in self.moments:
            total = moment.bytes + beside
            for last, until, after, shared in ends:
                whole = until if moment.first <= last else after
                total = total + whole - np.minimum(whole, shared)
            found.append(total)
        return reduce(np.maximum, found)

    def _beside(self, begin: int) -> tuple[int, list[tuple[int, Floats, Floats, Floats]]]:
        """Bytes of tensors that are whole all the time, and what is left of those that die.

        For those: their last reader, bytes until it is done and after (in a step in the middle of a
        row), bytes of an output that may take their place.
        """
        beside, ends = 0, []
        for number, tensor in enumerate(self.net.tensors):
            if tensor.root != number or not tensor.born < self.end or number in self.images:
                continue
            dies = tensor.last < self.end and number in self.rows.asked
            arrives = tensor.arrives(begin) and number in self.rows.asked
            if (not (dies or arrives) and tensor.born < begin <= tensor.last) or (
                arrives and not dies
            ):
                beside += tensor.size
            elif dies:
                ends.append(self._dying(number, begin))
        return beside, ends

    def _dying(self, number: int, begin: int) -> tuple[int, Floats, Floats, Floats]:
        """An input that no later stage reads."""
        facts, asked = self.net.tensors[number], self.rows.asked[number]
        keep, next_keep = self._at(before(asked.keep)), self._at(asked.keep)
        if facts.arrives(begin):
            end = self._at(asked.low)
            until = np.maximum(0, end - keep) * facts.row_bytes
            after = np.maximum(0, end - next_keep) * facts.row_bytes
        else:
            left = np.take_along_axis(self.columns.asked[number].keep, self.middle, 1)[:, 0]
            gone = np.where(self.many, left[None, :, None], 0) * facts.pixel_bytes
            until = facts.size - np.minimum(facts.size, keep * facts.row_bytes + gone)
            after = facts.size - next_keep * facts.row_bytes
            # Readers that run ahead are through with the row in the middle of it.
            done = self.many & (left >= facts.width)[None, :, None]
            until = np.where(done, np.minimum(until, after), until)
        after = np.where(self.inner, until, after)
        return asked.last, until.astype(float), after.astype(float), self._in_place(number, begin)

    def _in_place(self, number: int, begin: int) -> Floats:
        """Bytes of outputs that nodes may write over an input of the stage."""
        shared: Floats = np.zeros(1)
        for node in self.net.nodes[begin : self.end]:
            for k, operand in enumerate(node.operands):
                written = operand.tensor == number and node.output in self.outputs
                if written and node.node.kernel.in_place(k):
                    shared = np.maximum(shared, self.outputs[node.output])
        return shared
