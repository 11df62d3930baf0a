"""Transposes and reshapes that cancel, move nothing, or that their reader does not mind."""

from __future__ import annotations

from dataclasses import replace

from mcucc.ir.graph import Graph, Node
from mcucc.ir.window import hwc
from mcucc.ops.common.lookup import Unary
from mcucc.ops.fully_connected import FullyConnected
from mcucc.ops.mul import Mul
from mcucc.ops.reshape import Reshape
from mcucc.ops.softmax import Softmax
from mcucc.ops.transpose import Transpose
from mcucc.passes.rewrite import Rewriter


def run(graph: Graph) -> Graph:
    """Apply the rules below until none fits."""
    rewriter = Rewriter(graph)
    rules = (
        _transpose_of_transpose,
        _transpose_that_moves_nothing,
        _reshape_of_reshape,
        _reshape_to_the_same,
        _reshape_nobody_needs,
        _element_wise_behind_reshape,
    )
    again = True
    while again:
        again = False
        for node in rewriter.nodes:
            again |= any(node in rewriter and rule(rewriter, node) for rule in rules)
    return rewriter.finish()


def _transpose_of_transpose(rewriter: Rewriter, node: Node) -> bool:
    inner = rewriter.producer(node.inputs[0]) if node.inputs else None
    if not isinstance(node.op, Transpose) or inner is None or not isinstance(inner.op, Transpose):
        return False
    first, second = inner.op.permutation, node.op.permutation
    op = Transpose(tuple(first[axis] for axis in second))
    rewriter.replace(node, replace(node, op=op, inputs=inner.inputs))
    _drop_unread(rewriter, inner)
    return True


def _transpose_that_moves_nothing(rewriter: Rewriter, node: Node) -> bool:
    """Only axes of length 1 change places: the bytes stay."""
    if not isinstance(node.op, Transpose):
        return False
    shape = rewriter.tensors[node.inputs[0]].shape
    long = [axis for axis in node.op.permutation if shape[axis] > 1]
    if long != sorted(long):
        return False
    op = Reshape(rewriter.tensors[node.output].shape)
    rewriter.replace(node, replace(node, op=op))
    return True


def _reshape_of_reshape(rewriter: Rewriter, node: Node) -> bool:
    inner = rewriter.producer(node.inputs[0]) if node.inputs else None
    if not isinstance(node.op, Reshape) or inner is None or not isinstance(inner.op, Reshape):
        return False
    rewriter.replace(node, replace(node, inputs=inner.inputs))
    _drop_unread(rewriter, inner)
    return True


def _reshape_to_the_same(rewriter: Rewriter, node: Node) -> bool:
    if not isinstance(node.op, Reshape):
        return False
    same = rewriter.tensors[node.inputs[0]].shape == node.op.shape
    return same and rewriter.bypass(node)


def _reshape_nobody_needs(rewriter: Rewriter, node: Node) -> bool:
    """Dense layers flatten anyway; a factor per channel may be a vector."""
    if not isinstance(node.op, Reshape):
        return False
    users = [n for n in rewriter.users(node.output) if _indifferent(rewriter, node, n)]
    if not users:
        return False
    rewriter.redirect(node.output, node.inputs[0], users)
    _drop_unread(rewriter, node)
    return True


def _indifferent(rewriter: Rewriter, reshape: Node, user: Node) -> bool:
    if isinstance(user.op, FullyConnected):
        return True
    before, after = (rewriter.tensors[n].shape for n in (reshape.inputs[0], reshape.output))
    per_channel = rewriter.tensors[user.inputs[0]].shape != after
    factor = isinstance(user.op, Mul) and user.inputs[0] != reshape.output and per_channel
    return factor and hwc(before) == hwc(after)


def _element_wise_behind_reshape(rewriter: Rewriter, node: Node) -> bool:
    """f(reshape(x)) = reshape(f(x)), so that f meets the op it can be fused with."""
    inner = rewriter.producer(node.inputs[0]) if node.inputs else None
    if inner is None or not isinstance(inner.op, Reshape):
        return False
    before, after = (rewriter.tensors[n].shape for n in (inner.inputs[0], inner.output))
    rows = isinstance(node.op, Softmax) and before[-1] == after[-1]
    if not isinstance(node.op, Unary) and not rows:
        return False
    if rewriter.sole_user(inner.output) is None or inner.inputs[0] in rewriter.inputs:
        return False
    rewriter.give(node, replace(node, inputs=inner.inputs), before)
    _drop_unread(rewriter, inner)
    return True


def _drop_unread(rewriter: Rewriter, node: Node) -> None:
    if not rewriter.users(node.output) and node.output not in rewriter.outputs:
        rewriter.replace(node)
