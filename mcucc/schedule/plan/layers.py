"""The layer-by-layer plan: a stage and one step a node, in the order of least peak."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, lcm

from mcucc.ir.integer import IntegerGraph, IntegerNode
from mcucc.ir.kernel import Granularity
from mcucc.schedule.plan.order import least_peak_order
from mcucc.schedule.plan.plan import ImagePolicy, Plan, StagePlan


def layers_plan(
    graph: IntegerGraph,
    image: ImagePolicy = ImagePolicy.RESIDENT,
    row_outputs: Sequence[str] = (),
) -> Plan:
    """One stage a node, one step a stage; those of `row_outputs` as few rows a step as can be."""
    nodes = least_peak_order(graph).nodes
    stages = (
        row_stage(graph, node) if node.output in row_outputs else whole_stage(graph, node)
        for node in nodes
    )
    return Plan("layers", image, tuple(stages), tuple(row_outputs))


def whole_stage(graph: IntegerGraph, node: IntegerNode) -> StagePlan:
    """A stage of one node and one step over whole tensors."""
    sink = node.kernel.granularity is Granularity.SINK
    tensor = node.inputs[0] if sink else node.output
    return StagePlan((node.name,), (graph.activations[tensor].height, 0))


def row_stage(graph: IntegerGraph, node: IntegerNode) -> StagePlan:
    """A stage of one node whose steps make as few of its rows as come of whole rows it reads."""
    if node.kernel.granularity is not Granularity.ROW:
        return whole_stage(graph, node)
    windows = [node.kernel.windows(index)[0] for index in range(len(node.inputs))]
    rows = lcm(*(w.upsample // gcd(w.stride, w.upsample) for w in windows if w.stride))
    return StagePlan((node.name,), (min(rows, graph.activations[node.output].height), 0))
