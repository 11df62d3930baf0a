"""x * clip(x + 3, 0, 6) / 6 in all its spellings, fused to HardSwish."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from mcucc.ir.graph import Graph, Node
from mcucc.numerics import NO_CLAMP, Clamp
from mcucc.ops.clip import Clip
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.hard_sigmoid import HardSigmoid
from mcucc.ops.hard_swish import HardSwish
from mcucc.ops.mul import Mul
from mcucc.ops.reshape import Reshape
from mcucc.passes.linear import affine_of
from mcucc.passes.rewrite import Rewriter

CLOSE = 1e-5
LONGEST_GATE = 8


@dataclass(frozen=True)
class _Gate:
    """clip(slope * x + offset), the same for every channel."""

    slope: float = 1.0
    offset: float = 0.0
    clamp: Clamp = NO_CLAMP

    def then_affine(self, scale: float, offset: float) -> _Gate | None:
        if scale <= 0:
            return None
        clamp = Clamp(self.clamp.lo * scale + offset, self.clamp.hi * scale + offset)
        return _Gate(self.slope * scale, self.offset * scale + offset, clamp)

    def then_clip(self, clamp: Clamp) -> _Gate:
        return _Gate(self.slope, self.offset, self.clamp.intersect(clamp))

    @property
    def hard_swish_factor(self) -> float | None:
        """k with x * gate(x) = k * hard_swish(x), or None."""
        k = self.clamp.hi
        if not 0 < k < math.inf or abs(self.clamp.lo) > CLOSE * k:
            return None
        fits = math.isclose(self.slope, k / 6, rel_tol=CLOSE) and math.isclose(
            self.offset, k / 2, rel_tol=CLOSE
        )
        return k if fits else None


def run(graph: Graph) -> Graph:
    """Fuse every product of a tensor with its own gate; dead_code removes the gate."""
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        if not isinstance(node.op, Mul) or node.op.clamp != NO_CLAMP:
            continue
        for x, gate in (node.inputs, node.inputs[::-1]):
            if _fuse(rewriter, node, x, gate):
                break
    return rewriter.finish()


def _fuse(rewriter: Rewriter, node: Node, x: str, gate: str) -> bool:
    found = _gate(rewriter, gate, x)
    k = None if found is None else found.hard_swish_factor
    if k is None or rewriter.tensors[x].shape != rewriter.tensors[node.output].shape:
        return False
    if math.isclose(k, 1.0, rel_tol=CLOSE):
        rewriter.replace(node, replace(node, op=HardSwish(), inputs=(x,)))
        return True
    # The division by 6 may come after the product.
    divide = rewriter.sole_user(node.output)
    affine = None if divide is None else affine_of(rewriter, divide)
    factors = None if affine is None else affine.uniform
    if divide is None or factors is None or factors[1] != 0:
        return False
    assert isinstance(divide.op, DepthwiseConv2d)
    if not math.isclose(factors[0] * k, 1.0, rel_tol=CLOSE) or divide.op.clamp != NO_CLAMP:
        return False
    rewriter.replace(node)
    rewriter.replace(divide, replace(divide, op=HardSwish(), inputs=(x,)))
    return True


def _gate(rewriter: Rewriter, name: str, x: str) -> _Gate | None:
    """The function of `x` that `name` is, as far as it is a chain of scales and clips."""
    chain: list[Node] = []
    while name != x:
        node = rewriter.producer(name)
        if node is None or len(chain) == LONGEST_GATE:
            return None
        chain.append(node)
        name = node.inputs[0]
    gate: _Gate | None = _Gate()
    for node in reversed(chain):
        if gate is None:
            return None
        gate = _step(rewriter, gate, node)
    return gate


def _step(rewriter: Rewriter, gate: _Gate, node: Node) -> _Gate | None:
    op = node.op
    if isinstance(op, Reshape):
        return gate
    if isinstance(op, Clip):
        return gate.then_clip(op.clamp)
    if isinstance(op, HardSigmoid):
        scaled = gate.then_affine(op.alpha, op.beta)
        return None if scaled is None else scaled.then_clip(Clamp(0.0, 1.0))
    affine = affine_of(rewriter, node)
    factors = None if affine is None else affine.uniform
    if factors is None or not isinstance(op, DepthwiseConv2d):
        return None
    scaled = gate.then_affine(*factors)
    return None if scaled is None else scaled.then_clip(op.clamp)
