"""Where the tensors of a stage are held: whole tensors, rings, tiles with their caches, scratch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mcucc.ir.kernel import Granularity
from mcucc.schedule.expand.axis import Track
from mcucc.schedule.expand.stage_ranges import StageRanges
from mcucc.schedule.expand.strips import Across
from mcucc.schedule.plan.buffers import Buffer, BufferId, BufferKind, Part
from mcucc.schedule.plan.plan import EdgePlan, Form
from mcucc.schedule.plan.program import Copy, Deliver, Receive, Storage
from mcucc.schedule.plan.spans import EMPTY, Range

# Copies before the node that makes a tensor, and after the last node of the stage that reads it.
Copies = tuple[Sequence[Copy], Sequence[Copy]]
NO_COPIES: Copies = ((), ())


class StageBuffers:
    """Lays out the tensors of a stage one by one; `buffers` and `storage` collect what it adds.

    `known` are the buffers of earlier stages of its chain, `rings` the slots of tensors that its
    stages hand to each other, `chain_end` the position after the chain's last node.
    """

    def __init__(
        self,
        ranges: StageRanges,
        known: Mapping[BufferId, Buffer],
        rings: Mapping[int, int],
        chain_end: int,
    ) -> None:
        self.ranges, self.net = ranges, ranges.net
        self.known, self.rings, self.chain_end = known, rings, chain_end
        self.buffers: dict[BufferId, Buffer] = {}
        self.storage: dict[str, Storage] = {}
        self.produced: dict[int, Track] = {}  # rows of inputs, as their sources hand them over

    def input(self, tensor: int) -> None:
        """A tensor that an earlier stage makes, or an image that is in the arena from the start."""
        name = self.net.tensors[tensor].name
        if tensor in self.rings:
            self.storage[name] = Storage(None, BufferId(name, Part.RING))
        else:
            self._whole(tensor)

    def source(self, tensor: int) -> Receive:
        """A ring for the rows of an image, and what its source hands over at each step."""
        facts, ranges = self.net.tensors[tensor], self.ranges
        if ranges.plan.strips > 1 and facts.source is not None and facts.source.once:
            raise ranges.error("strips read the image again, and rows of a camera come only once")
        track = ranges.rows.tracks.get(tensor)
        # Later stages need the image too: it stays, and is complete when this stage is done.
        whole = facts.last >= ranges.end or track is None
        slots = facts.height if whole or track is None else min(facts.height, track.held)
        buffer = self._add(tensor, Part.WHOLE, BufferKind.IMAGE, slots, facts.width)
        self.storage[facts.name] = Storage(None, buffer)
        beside = any(ranges.end <= reader < self.chain_end for reader in self.net.readers(tensor))
        if track is None or beside:
            ends: tuple[int, ...] = (facts.height,) * ranges.rows.steps
        else:
            ends = (*track.ends[:-1], facts.height) if whole else track.ends
        rows = tuple(_new(ends[step - 1] if step else 0, end) for step, end in enumerate(ends))
        if track is not None:
            self.produced[tensor] = replace(track, ranges=rows)
        # Whole rows come, at the first column step of a strip.
        begins = {begin for begin, _ in ranges.columns.strips}
        steps = range(ranges.columns.steps)
        columns = tuple((0, facts.width) if step in begins else EMPTY for step in steps)
        return Receive(facts.name, buffer, rows, columns)

    def output(self, tensor: int) -> Copies:
        """A tensor that a node of the stage makes."""
        facts, rows = self.net.tensors[tensor], self.ranges.rows
        node = self.net.nodes[facts.producer]
        if tensor in self.rings:
            ring = self._add(tensor, Part.RING, BufferKind.RING, self.rings[tensor], facts.width)
            self.storage[facts.name] = Storage(None, ring)
            return NO_COPIES
        sink = node.granularity is Granularity.SINK
        if facts.leaves:
            self._leaving(tensor)
            return NO_COPIES
        if sink or tensor in self.ranges.kept or facts.last < 0 or tensor not in rows.tracks:
            self._whole(tensor)
            return NO_COPIES
        down, across = rows.tracks[tensor], self.ranges.columns.tracks[tensor]
        edge = self.ranges.edge(tensor)
        if edge.form is Form.RING and (down.cached or across.cached):
            slots = min(down.size, down.held)
            ring = self._add(
                tensor, Part.RING, BufferKind.RING, slots, across.width, across.origins
            )
            self.storage[facts.name] = Storage(None, ring)
            return NO_COPIES
        return self._tile(tensor, down, across, edge)

    def deliver(self, tensor: int) -> Deliver:
        """What of an output that leaves is handed out at each step: rows complete with the last
        column step, which in a stage of several strips is that of the last strip."""
        facts, ranges = self.net.tensors[tensor], self.ranges
        steps = ranges.columns.steps
        columns = (*(EMPTY,) * (steps - 1), (0, facts.width))
        rows = ranges.rows.tracks[tensor].ranges
        return Deliver(facts.name, BufferId(facts.name), rows, columns)

    def scratch(self, node: str, tensor: int, size: int) -> BufferId:
        """Bytes that a node works with while it makes a tensor."""
        buffer, made = BufferId(node, Part.SCRATCH), self.net.tensors[tensor].name
        self.buffers[buffer] = Buffer(buffer, made, BufferKind.SCRATCH, 1, size, 1)
        return buffer

    def _add(
        self,
        tensor: int,
        part: Part,
        kind: BufferKind,
        slots: int,
        pixels: int,
        origins: tuple[int, ...] = (),
    ) -> BufferId:
        """A buffer of rows of so many pixels; `origins` are its left edge at each column step."""
        facts = self.net.tensors[tensor]
        buffer, pitch = BufferId(facts.name, part), pixels * facts.pixel_bytes
        self.buffers[buffer] = Buffer(
            buffer, facts.name, kind, slots, pitch, facts.pixel_bytes, origins
        )
        return buffer

    def _whole(self, tensor: int) -> None:
        """A whole tensor; an alias is another name of its root's bytes."""
        facts = self.net.tensors[tensor]
        whole = BufferId(facts.name)
        if whole not in self.known:
            self._add(tensor, Part.WHOLE, self.net.kind(tensor), facts.height, facts.width)
        self.storage[facts.name] = Storage(None, whole)

    def _leaving(self, tensor: int) -> None:
        """The rows of an output that one row step makes; all where strips make parts of rows."""
        facts = self.net.tensors[tensor]
        whole = self.ranges.plan.strips > 1
        slots = facts.height if whole else self.ranges.rows.tracks[tensor].tallest
        rows = self._add(tensor, Part.WHOLE, BufferKind.OUTPUT, max(1, slots), facts.width)
        self.storage[facts.name] = Storage(None, rows)

    def _tile(self, tensor: int, down: Track, across: Across, edge: EdgePlan) -> Copies:
        """A tile for what a step computes, caches for what the next steps read of it.

        Columns of the step before are copied into the tile ahead of the node, or slide left in it.
        Rows are copied out once no later column step of this row step reads them here.
        """
        name = self.net.tensors[tensor].name
        slots = max(1, down.tallest)
        tile = self._add(tensor, Part.TILE, BufferKind.TILE, slots, across.held, across.lefts)
        load: list[Copy] = []
        save: list[Copy] = []
        carried = across.carried
        if across.left_over and any(a < b for a, b in carried):
            if edge.form is Form.SLIDE:
                save.append(Copy(name, tile, tile, 1, down.ranges, carried))
            else:
                widest = max(b - a for a, b in carried)
                cache = self._add(
                    tensor, Part.COLUMNS, BufferKind.COLUMN_CACHE, slots, widest, across.keep
                )
                before = (EMPTY, *carried[:-1])
                load.append(Copy(name, cache, tile, 0, down.ranges, before))
                save.append(Copy(name, tile, cache, 1, down.ranges, carried))
        if not (down.cached and down.left_over):
            self.storage[name] = Storage(tile, None)
            return load, save
        rows = self._add(
            tensor, Part.ROWS, BufferKind.ROW_CACHE, down.cached, across.width, across.origins
        )
        # First of all: sliding moves the columns that the cache takes.
        save.insert(0, Copy(name, tile, rows, 0, down.lasting, across.retired))
        self.storage[name] = Storage(tile, rows, down.ranges)
        return load, save


def _new(begin: int, end: int) -> Range:
    return (begin, end) if begin < end else EMPTY
