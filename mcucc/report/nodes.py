"""The nodes' part of report.json: one entry a kernel, whatever the stages of the plan are."""

from __future__ import annotations

from dataclasses import dataclass

from mcucc.ir.integer import IntegerNode
from mcucc.ir.kernel import Granularity
from mcucc.ir.kernel_id import Form
from mcucc.kernels.catalogue import PROVED
from mcucc.schedule.plan.program import Compute, Program, Stage


@dataclass(frozen=True)
class NodeFacts:
    """A node with code: its kernel, and the step (of the report's `layers`) that computes it.

    `tensor` is what it makes, of shape `output`. `macs` are those of its whole output, `executed`
    those of the plan; `variant` and `isa` say which C computes it, `requantization` how its sums
    become values; `before_bytes` are the bytes in use while it runs layer by layer; `weight_bits`
    are those a weight is stored in, `value_bits` those of a value of `tensor`. A node that is
    computed a second time (`again`, the first one's name) has no weights and no MACs of its own.
    """

    name: str
    step: int
    op: str
    variant: str
    isa: str
    requantization: str
    tensor: str
    output: tuple[int, int, int]
    macs: int
    executed: int
    weight_bytes: int
    before_bytes: int
    weight_bits: int = 8
    value_bits: int = 8
    again: str = ""


def node_facts(program: Program, layers: Program) -> tuple[NodeFacts, ...]:
    """Every node that has code, in order of execution; `layers` is the program layer by layer."""
    before = {
        node.name: needed
        for stage, needed in zip(layers.stages, layers.stage_bytes, strict=True)
        for node in stage.nodes
    }
    facts = []
    acting = [stage for stage in program.stages if stage.actions]
    for step, stage in enumerate(acting):
        executed = _executed(stage)
        for node in stage.nodes:
            if node.kernel.granularity is Granularity.ALIAS:
                continue
            facts.append(
                NodeFacts(
                    name=node.name,
                    step=step,
                    op=node.kernel.describe(),
                    variant=node.variant_name,
                    isa=node.call().id.isa.value,
                    requantization=requantization(node),
                    tensor=node.output,
                    output=program.graph.activations[node.output].shape,
                    macs=0 if node.again else program.graph.macs_of(node),
                    executed=executed.get(node.name, 0),
                    weight_bytes=sum(array.data.nbytes for array in node.tables),
                    before_bytes=before[node.again or node.name],
                    weight_bits=node.call().id.bits,
                    value_bits=8 * program.graph.activations[node.output].dtype.itemsize,
                    again=node.again,
                )
            )
    return tuple(facts)


REQUANTIZATION = {
    Form.SHORT: "32 bits",
    Form.HIGH: "high multiply",
    Form.DOUBLING: "high multiply",
    Form.COMMON: "high multiply, shift",
    Form.SHIFT: "high multiply, shift",
    Form.WIDE: "high multiply, shift",
    Form.DOUBLE: "high multiply, two roundings",
}
GENERAL = "64 bits"


def requantization(node: IntegerNode) -> str:
    """How a node's sums become int8: a proved form, the general one; "" where no form is proved."""
    key = node.call().id
    if key.op not in PROVED:
        return ""
    return GENERAL if key.form is None else REQUANTIZATION[key.form]


def _executed(stage: Stage) -> dict[str, int]:
    """MACs of every node over all steps of its stage."""
    kernels = {node.name: node.kernel for node in stage.nodes}
    return {
        action.node: kernels[action.node].macs(action.rows, action.columns)
        for action in stage.actions
        if isinstance(action, Compute) and action.node not in stage.sinks
    }
