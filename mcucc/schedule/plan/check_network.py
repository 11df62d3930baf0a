"""The half of the checker that moves no bytes: the stages of a program compute its network.

A plan makes a graph of its own: nodes computed a second time read and make tensors that the network
does not have, a split block is two nodes. Followed from the inputs on, every tensor of that graph
must hold the values of one of the network: made by the very kernel, of operands that hold the
values which the network gives it. So a reader may find them in any of their copies.
"""

from __future__ import annotations

from collections.abc import Mapping

from mcucc.errors import McuccError
from mcucc.ir.integer import Activation, IntegerNode
from mcucc.ir.kernel import Granularity
from mcucc.schedule.plan.program import Program


class CheckError(McuccError):
    """A program that would compute wrong results or leave its arena. Always mcucc's own fault."""


def network_values(program: Program) -> Mapping[str, str]:
    """The tensor of the network that each tensor of the program holds; of sums, whose they are.

    Raises CheckError for a node that computes anything else, and for what is not computed.
    """
    follow = _Follow(program)
    for stage in program.stages:
        for node in stage.nodes:
            follow.node(node)
    missing = [node.name for node in program.network.nodes if node.name not in follow.done]
    if missing:
        raise CheckError("nothing computes it", where=f"{program.network.name}, {missing[0]}")
    ends = program.graph.inputs, program.graph.outputs
    if ends != (program.network.inputs, program.network.outputs):
        raise CheckError("inputs or outputs are not the network's", where=program.network.name)
    return follow.values


class _Follow:
    """What each tensor holds, after the nodes that have run."""

    def __init__(self, program: Program) -> None:
        self.program, self.network = program, program.network
        self.originals = {node.name: node for node in self.network.nodes}
        self.makers = {node.output: node for node in self.network.nodes}
        self.values = {name: name for name in program.graph.inputs}
        self.sums: set[str] = set()
        self.done: set[str] = set()

    def node(self, node: IntegerNode) -> None:
        """A node, whose operands were followed before."""
        original = self.originals.get(node.again or node.name)
        if original is None:
            raise self._fail(node, "is no node of the network")
        if node.output in self.values:
            raise self._fail(node, f"makes {node.output}, which is there")
        block = node.kernel.granularity is Granularity.BLOCK
        wanted = self._of_block(original) if block else original.inputs
        found = tuple(self.values.get(name, "nothing") for name in node.inputs)
        if found != wanted:
            raise self._fail(node, f"reads {', '.join(found)} in place of {', '.join(wanted)}")
        if block:
            self.sums.add(node.output)
        elif not self.sums.intersection(node.inputs) and node.kernel is not original.kernel:
            raise self._fail(node, f"is not {original.kernel.describe()}")
        if not block:
            self._shape(node, original)
        self.values[node.output] = original.output
        self.done.add(original.name)

    def _of_block(self, depthwise: IntegerNode) -> tuple[str, ...]:
        """The operands of a split block, that goes by the name of its second node."""
        expand = self.makers.get(depthwise.inputs[0])
        if expand is None:
            raise self._fail(depthwise, "is split and nothing expands its input")
        self.done.add(expand.name)
        return expand.inputs

    def _shape(self, node: IntegerNode, original: IntegerNode) -> None:
        """The output is the network's; a clone has one of its own like it."""
        if not node.again and node.output != original.output:
            raise self._fail(node, f"makes {node.output} in place of {original.output}")
        a = self.program.graph.activations[node.output]
        if _kind(a) != _kind(self.network.activations[original.output]):
            raise self._fail(node, f"makes {a.shape} of {a.dtype.name}, which is another tensor")

    def _fail(self, node: IntegerNode, what: str) -> CheckError:
        return CheckError(f"{node.name} {what}", where=self.network.name)


def _kind(a: Activation) -> tuple[object, ...]:
    return a.shape, a.dtype, a.scale, a.zero_point, a.interval
