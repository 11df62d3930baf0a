"""softmax(scale Q K^T + bias) V, spelled by many nodes, becomes one Attention.

The importers bring every exporter's spelling to one: a MatMul of queries and keys by their rows,
scales and constants behind it, Softmax over the keys, a MatMul with the values, and between them
reshapes, which move nothing. Scales of queries and keys themselves join as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mcucc.ir.graph import Graph, Node
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import NO_CLAMP
from mcucc.ops.add import Add
from mcucc.ops.attention import Attention
from mcucc.ops.common.table import Table
from mcucc.ops.constant import Constant
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.mat_mul import MatMul
from mcucc.ops.reshape import Reshape
from mcucc.ops.resize_nearest import ResizeNearest
from mcucc.ops.softmax import Softmax
from mcucc.ops.sub import Sub
from mcucc.passes.rewrite import Rewriter

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Affine:
    """scale * x + offset, the offset (elements,) in the order of storage."""

    scale: float
    offset: Doubles


def run(graph: Graph) -> Graph:
    """Fuse every attention whose parts nobody else reads."""
    rewriter = Rewriter(graph)
    for node in rewriter.nodes:
        if isinstance(node.op, Softmax) and node in rewriter:
            _fuse(rewriter, node)
    return rewriter.finish()


def _fuse(rewriter: Rewriter, softmax: Node) -> bool:
    scores, behind = _scores(rewriter, softmax)
    last = _reader(rewriter, softmax.output)
    if scores is None or last is None or not isinstance(last.op, MatMul):
        return False
    first = scores.op
    assert isinstance(first, MatMul)
    keys = rewriter.tensors[softmax.inputs[0]].shape[-1]
    q, k = rewriter.tensors[scores.inputs[0]].shape, rewriter.tensors[scores.inputs[1]].shape
    alike = (last.op.heads, last.op.by_row) == (first.heads, first.by_row)
    same = first.layout([q, k]).pixels == keys == _keys(rewriter, last)
    if not alike or not same or last.op.transposed:
        return False
    if not 0.0 < behind.scale < np.inf:
        return False
    rows, width, _ = hwc(q)
    groups, tokens = (rows, width) if first.by_row else (1, rows * width)
    bias = _table(behind.offset.reshape(groups, tokens, first.heads, keys))
    q_name, k_name = scores.inputs
    scale = behind.scale * _unscaled(rewriter, q_name)
    scale *= _unscaled(rewriter, k_name)
    product = rewriter.producer(scores.output)
    assert product is not None  # nothing but its operands changed
    op = Attention(first.heads, scale, 0, first.by_row, bias)
    made = replace(last, op=op, inputs=(*product.inputs, last.inputs[1]))
    shape = (*q[:-1], rewriter.tensors[last.output].shape[-1])
    rewriter.give(last, made, shape)
    return True


def _keys(rewriter: Rewriter, product: Node) -> int:
    assert isinstance(product.op, MatMul)
    return product.op.layout([rewriter.tensors[name].shape for name in product.inputs]).pixels


def _scores(rewriter: Rewriter, softmax: Node) -> tuple[Node | None, _Affine]:
    """The product of queries and keys before a softmax, and what is done to it in between."""
    assert isinstance(softmax.op, Softmax)
    name = softmax.inputs[0]
    size = int(np.prod(rewriter.tensors[name].shape))
    found = _Affine(softmax.op.beta, np.zeros(size))
    while _chained(rewriter, name):
        node = rewriter.producer(name)
        if node is None:
            break
        if isinstance(node.op, MatMul):
            return (node if node.op.transposed else None), found
        if isinstance(node.op, Reshape):
            name = node.inputs[0]
            continue
        step = _affine(rewriter, node, size)
        if step is None:
            break
        name, affine = step
        offset = found.offset + found.scale * affine.offset
        found = _Affine(found.scale * affine.scale, offset)
    return None, found


def _chained(rewriter: Rewriter, name: str) -> bool:
    """Whether one node alone reads a tensor, constants aside, which read only when they are due."""
    users = [node for node in rewriter.users(name) if not isinstance(node.op, Constant)]
    return len(users) == 1 and name not in rewriter.outputs


def _affine(rewriter: Rewriter, node: Node, size: int) -> tuple[str, _Affine] | None:
    """A node as one factor of its operand and a constant for each of `size` elements, or None."""
    op = node.op
    if isinstance(op, DepthwiseConv2d):
        constants = [rewriter.constant(name) for name in node.inputs[1:]]
        if (
            not op.window.pointwise
            or op.clamp != NO_CLAMP
            or any(each is None for each in constants)
        ):
            return None
        weights, *rest = (np.asarray(each, np.float64).reshape(-1) for each in constants)
        if len(rest) > 1 or (weights != weights[0]).any() or size % weights.size:
            return None
        offset = rest[0] if rest else np.zeros(weights.size)
        return node.inputs[0], _Affine(float(weights[0]), np.tile(offset, size // weights.size))
    if isinstance(op, Add | Sub) and op.clamp == NO_CLAMP:
        values = [_constant(rewriter, name) for name in node.inputs]
        for x, c in ((0, 1), (1, 0)):
            value = values[c]
            if values[x] is None and value is not None and value.size == size:
                signs = (1.0, -1.0 if isinstance(op, Sub) else 1.0)
                return node.inputs[x], _Affine(signs[x], signs[c] * value.reshape(-1))
    return None


def _constant(rewriter: Rewriter, name: str) -> Doubles | None:
    """What a tensor holds, where that is a Constant, reshaped or repeated."""
    steps = []
    node = rewriter.producer(name)
    while node is not None and not isinstance(node.op, Constant):
        if not isinstance(node.op, Reshape | ResizeNearest):
            return None
        steps.append(node)
        node = rewriter.producer(node.inputs[0])
    if node is None:
        return None
    value = node.op.evaluate([np.zeros(rewriter.tensors[node.inputs[0]].shape, np.float32)])
    for step in reversed(steps):
        value = step.op.evaluate([value])
    return value.astype(np.float64)


def _unscaled(rewriter: Rewriter, name: str) -> float:
    """A factor that nobody else sees, behind reshapes or before them; its node is dropped."""
    node = rewriter.producer(name)
    while node is not None and rewriter.sole_user(name) is not None:
        if not isinstance(node.op, Reshape):
            break
        name = node.inputs[0]
        node = rewriter.producer(name)
    if node is None or rewriter.sole_user(name) is None:
        return 1.0
    step = _affine(rewriter, node, int(np.prod(rewriter.tensors[name].shape)))
    if step is None or step[1].offset.any() or not step[1].scale > 0.0:
        return 1.0
    same = rewriter.tensors[step[0]].shape == rewriter.tensors[name].shape
    return step[1].scale if same and rewriter.bypass(node) else 1.0


def _reader(rewriter: Rewriter, name: str) -> Node | None:
    """The only reader of a tensor, behind reshapes; its first operand is what was found."""
    user = rewriter.sole_user(name)
    while user is not None and isinstance(user.op, Reshape):
        name = user.output
        user = rewriter.sole_user(name)
    return user if user is not None and user.inputs[0] == name != user.inputs[-1] else None


def _table(offset: Doubles) -> Table | None:
    """The bias (groups, queries, heads, keys), axes of equal entries short; None for no bias."""
    offset = offset - offset.max(axis=3, keepdims=True)
    if not offset.any():
        return None
    for axis in (0, 2):
        if (offset == offset.take([0], axis)).all():
            offset = offset.take([0], axis)
    return Table.of(offset.astype(np.float32))
