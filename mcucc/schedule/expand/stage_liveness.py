"""Which bytes of a buffer are live at the times of one stage.

Caches and rings count whole rows: with several column steps, from the first of a row step (in a
strip) to the last. Tensors that a stage reads or makes as a whole count pixels, so that a result
may follow right behind the operand that it replaces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mcucc.schedule.arena.requests import Extents
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.expand.schedule_time import ByStage, StageTime
from mcucc.schedule.plan.buffers import Buffer, BufferId, BufferKind
from mcucc.schedule.plan.program import Copy
from mcucc.schedule.plan.spans import Range


class StageLiveness:
    """Live bytes of the buffers that a stage touches."""

    def __init__(
        self, net: PlannerGraph, time: StageTime, buffers: Mapping[BufferId, Buffer]
    ) -> None:
        self.net, self.time, self.buffers = net, time, buffers
        self.built, self.stage = time.built, time.stage
        self.rows, self.columns = self.built.rows, self.built.columns

    def number(self, buffer: Buffer) -> int:
        """The tensor that a buffer holds pixels of."""
        return self.net.number[buffer.tensor]

    def local(self) -> dict[BufferId, ByStage]:
        """Of the buffers that only this stage touches."""
        found: dict[BufferId, ByStage] = {}
        for id, uses in self.time.uses.items():
            buffer = self.buffers[id]
            if buffer.kind is BufferKind.TILE:
                found[id] = self._tile(buffer)
            elif buffer.kind is BufferKind.COLUMN_CACHE:
                found[id] = self._column_cache(buffer)
            elif buffer.kind is BufferKind.ROW_CACHE:
                found[id] = self.rolling(buffer)
            elif buffer.kind is BufferKind.RING:
                if self.number(buffer) not in self.time.chain.turns.rings:
                    found[id] = self.rolling(buffer)
            elif buffer.kind is BufferKind.SCRATCH:
                found[id] = self.time.timed(self._busy(buffer, uses[0], uses[0]))
        for id in self.stage.sinks.values():
            found[id] = self.time.always(self.buffers[id].size)
        return found

    def _busy(self, buffer: Buffer, first: int, last: int) -> Extents:
        """Wholly live from one action to another, in row steps that compute its tensor."""
        ranges = self.rows[self.number(buffer)].ranges
        steps = [step for step, (begin, end) in enumerate(ranges) if begin < end]
        grid = self.time.never()
        grid[steps, :, first : last + 1, 1] = buffer.size
        return grid

    def _tile(self, buffer: Buffer) -> ByStage:
        """From its first use to its last; one that slides carries columns to the next step."""
        uses = self.time.uses[buffer.id]
        copies = [action for action in self.stage.actions if isinstance(action, Copy)]
        slides = any(copy.source == copy.target == buffer.id for copy in copies)
        first, last = (0, self.time.body - 1) if slides else (min(uses), max(uses))
        return self.time.timed(self._busy(buffer, first, last))

    def _column_cache(self, buffer: Buffer) -> ByStage:
        """Not live between the load into the tile and the save out of it."""
        load, save = min(self.time.uses[buffer.id]), max(self.time.uses[buffer.id])
        grid = self._busy(buffer, 0, self.time.body - 1)
        grid[:, :, load + 1 : save, 1] = 0
        return self.time.timed(grid)

    def rolling(self, buffer: Buffer) -> ByStage:
        """A ring, a row cache, or an image by rows: the slots of rows made and still read."""
        cache = buffer.kind is BufferKind.ROW_CACHE
        last = max(self.time.uses[buffer.id])
        first = last if cache else self.time.writes[buffer.id]
        track = self.rows[self.number(buffer)]
        grid, between = self.time.never(), self.time.between()
        for step in range(self.stage.row_steps):
            before = track.ends[step - 1] if step else 0
            old = slots(buffer, track.keep[step], before)
            now = slots(buffer, track.lefts[step], track.ends[step])
            new = slots(buffer, track.keep[step + 1], track.ends[step])
            # A cache takes rows one column step after another: old and new ones lie in it together.
            grid[step] = _hull(old, new) if cache else now
            for begin, end in self.stage.strips:
                grid[step, begin, :first] = old
                grid[step, end - 1, last + 1 :] = new
            between[step + 1] = new
        return self.time.timed(grid, between)

    def read(self, tensor: int, buffer: Buffer, *, in_place: bool = False) -> ByStage:
        """A whole tensor whose last readers are here: from the lowest pixel still read.

        With `in_place` pixels count as dead while their last reader works on them.
        """
        down, across = self.rows.get(tensor), self.columns.get(tensor)
        if down is None or across is None:
            return self.time.always(buffer.size)
        lows = np.full((self.stage.row_steps, self.stage.column_steps), buffer.size, np.int64)
        begin, end, left, right = _grid(down.needs, across.needs)
        first = begin * buffer.pitch + left * buffer.pixel_bytes
        np.copyto(lows, first, where=(begin < end) & (left < right))
        # The lowest pixel that this iteration or a later one reads.
        following = np.append(lows[self.time.order], buffer.size)
        following = np.minimum.accumulate(following[::-1])[::-1]
        cut = max(self.time.uses[buffer.id]) + (0 if in_place else 1)
        grid = self.time.never()
        t, u = self.time.order
        grid[t, u, :, 0] = following[:-1, None]
        grid[t, u, cut:, 0] = following[1:, None]
        grid[..., 1] = buffer.size
        between = np.full((self.stage.row_steps + 1, 2), buffer.size, dtype=np.int64)
        between[:-1, 0] = grid[:, 0, 0, 0]
        return self.time.timed(grid, between, (buffer.size, 0))

    def leaving(self, tensor: int, buffer: Buffer) -> ByStage:
        """An output whose rows are handed out: from the first pixel of a row step to that.

        All of it where a stage of several strips makes parts of rows.
        """
        if len(self.stage.strips) > 1:
            return self.time.always(buffer.size)
        made, handed = self.time.writes[buffer.id], max(self.time.uses[buffer.id])
        grid = self._busy(buffer, 0, self.time.body - 1)
        grid[:, 0, :made, 1] = 0
        grid[:, -1, handed + 1 :, 1] = 0
        return self.time.timed(grid)

    def written(self, tensor: int, buffer: Buffer) -> ByStage:
        """A whole tensor made here for readers after this stage: up to the last pixel computed."""
        down, across = self.rows.get(tensor), self.columns.get(tensor)
        node = self.net.nodes[self.net.tensors[tensor].producer]
        if node.name in self.stage.sinks:
            return self.time.timed(self.time.never(), None, (0, buffer.size))
        if down is None or across is None or node.output != tensor:
            return self.time.always(buffer.size)
        highs = np.zeros((self.stage.row_steps, self.stage.column_steps), dtype=np.int64)
        begin, end, left, right = _grid(down.ranges, across.ranges)
        high = (end - 1) * buffer.pitch + right * buffer.pixel_bytes
        np.copyto(highs, high, where=(begin < end) & (left < right))
        written = np.append([0], np.maximum.accumulate(highs[self.time.order]))
        grid = self.time.never()
        t, u = self.time.order
        grid[t, u, :, 1] = written[1:, None]
        grid[t, u, : self.time.writes[buffer.id], 1] = written[:-1, None]
        between = self.time.between()
        between[1:, 1] = grid[:, -1, -1, 1]
        return self.time.timed(grid, between, (0, buffer.size))

    def last_reader(self, tensor: int) -> bool:
        """Whether only this stage of its chain reads a tensor from before, and none after it."""
        readers, chain = self.net.readers(tensor), self.time.chain
        here = [p for p in readers if self.built.begin <= p < self.built.end]
        beside = [p for p in readers if chain.begin <= p < chain.end]
        facts = self.net.tensors[tensor]
        return here == beside and facts.last < chain.end and facts.producer < chain.begin


def slots(buffer: Buffer, begin: int, end: int) -> tuple[int, int]:
    """Byte extent of rows [begin, end) in the slots of a buffer; all of it where they wrap."""
    if begin >= end:
        return 0, 0
    low, high = begin % buffer.slots, (end - 1) % buffer.slots
    if end - begin >= buffer.slots or low > high:
        return 0, buffer.size
    return low * buffer.pitch, (high + 1) * buffer.pitch


def _grid(rows: Sequence[Range], columns: Sequence[Range]) -> tuple[Extents, ...]:
    """Begins and ends of rows, (row steps, 1), and of columns, (1, column steps)."""
    down, across = np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64)
    return down[:, :1], down[:, 1:], across[None, :, 0], across[None, :, 1]


def _hull(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    if a[0] >= a[1]:
        return b
    if b[0] >= b[1]:
        return a
    return min(a[0], b[0]), max(a[1], b[1])
