"""Channel splits of a plan: the network in which every split block is two nodes.

The sums of a block take the place of its depthwise convolution (and that node's name), their end
that of the projection; between them lies a tensor of int32 sums. What comes after sees two nodes.
The end is a kernel like others. The sums are a BLOCK: all rows of a step in one go, because every
group adds to all of them. Planner, checker, code generator and report have a rule for a BLOCK each,
and ask its kernel for the rest: its parts, its scratch, its flaw, its calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mcucc.errors import ModelError
from mcucc.ir.integer import Activation, IntegerGraph, IntegerNode
from mcucc.ops.common.partial_sums import SUM_BYTES
from mcucc.schedule.plan.plan import Plan, StagePlan
from mcucc.schedule.split.block import split_block, why_no_block


@dataclass(frozen=True)
class Block:
    """Three nodes in a row that may be split by channels."""

    expand: IntegerNode
    depthwise: IntegerNode
    project: IntegerNode

    @property
    def names(self) -> tuple[str, str, str]:
        """The names of its nodes."""
        return self.expand.name, self.depthwise.name, self.project.name


def blocks_of(graph: IntegerGraph) -> dict[str, Block]:
    """All blocks of a network by the name of their projection."""
    found = {}
    for node in graph.nodes:
        block = _block(graph, node)
        if isinstance(block, Block):
            found[node.name] = block
    return found


def _block(graph: IntegerGraph, project: IntegerNode) -> Block | str:
    """The block that a node ends, or why it ends none."""
    makers = {node.output: node for node in graph.nodes}
    depthwise = makers.get(project.inputs[0])
    expand = makers.get(depthwise.inputs[0]) if depthwise is not None else None
    if depthwise is None or expand is None:
        return "no two nodes lead to it"
    for node in (expand, depthwise):
        if node.output in graph.outputs or len(graph.consumers(node.output)) != 1:
            return f"{node.output} is read elsewhere too"
    nodes = (expand, depthwise, project)
    originals = {node.again for node in graph.nodes if node.again}
    if any(node.again or node.name in originals for node in nodes):
        return "it is computed twice"
    why = why_no_block(expand.kernel, depthwise.kernel, project.kernel)
    return why or Block(expand, depthwise, project)


def with_splits(graph: IntegerGraph, plan: Plan) -> tuple[IntegerGraph, Plan]:
    """Network and plan with the plan's splits done; the same ones where there are none.

    Raises ModelError for a split of nodes that are no block or not all in its stage.
    """
    wanted: dict[str, tuple[Block, int]] = {}
    taken: set[str] = set()
    for stage in plan.stages:
        for split in stage.splits:
            block = _checked(graph, stage, split.node, split.channels)
            if taken & set(block.names):
                raise ModelError("two splits have a node in common", where=f"split of {split.node}")
            taken |= set(block.names)
            wanted[split.node] = (block, split.channels)
    if not wanted:
        return graph, plan
    parts = {name: _nodes(graph, block, channels) for name, (block, channels) in wanted.items()}
    gone = {name for block, _ in wanted.values() for name in block.names}
    nodes = _replaced(graph.nodes, parts, gone)
    activations = dict(graph.activations)
    for name, (block, _) in wanted.items():
        del activations[block.expand.output], activations[block.depthwise.output]
        sums = parts[name][0]
        activations[sums.output] = _sums(graph.activations[block.project.output], sums.output)
    names = {name: tuple(node.name for node in found) for name, found in parts.items()}
    stages = tuple(_stage(stage, names, gone) for stage in plan.stages)
    return replace(graph, nodes=nodes, activations=activations), replace(plan, stages=stages)


def _checked(graph: IntegerGraph, stage: StagePlan, name: str, channels: int) -> Block:
    where = f"split of {name}"
    node = next((node for node in graph.nodes if node.name == name), None)
    block = "the network has no such node" if node is None else _block(graph, node)
    hint = "a split names the projection of an expand - depthwise - project block"
    if isinstance(block, str):
        raise ModelError(f"no block ends there: {block}", where=where, hint=hint)
    missing = [part for part in block.names if part not in stage.nodes]
    if missing:
        raise ModelError(f"{missing[0]} is not in the stage of the split", where=where, hint=hint)
    most = graph.activations[block.expand.output].channels
    if not 1 <= channels <= most:
        raise ModelError(f"groups of {channels} channels, there are {most}", where=where)
    return block


def _nodes(graph: IntegerGraph, block: Block, channels: int) -> tuple[IntegerNode, IntegerNode]:
    """The sums of a block and their end."""
    x, y = graph.activations[block.expand.inputs[0]], graph.activations[block.project.output]
    layers = (block.expand, block.depthwise, block.project)
    sums, end = split_block(layers, x.shape, y.shape, channels, graph.target)
    tensor = f"{y.name}.sums"
    while tensor in graph.activations:
        tensor += "_"
    return (
        IntegerNode(block.depthwise.name, sums, (x.name,), tensor),
        replace(end, inputs=(tensor,)),
    )


def _sums(output: Activation, name: str) -> Activation:
    return Activation(name, output.height, output.width, SUM_BYTES * output.channels, 1.0, 0)


def _replaced(
    nodes: Sequence[IntegerNode],
    parts: Mapping[str, tuple[IntegerNode, IntegerNode]],
    gone: set[str],
) -> tuple[IntegerNode, ...]:
    found: list[IntegerNode] = []
    for node in nodes:
        if node.name in parts:
            found += parts[node.name]
        elif node.name not in gone:
            found.append(node)
    return tuple(found)


def _stage(stage: StagePlan, parts: Mapping[str, tuple[str, ...]], gone: set[str]) -> StagePlan:
    """The stage of the nodes that are there after the splits."""
    names: list[str] = []
    for name in stage.nodes:
        if name in parts:
            names += parts[name]
        elif name not in gone:
            names.append(name)
    return replace(stage, nodes=tuple(names), splits=())
