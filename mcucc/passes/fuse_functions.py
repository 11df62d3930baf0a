"""A tensor times a function of itself, in any spelling, fused to the one function it is.

HardSwish, Silu, Gelu and Mish arrive as products with a gate: x * sigmoid(x), x * relu6(x + 3) / 6,
0.5 * x * (1 + erf(x / sqrt(2))). The chain of element-wise nodes between x and the product is one
real function; it is computed on a grid and compared with those that have an op of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mcucc.ir.graph import Graph, Node
from mcucc.numerics.fixed_point import NO_CLAMP, Clamp
from mcucc.ops.add import Add
from mcucc.ops.common.lookup import Unary
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.gelu import Gelu
from mcucc.ops.hard_swish import HardSwish
from mcucc.ops.mish import Mish
from mcucc.ops.mul import Mul
from mcucc.ops.reshape import Reshape
from mcucc.ops.silu import Silu
from mcucc.passes.linear import affine_of
from mcucc.passes.rewrite import Rewriter

Reals = npt.NDArray[np.float64]
KNOWN: tuple[Unary, ...] = (HardSwish(), Silu(), Gelu(), Gelu(tanh=True), Mish())
GRID: Reals = np.linspace(-12.0, 12.0, 2401)
CLOSE = 1e-5
MOST_NODES = 16  # between x and the product


def run(graph: Graph) -> Graph:
    """Fuse every product of a tensor with its own gate; dead_code removes the gate."""
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        if isinstance(node.op, Mul) and not _fuse(rewriter, node):
            # A factor may come after the product.
            scale = rewriter.sole_user(node.output)
            if scale is not None and affine_of(rewriter, scale) is not None:
                _fuse(rewriter, scale)
    return rewriter.finish()


def _fuse(rewriter: Rewriter, node: Node) -> bool:
    shape = rewriter.tensors[node.output].shape
    for x in ancestors(rewriter, node, _operands):
        if rewriter.tensors[x].shape != shape:
            continue
        values = _function(rewriter, node.output, {x: GRID})
        op = None if values is None else _known(values)
        if op is not None:
            rewriter.replace(node, replace(node, op=op, inputs=(x,)))
            return True
    return False


def _known(values: Reals) -> Unary | None:
    for op in KNOWN:
        truth = op.function(GRID)
        if (np.abs(values - truth) <= CLOSE * (1.0 + np.abs(truth))).all():
            return op
    return None


def ancestors(
    rewriter: Rewriter,
    node: Node,
    read: Callable[[Rewriter, Node], tuple[str, ...] | None],
) -> list[str]:
    """The activations before a node, nearest first, as far as `read` knows what nodes read."""
    found: dict[str, None] = {}
    front = [node]
    while front and len(found) < MOST_NODES:
        current = front.pop(0)
        for name in read(rewriter, current) or ():
            if name not in found:
                found[name] = None
                producer = rewriter.producer(name)
                if producer is not None:
                    front.append(producer)
    return list(found)


def _operands(rewriter: Rewriter, node: Node) -> tuple[str, ...] | None:
    """The activations an element-wise node reads, None for a node of another kind."""
    op = node.op
    if isinstance(op, Unary | Reshape):
        return node.inputs
    if isinstance(op, Mul | Add):
        alike = len({rewriter.tensors[name].shape for name in node.inputs}) == 1
        return node.inputs if alike else None
    affine = affine_of(rewriter, node)
    return None if affine is None or affine.uniform is None else node.inputs[:1]


def _function(rewriter: Rewriter, name: str, known: dict[str, Reals]) -> Reals | None:
    """The values of a tensor on the grid; None when it is no function of the known ones."""
    if name in known:
        return known[name]
    node = rewriter.producer(name)
    operands = None if node is None else _operands(rewriter, node)
    if node is None or operands is None or len(known) > MOST_NODES:
        return None
    inputs = [_function(rewriter, operand, known) for operand in operands]
    values = [x for x in inputs if x is not None]
    if len(values) < len(inputs):
        return None
    known[name] = _evaluate(rewriter, node, values)
    return known[name]


def _evaluate(rewriter: Rewriter, node: Node, values: list[Reals]) -> Reals:
    op = node.op
    if isinstance(op, Reshape):
        return values[0]
    if isinstance(op, Unary):
        return op.function(values[0])
    if isinstance(op, Mul):
        return _clamped(values[0] * values[1], op.clamp)
    if isinstance(op, Add):
        return _clamped(values[0] + values[1], op.clamp)
    affine = affine_of(rewriter, node)
    assert affine is not None and isinstance(op, DepthwiseConv2d)
    return _clamped(affine.scale[0] * values[0] + affine.offset[0], op.clamp)


def _clamped(values: Reals, clamp: Clamp) -> Reals:
    return values if clamp == NO_CLAMP else np.clip(values, clamp.lo, clamp.hi)
