"""The layer-by-layer schedule: one step a node, whole tensors, in-place where exact."""

from __future__ import annotations

from collections.abc import Sequence

from mcucc.ir.integer import IntegerGraph, IntegerNode
from mcucc.ops.base import Granularity
from mcucc.schedule.arena import Block, place
from mcucc.schedule.order import least_peak_order
from mcucc.schedule.program import Buffer, Program, Role, Step, scratch_name

# int32 scratch and word-wise kernels want their buffers aligned.
BUFFER_ALIGNMENT = 4


def layer_program(graph: IntegerGraph) -> Program:
    """Order the nodes for least peak, share storage in place, and place every buffer."""
    ordered = least_peak_order(graph)
    nodes = [n for n in ordered.nodes if n.kernel.granularity is not Granularity.ALIAS]
    groups = _storage_groups(graph, ordered.nodes)
    lifetimes = _lifetimes(graph, ordered.nodes, nodes)
    blocks: list[Block] = []
    contents: list[tuple[tuple[str, ...], Role]] = []
    for group in groups:
        size = max(graph.activations[name].size for name in group)
        spans = [lifetimes[name] for name in group]
        blocks.append(Block(size, min(s[0] for s in spans), max(s[1] for s in spans)))
        contents.append((group, _role(graph, group)))
    for index, node in enumerate(nodes):
        if node.kernel.scratch_bytes:
            blocks.append(Block(node.kernel.scratch_bytes, index, index))
            contents.append(((scratch_name(node.name),), Role.SCRATCH))
    placement = place(blocks, BUFFER_ALIGNMENT)
    buffers = tuple(
        Buffer(names, role, offset, block.size, block.first, block.last)
        for block, (names, role), offset in zip(blocks, contents, placement.offsets, strict=True)
    )
    return Program(
        graph=graph,
        schedule="layers",
        steps=tuple(_whole(graph, node) for node in nodes),
        buffers=buffers,
        arena_bytes=placement.size,
        lower_bound=placement.lower_bound,
    )


def _whole(graph: IntegerGraph, node: IntegerNode) -> Step:
    output = graph.activations[node.output]
    return Step(node.name, (0, output.height), (0, output.width))


def _role(graph: IntegerGraph, group: tuple[str, ...]) -> Role:
    if any(name in graph.inputs for name in group):
        return Role.IMAGE
    return Role.OUTPUT if any(name in graph.outputs for name in group) else Role.ACTIVATION


def _lifetimes(
    graph: IntegerGraph, ordered: Sequence[IntegerNode], steps: Sequence[IntegerNode]
) -> dict[str, tuple[int, int]]:
    """First and last step of each tensor; inputs live from 0, outputs to the end."""
    step_of: dict[str, int] = {}
    current = 0
    numbers = {node.name: i for i, node in enumerate(steps)}
    for node in ordered:
        current = numbers.get(node.name, current)
        step_of[node.name] = current
    spans = dict.fromkeys(graph.inputs, (0, 0))
    for node in ordered:
        now = step_of[node.name]
        spans[node.output] = (now, now)
        for name in node.inputs:
            spans[name] = (spans[name][0], max(spans[name][1], now))
    for name in graph.outputs:
        spans[name] = (spans[name][0], max(len(steps) - 1, 0))
    return spans


def _storage_groups(
    graph: IntegerGraph, ordered: Sequence[IntegerNode]
) -> tuple[tuple[str, ...], ...]:
    """Tensors that share bytes: aliases always, in-place results where the input dies there."""
    last_reader: dict[str, int] = {}
    for index, node in enumerate(ordered):
        for name in node.inputs:
            last_reader[name] = index
    for name in graph.outputs:
        last_reader[name] = len(ordered)
    group_of: dict[str, list[str]] = {name: [name] for name in graph.inputs}
    groups = list(group_of.values())
    for index, node in enumerate(ordered):
        target = _shared_input(graph, node, index, group_of, last_reader)
        if target is None:
            group_of[node.output] = [node.output]
            groups.append(group_of[node.output])
        else:
            group_of[target].append(node.output)
            group_of[node.output] = group_of[target]
    return tuple(tuple(group) for group in groups)


def _shared_input(
    graph: IntegerGraph,
    node: IntegerNode,
    index: int,
    group_of: dict[str, list[str]],
    last_reader: dict[str, int],
) -> str | None:
    if node.kernel.granularity is Granularity.ALIAS:
        return node.inputs[0]
    size = graph.activations[node.output].size
    for position, name in enumerate(node.inputs):
        dies = all(last_reader.get(member, -1) <= index for member in group_of[name])
        same = graph.activations[name].size == size
        if node.kernel.in_place(position) and dies and same:
            return name
    return None
