"""Keys and values that are the tokens themselves: their projections move into others' weights.

q k^T = (x_q W_q^T + b_q) (x W_k^T + b_k)^T is x_q (W_q^T W_k) x^T + b_q W_k x^T and what all keys
of a query have in common, which the softmax cancels. What is behind an attention reads sums of
x W_v^T + b_v, whose weights add up to 1: W_v joins its weights, b_v its bias. So tokens are stored
once, where keys and values were stored each, for more products: every head of queries is as deep as
a token. Exact but for rounding (fused weights: arXiv 2404.02945).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mcucc.ir.graph import Graph, Node
from mcucc.numerics.fixed_point import NO_CLAMP
from mcucc.ops.attention import Attention
from mcucc.ops.conv2d import Conv2d
from mcucc.passes.rewrite import Rewriter

Matrix = npt.NDArray[np.float64]


def run(graph: Graph) -> Graph:
    """Fold every attention whose keys and values are projections of the same tokens."""
    rewriter = Rewriter(graph)
    for node in rewriter.nodes:
        if isinstance(node.op, Attention):
            _fold(rewriter, node)
    return rewriter.finish()


@dataclass(frozen=True)
class _Projection:
    """A 1x1 convolution: y = x weights^T + bias, weights (channels, channels of x)."""

    node: Node
    weights: Matrix
    bias: Matrix

    @property
    def source(self) -> str:
        """What it reads."""
        return self.node.inputs[0]


def _fold(rewriter: Rewriter, node: Node) -> None:
    op = node.op
    assert isinstance(op, Attention)
    q, k, v = (_projection(rewriter, rewriter.producer(name)) for name in node.inputs)
    behind = _projection(rewriter, rewriter.sole_user(node.output))
    if q is None or k is None or v is None or behind is None:
        return
    alone = all(rewriter.sole_user(each.node.output) is node for each in (q, k, v))
    if not alone or k.source != v.source or op.key_heads != op.heads:
        return
    if behind.source != node.output or len({q.node.output, k.node.output, v.node.output}) < 3:
        return
    heads = op.heads
    of_q, of_k, of_v = (_heads(each.weights, heads) for each in (q, k, v))
    scores = of_k.swapaxes(1, 2) @ of_q  # (heads, channels of x, channels of x_q)
    offsets = of_k.swapaxes(1, 2) @ _heads(q.bias[:, None], heads)
    read = behind.weights.reshape(len(behind.weights), heads, -1)  # (out, heads, depth)
    values = np.einsum("ohd,hdc->ohc", read, of_v)
    bias = behind.bias + np.einsum("ohd,hd->o", read, _heads(v.bias[:, None], heads)[..., 0])
    wide = heads * of_k.shape[2]
    queries, mixed = (
        rewriter.add_like(name, f"{name}.folded", wide) for name in (q.node.output, node.output)
    )
    tokens = (queries, k.source, k.source)
    _put(rewriter, q.node, scores.reshape(wide, -1), offsets.reshape(-1), (q.source, queries))
    into = mixed, behind.node.output
    _put(rewriter, behind.node, values.reshape(len(values), wide), bias, into)
    folded = replace(node, op=replace(op, shared=1), inputs=tokens, outputs=(mixed,))
    rewriter.replace(node, folded)
    for each in (k, v):
        rewriter.replace(each.node)


def _projection(rewriter: Rewriter, node: Node | None) -> _Projection | None:
    """A node that is one, None for any other."""
    if node is None or not isinstance(node.op, Conv2d):
        return None
    op = node.op
    constants = [rewriter.constant(name) for name in node.inputs[1:]]
    if (
        not op.window.pointwise
        or op.groups != 1
        or op.clamp != NO_CLAMP
        or any(c is None for c in constants)
    ):
        return None
    weights, *rest = (np.asarray(each, np.float64) for each in constants)
    bias = rest[0] if rest else np.zeros(len(weights))
    return _Projection(node, weights.reshape(len(weights), -1), bias)


def _heads(rows: Matrix, heads: int) -> Matrix:
    """(heads * depth, n) as (heads, depth, n)."""
    return rows.reshape(heads, -1, rows.shape[1])


def _put(
    rewriter: Rewriter, node: Node, weights: Matrix, bias: Matrix, tensors: tuple[str, str]
) -> None:
    """Other weights for a projection from one tensor to another."""
    source, made = tensors
    constants = (
        rewriter.add_constant(f"{node.name}.folded", weights.reshape(len(weights), 1, 1, -1)),
        rewriter.add_constant(f"{node.name}.folded_bias", bias),
    )
    rewriter.replace(node, replace(node, inputs=(source, *constants), outputs=(made,)))
