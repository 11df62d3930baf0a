"""A choice by a comparison of a tensor, between functions of that tensor, as one function of it.

Selu, thresholds and leaky functions arrive as Where(x > c, f(x), g(x)), which is a sum of products
with 0 and 1. In int8 each of them would be rounded on its own, f even where g is chosen.
"""

from __future__ import annotations

from dataclasses import replace

from mcucc.ir.graph import Graph, Node
from mcucc.numerics.fixed_point import NO_CLAMP
from mcucc.ops.add import Add
from mcucc.ops.composed import MOST_STEPS, Composed, Step
from mcucc.ops.div import Div
from mcucc.ops.extremum import Extremum
from mcucc.ops.function import Function
from mcucc.ops.mul import Mul
from mcucc.ops.reshape import Reshape
from mcucc.ops.sub import Sub
from mcucc.passes.fuse_functions import ancestors
from mcucc.passes.linear import affine_of
from mcucc.passes.rewrite import Rewriter

TRUTHS = ("Above", "AtLeast", "AtMost", "Below", "Is")
_BINARY = (Add, Div, Extremum, Mul, Sub)


def run(graph: Graph) -> Graph:
    """Fuse every choice that is a function of one tensor; dead_code removes what led to it."""
    truths = [n for n in graph.nodes if isinstance(n.op, Function) and n.op.name in TRUTHS]
    if not truths:
        return graph
    rewriter = Rewriter(graph)
    for node in reversed(graph.nodes):
        if isinstance(node.op, Add | Mul):
            _fuse(rewriter, node)
    return rewriter.finish()


def _fuse(rewriter: Rewriter, node: Node) -> None:
    for x in ancestors(rewriter, node, _operands):
        if rewriter.tensors[x].shape != rewriter.tensors[node.output].shape:
            continue
        steps: list[Step] = []
        last = _written(rewriter, node.output, {x: 0}, steps)
        if last == len(steps) and any(step.word in TRUTHS for step in steps):
            made = replace(node, op=Composed(tuple(steps)), inputs=(x,))
            rewriter.replace(node, made)
            return


def _operands(rewriter: Rewriter, node: Node) -> tuple[str, ...] | None:
    """The activations an element-wise node reads, None for a node that has no words."""
    op = node.op
    if isinstance(op, Reshape) or Step.of(op, 0) is not None:
        return node.inputs
    if isinstance(op, _BINARY):
        alike = len({rewriter.tensors[name].shape for name in node.inputs}) == 1
        return node.inputs if alike else None
    affine = affine_of(rewriter, node)
    return None if affine is None or affine.uniform is None else node.inputs[:1]


def _written(rewriter: Rewriter, name: str, known: dict[str, int], steps: list[Step]) -> int | None:
    """The step that computes a tensor, added behind others; None where it is no function."""
    if name in known:
        return known[name]
    node = rewriter.producer(name)
    operands = None if node is None else _operands(rewriter, node)
    if node is None or operands is None:
        return None
    places: list[int] = []
    for operand in operands:
        place = _written(rewriter, operand, known, steps)
        if place is None:
            return None
        places.append(place)
    made = _words(rewriter, node, places, len(steps) + 1)
    if len(steps) + len(made) > MOST_STEPS:
        return None
    steps.extend(made)
    known[name] = len(steps) if made else places[0]
    return known[name]


def _words(rewriter: Rewriter, node: Node, places: list[int], first: int) -> list[Step]:
    """The steps of one node, of which one is step `first`: its word, and its clamp."""
    op = node.op
    if isinstance(op, Reshape):
        return []
    own = Step.of(op, places[0])
    if own is not None:
        return [own]
    if isinstance(op, Extremum):
        return [Step("Max" if op.largest else "Min", tuple(places))]
    if isinstance(op, _BINARY):
        made = Step(op.kind, tuple(places))
    else:
        affine = affine_of(rewriter, node)
        assert affine is not None
        made = Step("Affine", (places[0],), (float(affine.scale[0]), float(affine.offset[0])))
    clamp = getattr(op, "clamp", NO_CLAMP)
    return [made] if clamp == NO_CLAMP else [made, Step("Clip", (first,), (clamp.lo, clamp.hi))]
