"""The layer-by-layer plan: a stage and one step a node, in the order of least peak."""

from __future__ import annotations

from mcucc.ir.integer import IntegerGraph, IntegerNode
from mcucc.ir.kernel import Granularity
from mcucc.schedule.plan.order import least_peak_order
from mcucc.schedule.plan.plan import ImagePolicy, Plan, StagePlan


def layers_plan(graph: IntegerGraph, image: ImagePolicy = ImagePolicy.RESIDENT) -> Plan:
    """One stage a node, one step a stage."""
    nodes = least_peak_order(graph).nodes
    return Plan("layers", image, tuple(whole_stage(graph, node) for node in nodes))


def whole_stage(graph: IntegerGraph, node: IntegerNode) -> StagePlan:
    """A stage of one node and one step over whole tensors."""
    sink = node.kernel.granularity is Granularity.SINK
    tensor = node.inputs[0] if sink else node.output
    return StagePlan((node.name,), (graph.activations[tensor].height, 0))
