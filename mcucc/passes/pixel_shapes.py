"""Tokens stay the pixels they were: reshapes of pixels move behind what works pixel by pixel.

A transformer's encoder sees (1, T, C) where the convolutions before and after it see (1, H, W, C).
The bytes are the same; as a picture's rows they stream. Only networks with a product of activations
are touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mcucc.ir.graph import Graph, Node
from mcucc.ir.tensor import Shape
from mcucc.ops.add import Add
from mcucc.ops.attention import Attention
from mcucc.ops.common.lookup import Unary
from mcucc.ops.constant import Constant
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.extremum import Extremum
from mcucc.ops.layer_norm import LayerNorm
from mcucc.ops.mat_mul import MatMul
from mcucc.ops.mul import Mul
from mcucc.ops.reshape import Reshape
from mcucc.ops.sub import Sub
from mcucc.passes.rewrite import Rewriter

TENSOR_AXES = 4


def run(graph: Graph) -> Graph:
    """Apply the rules until none fits."""
    if not any(isinstance(node.op, Attention | MatMul) for node in graph.nodes):
        return graph
    rewriter = Rewriter(graph)
    again = True
    while again:
        again = False
        for node in rewriter.nodes:
            if node in rewriter:
                again |= _keys(rewriter, node) or _pixelwise(rewriter, node)
    return rewriter.finish()


def _source(rewriter: Rewriter, name: str) -> str | None:
    """The tensor of which this one is the same pixels in other rows, as a picture; or None."""
    node = rewriter.producer(name)
    if node is None or not isinstance(node.op, Reshape):
        return None
    before, after = (rewriter.tensors[n].shape for n in (node.inputs[0], name))
    picture = len(before) == TENSOR_AXES and before[0] == 1 and before[-1] == after[-1]
    return node.inputs[0] if picture and before != after else None


def _keys(rewriter: Rewriter, node: Node) -> bool:
    """All pixels of keys and values are read, in whatever rows they lie."""
    if not isinstance(node.op, Attention | MatMul) or node.op.by_row:
        return False
    found = [_source(rewriter, name) for name in node.inputs]
    inputs = [node.inputs[0]]
    inputs += [new or old for old, new in zip(node.inputs[1:], found[1:], strict=True)]
    if tuple(inputs) == node.inputs:
        return False
    rewriter.replace(node, replace(node, inputs=tuple(inputs)))
    return True


def _pixelwise(rewriter: Rewriter, node: Node) -> bool:
    """f(reshape(x)) = reshape(f(x)) where f works pixel by pixel."""
    sources = [_source(rewriter, name) for name in node.inputs]
    if not sources or not _works_on_pixels(rewriter, node, sources):
        return False
    first = next(name for name in sources if name is not None)
    shape = rewriter.tensors[first].shape
    inputs = []
    for name, source in zip(node.inputs, sources, strict=True):
        if source is None and isinstance(node.op, Add | Sub | Mul | Extremum):
            source = _reshaped_constant(rewriter, name, shape)
        inputs.append(source or name)
    made = replace(node, inputs=tuple(inputs))
    rewriter.give(node, made, (*shape[:-1], rewriter.tensors[node.output].shape[-1]))
    return True


def _works_on_pixels(rewriter: Rewriter, node: Node, sources: Sequence[str | None]) -> bool:
    op = node.op
    if isinstance(op, Add | Sub | Mul | Extremum):
        shapes = {rewriter.tensors[name].shape for name in sources if name is not None}
        others = [n for n, source in zip(node.inputs, sources, strict=True) if source is None]
        alike = len({rewriter.tensors[name].shape for name in node.inputs}) == 1
        return alike and len(shapes) == 1 and all(_is_constant(rewriter, name) for name in others)
    if sources[0] is None:
        return False
    if isinstance(op, Attention | MatMul):
        return not op.by_row
    if isinstance(op, Conv2d):
        return op.window.pointwise
    return isinstance(op, LayerNorm | Unary)


def _is_constant(rewriter: Rewriter, name: str) -> bool:
    node = rewriter.producer(name)
    alone = rewriter.sole_user(name) is not None
    return node is not None and alone and isinstance(node.op, Constant)


def _reshaped_constant(rewriter: Rewriter, name: str, shape: Shape) -> str:
    """A Constant beside a picture in the rows of the picture."""
    node = rewriter.producer(name)
    assert node is not None and isinstance(node.op, Constant)  # _is_constant asked
    beside = _source(rewriter, node.inputs[0]) or node.inputs[0]
    rewriter.tensors[name] = replace(rewriter.tensors[name], shape=shape)
    rewriter.replace(node, replace(node, op=replace(node.op, shape=shape), inputs=(beside,)))
    return name
