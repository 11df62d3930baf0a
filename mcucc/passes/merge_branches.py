"""Branches of one tensor that are added are one convolution: RepVGG, MobileOne, RepGhost, RepViT.

Convolutions of the same input are linear, and so is their sum: their kernels, in zeros up to the
largest, added tap by tap. A factor a channel is a kernel of one tap, and so is the input itself.
Exact but for float rounding; done where one convolution costs no more multiply-accumulates than the
branches do, and where it costs no precision: an input that is added keeps that of its int8 values,
as a 1 among many small weights it makes all of them coarser.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mcucc.ir.graph import Graph, Node
from mcucc.numerics.fixed_point import NO_CLAMP
from mcucc.ops.add import Add
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.passes.branches import Branch, Reals, added, branch_of, coarsening, identity
from mcucc.passes.rewrite import Rewriter

MOST_ADDENDS = 16  # of one sum: all are compared with each other
# Of the output's power: an Add and a branch less are two roundings less, of int8 values of a range
# of 12.5 times their root mean square, as activations have it: 2 * (12.5 / 255)^2 / 12.
MOST_NOISE = 4e-4


def run(graph: Graph) -> Graph:
    """Merge the branches of every sum."""
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        root: Node | None = node
        while root is not None and isinstance(root.op, Add) and not _is_part(rewriter, root):
            root = _merge(rewriter, root)
    return rewriter.finish()


@dataclass(frozen=True, eq=False)
class _Term:
    """An addend: `branch` of the tensor `source`, made by `node` (None: the source itself)."""

    source: str
    branch: Branch
    node: Node | None

    @property
    def name(self) -> str:
        """The addend's tensor."""
        return self.source if self.node is None else self.node.output


def _is_part(rewriter: Rewriter, node: Node) -> bool:
    """Whether it is an addend of another Add, and nothing else."""
    user = rewriter.sole_user(node.output)
    return node.op.fused_clamp == NO_CLAMP and user is not None and isinstance(user.op, Add)


def _merge(rewriter: Rewriter, root: Node) -> Node | None:
    """Merge some of the addends of `root`; the node that then makes the sum, None if none fit."""
    names, inner = _addends(rewriter, root)
    if len(names) > MOST_ADDENDS:
        return None
    for terms in _groups(rewriter, names):
        found = _merged(rewriter, root, terms)
        if found is not None:
            chosen, total = found
            left = Counter(names)
            left.subtract(term.name for term in chosen)
            made = _put(rewriter, root, chosen, total, list(left.elements()))
            for node in (*inner, *(term.node for term in chosen if term.node is not None)):
                if node in rewriter and not rewriter.users(node.output):
                    rewriter.replace(node)
            return made
    return None


def _put(
    rewriter: Rewriter, root: Node, chosen: Sequence[_Term], total: Branch, left: Sequence[str]
) -> Node:
    """The convolution in the place of the sum, and what is `left` added to it; the last node.

    The layer has the name of the largest branch.
    """
    nodes = [term.node for term in chosen if term.node is not None]
    first = nodes[0]
    op, weights = _as_op(total)
    operands = [first.inputs[0], rewriter.add_constant(first.inputs[1], weights)]
    if total.bias.any():
        operands.append(rewriter.add_constant(f"{first.output}.bias", total.bias))
    parts = dict.fromkeys(part for node in nodes for part in node.merges or (node.name,))
    made = replace(first, op=op, inputs=tuple(operands), merges=tuple(parts))
    if not left:
        whole = replace(op, clamp=root.op.fused_clamp)
        rewriter.replace(root, replace(made, op=whole, outputs=root.outputs))
        return made
    steps = [replace(made, outputs=(rewriter.add_like(root.output, f"{first.output}.merged"),))]
    for name in left[:-1]:
        sum_name = rewriter.add_like(root.output, f"{root.output}.sum")
        inputs = steps[-1].output, name
        steps.append(Node(rewriter.fresh(sum_name), Add(), inputs, (sum_name,)))
    last = replace(root, inputs=(steps[-1].output, left[-1]))
    rewriter.replace(root, *steps, last)
    return last


def _as_op(branch: Branch) -> tuple[Conv2d | DepthwiseConv2d, Reals]:
    """The op of a branch, and its weights as that takes them."""
    depth = branch.weights.shape[3]
    if depth > 1 or branch.groups == 1:
        return Conv2d(branch.window, branch.groups), branch.weights
    return DepthwiseConv2d(branch.window), branch.weights[..., 0].transpose(1, 2, 0)


def _addends(rewriter: Rewriter, root: Node) -> tuple[list[str], list[Node]]:
    """What `root` adds up, through Adds that are parts of it; and these."""
    names, inner, left = [], [], list(reversed(root.inputs))
    while left:
        name = left.pop()
        maker = rewriter.producer(name)
        if maker is not None and isinstance(maker.op, Add) and _is_part(rewriter, maker):
            inner.append(maker)
            left += reversed(maker.inputs)
        else:
            names.append(name)
    return names, inner


def _groups(rewriter: Rewriter, names: Sequence[str]) -> list[list[_Term]]:
    """The addends that are branches of one tensor, the largest first; two and more of them."""
    by_source: dict[str, list[_Term]] = {}
    for name in names:
        term = _term(rewriter, name)
        if term is not None:
            by_source.setdefault(term.source, []).append(term)
    for source, terms in by_source.items():
        channels = rewriter.tensors[source].shape[-1]
        terms += [_Term(source, identity(channels), None)] * names.count(source)
        terms.sort(key=lambda term: -term.branch.weights.size)
    return [terms for terms in by_source.values() if len(terms) > 1]


def _term(rewriter: Rewriter, name: str) -> _Term | None:
    """An addend that is a convolution, and that nothing but the sum reads."""
    node = rewriter.producer(name)
    if node is None or rewriter.sole_user(name) is None:
        return None
    branch = branch_of(rewriter, node)
    return None if branch is None else _Term(node.inputs[0], branch, node)


def _merged(
    rewriter: Rewriter, root: Node, terms: Sequence[_Term]
) -> tuple[list[_Term], Branch] | None:
    """The largest of `terms` that can be merged with others, these, and their sum."""
    _, *size, _ = rewriter.tensors[terms[0].source].shape
    _, *made, _ = rewriter.tensors[root.output].shape
    for start, first in enumerate(terms[:-1]):
        chosen, total = [first], first.branch
        for term in terms[start + 1 :]:
            wider = added([*(t.branch for t in chosen), term.branch], size, made)
            if wider is not None and not _coarser(wider, total, term.branch):
                chosen, total = [*chosen, term], wider
        if len(chosen) > 1:
            return chosen, total
    return None


def _coarser(total: Branch, without: Branch, branch: Branch) -> bool:
    """Whether factors a channel make the other weights too coarse."""
    return branch.is_affine and coarsening(total, without) > MOST_NOISE
