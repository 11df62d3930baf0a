"""Tensors that are worth computing twice: those that wait, whole, for what comes of all of them.

A global pool (or another sink) takes all of a tensor before its result comes back to it, through a
gate's layers, in a product. Between the two the tensor is whole. The nodes that make it can run
again from a smaller tensor: the input of their block, mostly.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from mcucc.ir.integer import IntegerGraph, IntegerNode
from mcucc.ir.kernel import Granularity
from mcucc.schedule.plan.plan import ImagePolicy, Plan, StagePlan
from mcucc.schedule.twice.rewrite import with_clones


@dataclass(frozen=True)
class Gated:
    """A tensor that waits, the nodes that make it from `source`, and the first late reader.

    `nodes` are names in order. Sizes are bytes of whole tensors, `macs` those of the nodes.
    """

    tensor: str
    source: str
    nodes: tuple[str, ...]
    reader: str
    size: int
    source_size: int
    macs: int


def gated_tensors(graph: IntegerGraph) -> tuple[Gated, ...]:
    """All of a network, the largest first; its nodes are in order of execution."""
    makers = {node.output: node for node in graph.nodes}
    behind = _behind_sinks(graph)
    found = []
    for node in graph.nodes:
        readers = graph.consumers(node.output)
        sinks = {r.output for r in readers if r.kernel.granularity is Granularity.SINK}
        late = [r for r in readers if behind[r.name] & sinks]
        if late and node.output not in graph.outputs:
            gated = _from_smallest(graph, makers, node, late[0].name)
            if gated is not None:
                found.append(gated)
    return tuple(sorted(found, key=lambda gated: -gated.size))


def _behind_sinks(graph: IntegerGraph) -> Mapping[str, frozenset[str]]:
    """The results of sinks that each node waits for, by its name."""
    of_tensor: dict[str, frozenset[str]] = {}
    found: dict[str, frozenset[str]] = {}
    for node in graph.nodes:
        waits = frozenset[str]().union(*(of_tensor.get(name, frozenset()) for name in node.inputs))
        found[node.name] = waits
        sink = node.kernel.granularity is Granularity.SINK
        of_tensor[node.output] = waits | {node.output} if sink else waits
    return found


def _from_smallest(
    graph: IntegerGraph, makers: Mapping[str, IntegerNode], last: IntegerNode, reader: str
) -> Gated | None:
    """The nodes in a row from the smallest tensor on that lead to `last`; None where none does."""
    size = {name: a.size for name, a in graph.activations.items()}
    row: list[IntegerNode] = []
    best: tuple[IntegerNode, ...] = ()
    least = size[last.output]
    node: IntegerNode | None = last
    while node is not None and _in_a_row(node):
        row.append(node)
        if size[node.inputs[0]] < least:
            best, least = tuple(row), size[node.inputs[0]]
        node = makers.get(node.inputs[0])
    if not best:
        return None
    names = tuple(node.name for node in reversed(best))
    macs = sum(map(graph.macs_of, best))
    source = best[-1].inputs[0]
    return Gated(last.output, source, names, reader, size[last.output], least, macs)


def _in_a_row(node: IntegerNode) -> bool:
    return node.kernel.granularity is Granularity.ROW and len(set(node.inputs)) == 1


def computed_twice(graph: IntegerGraph, chosen: Collection[Gated]) -> IntegerGraph:
    """The network with the nodes of some gated tensors cloned, each set right before its reader."""
    before = {gated.reader: gated.nodes for gated in chosen}
    stages = []
    for node in graph.nodes:
        again = before.get(node.name, ())
        stages.append(StagePlan((*again, node.name), (1, 0), again=again))
    made, plan = with_clones(graph, Plan("", ImagePolicy.ROWS, tuple(stages)))
    by_name = {node.name: node for node in made.nodes}
    order = (by_name[name] for stage in plan.stages for name in stage.nodes)
    return replace(made, nodes=tuple(order))


def as_planned(graph: IntegerGraph, stage: StagePlan) -> StagePlan:
    """A stage of `computed_twice`'s network as a plan of the network itself says it."""
    clones = {node.name: node for node in graph.nodes if node.again}
    originals = {node.name: node for node in graph.nodes}
    tensors = {node.output: originals[node.again].output for node in clones.values()}
    names = tuple(clones[name].again if name in clones else name for name in stage.nodes)
    edges = tuple(
        replace(edge, tensor=tensors.get(edge.tensor, edge.tensor)) for edge in stage.edges
    )
    again = tuple(clones[name].again for name in stage.nodes if name in clones)
    return replace(stage, nodes=names, edges=edges, again=again)
