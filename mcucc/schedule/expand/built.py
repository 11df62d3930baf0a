"""A stage of a program with what its live ranges follow from: its body and its tracks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mcucc.ir.integer import IntegerNode
from mcucc.ir.kernel import Granularity
from mcucc.schedule.expand.axis import Track
from mcucc.schedule.expand.chains import Interleaved
from mcucc.schedule.expand.stage_buffers import StageBuffers
from mcucc.schedule.expand.stage_ranges import StageRanges
from mcucc.schedule.expand.strips import Across
from mcucc.schedule.plan.buffers import BufferId
from mcucc.schedule.plan.program import Action, Compute, Stage


@dataclass(frozen=True, eq=False)
class BuiltStage:
    """A stage of nodes [begin, end), and its tensors along both axes."""

    stage: Stage
    begin: int
    end: int
    rows: Mapping[int, Track]
    columns: Mapping[int, Across]


@dataclass(frozen=True, eq=False)
class BuiltChain:
    """The stages of a chain, and how they take turns."""

    stages: tuple[BuiltStage, ...]
    turns: Interleaved

    @property
    def begin(self) -> int:
        """Position of the first node."""
        return self.stages[0].begin

    @property
    def end(self) -> int:
        """One past the last node's position."""
        return self.stages[-1].end


def built_stage(ranges: StageRanges, layout: StageBuffers) -> BuiltStage:
    """The stage with its body; `layout` has no tensors yet.

    The body is in the order of the nodes: rows of images first, copies into a tile right before the
    node that fills it, copies out of it right after its last reader in the stage. Rows that leave
    do so right after the node that makes them.
    """
    net, nodes = ranges.net, ranges.nodes
    body: list[Action] = []
    for tensor in sorted(ranges.touched - ranges.made):
        if net.tensors[tensor].arrives(ranges.begin):
            body.append(layout.source(tensor))
        else:
            layout.input(tensor)
    before: dict[int, list[Action]] = {}
    after: dict[int, list[Action]] = {}
    for tensor in sorted(ranges.made):
        position = net.tensors[tensor].producer - ranges.begin
        readers = [p - ranges.begin for p in net.readers(tensor) if p < ranges.end]
        load, save = layout.output(tensor)
        before.setdefault(position, []).extend(load)
        after.setdefault(max([position, *readers]), []).extend(save)
        if net.tensors[tensor].leaves:
            after[position].append(layout.deliver(tensor))
    narrowed = tuple(_narrowed(ranges, position) for position in range(len(nodes)))
    sinks: dict[str, BufferId] = {}
    scratch: dict[str, BufferId] = {}
    for position, node in enumerate(nodes):
        body += before.get(position, [])
        if node.granularity is not Granularity.ALIAS:
            body.append(_compute(ranges, layout, position))
        body += after.get(position, [])
        needed = narrowed[position].scratch_bytes
        if needed:
            kept = sinks if node.granularity is Granularity.SINK else scratch
            kept[node.name] = layout.scratch(node.name, node.output, needed)
    stage = Stage(
        plan=ranges.plan,
        nodes=narrowed,
        row_steps=ranges.rows.steps,
        strips=ranges.columns.strips,
        actions=tuple(body),
        storage=layout.storage,
        sinks=sinks,
        scratch=scratch,
    )
    rows = {**ranges.rows.tracks, **layout.produced}
    columns = ranges.columns.tracks
    return BuiltStage(stage, ranges.begin, ranges.end, rows, columns)


def _narrowed(ranges: StageRanges, position: int) -> IntegerNode:
    """The node with the kernel that makes no more columns at a time than the steps ask for."""
    node = ranges.net.graph.nodes[ranges.begin + position]
    output = ranges.nodes[position].output
    track = ranges.columns.tracks.get(output)
    if track is None or node.kernel.granularity not in (Granularity.ROW, Granularity.BLOCK):
        return node
    return node.narrowed(track.tallest, ranges.rows.tracks[output].tallest)


def _compute(ranges: StageRanges, layout: StageBuffers, position: int) -> Compute:
    node = ranges.nodes[position]
    target = layout.storage[ranges.net.tensors[node.output].name].newest
    if node.granularity is Granularity.SINK:
        tensor = node.operands[0].tensor
        rows, columns = ranges.rows.sinks[tensor], ranges.columns.sinks[tensor]
    else:
        rows = ranges.rows.tracks[node.output].ranges
        columns = ranges.columns.tracks[node.output].ranges
    return Compute(node.name, target, rows, columns)
