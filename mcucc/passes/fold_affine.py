"""Batch norms and other per-channel scales and offsets, folded into the layers around them.

They are 1x1 depthwise convolutions here. One goes into the convolution or dense layer before it
(exact; through a clamp where all channels move it alike), or into all its readers, unless one of
them pads: padding is 0 behind the offset, not before it.
"""

from __future__ import annotations

from dataclasses import replace

from mcucc.ir.graph import Graph, Node
from mcucc.numerics.fixed_point import NO_CLAMP
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.reshape import Reshape
from mcucc.passes.linear import (
    Affine,
    Linear,
    affine_of,
    is_linear,
    padded,
    scale_input,
    scale_output,
)
from mcucc.passes.rewrite import Rewriter


def run(graph: Graph) -> Graph:
    """Fold every affine that can be, into its producer first, else into its readers."""
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        if node not in rewriter:
            # Rewritten meanwhile: look at the node that took its place.
            node = rewriter.named(node.name) or node
        affine = affine_of(rewriter, node) if node in rewriter else None
        if affine is None:
            continue
        if _is_identity(node, affine) and rewriter.bypass(node):
            continue
        if not _into_producer(rewriter, node, affine):
            _into_readers(rewriter, node, affine)
    return rewriter.finish()


def _is_identity(node: Node, affine: Affine) -> bool:
    return affine.identity and isinstance(node.op, DepthwiseConv2d) and node.op.clamp == NO_CLAMP


def _into_producer(rewriter: Rewriter, node: Node, affine: Affine) -> bool:
    """Scale the weights of the layer before, looking through reshapes that keep the channels."""
    assert isinstance(node.op, DepthwiseConv2d)
    name = node.inputs[0]
    passed: list[Node] = []
    while True:
        maker = rewriter.producer(name)
        if maker is None or rewriter.sole_user(name) is None:
            return False
        if not isinstance(maker.op, Reshape):
            break
        passed.append(maker)
        name = maker.inputs[0]
    shape = rewriter.tensors[maker.output].shape
    if not is_linear(rewriter, maker) or shape[-1] != affine.scale.size:
        return False
    assert isinstance(maker.op, Linear)
    moved = affine.clamp(maker.op.clamp)
    if moved is None:
        return False
    made = scale_output(rewriter, maker, affine, moved.intersect(node.op.clamp))
    rewriter.give(node, made, shape)
    for old in [*passed, maker]:
        rewriter.replace(old)
    return True


def _into_readers(rewriter: Rewriter, node: Node, affine: Affine) -> bool:
    """Scale the weights of all readers, where each is a layer the fold is exact for."""
    assert isinstance(node.op, DepthwiseConv2d)
    readers = rewriter.users(node.output)
    if not readers or node.output in rewriter.outputs or node.op.clamp != NO_CLAMP:
        return False
    for reader in readers:
        inexact = padded(reader) and bool(affine.offset.any())
        if not is_linear(rewriter, reader) or node.output in reader.inputs[1:] or inexact:
            return False
    for reader in readers:
        made = scale_input(rewriter, reader, affine)
        rewriter.replace(reader, replace(made, inputs=(node.inputs[0], *made.inputs[1:])))
    rewriter.replace(node)
    return True
