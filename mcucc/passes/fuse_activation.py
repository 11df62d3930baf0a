"""Clips fused into the op before them; the fused tensor keeps the Clip's name."""

from __future__ import annotations

from dataclasses import replace

from mcucc.ir.graph import Graph
from mcucc.ops.add import Add
from mcucc.ops.average_pool import AveragePool
from mcucc.ops.clip import Clip
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.fully_connected import FullyConnected
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.mul import Mul
from mcucc.ops.sub import Sub
from mcucc.passes.rewrite import Rewriter

Clampable = (
    Conv2d
    | DepthwiseConv2d
    | FullyConnected
    | Add
    | Sub
    | Mul
    | MaxPool
    | AveragePool
    | GlobalAveragePool
    | Clip
)


def run(graph: Graph) -> Graph:
    """Fuse every Clip whose input nobody else reads."""
    rewriter = Rewriter(graph)
    for clip in graph.nodes:
        if not isinstance(clip.op, Clip):
            continue
        # Look again: the clip may have been fused with one before it.
        maker = rewriter.producer(clip.inputs[0])
        if maker is None or rewriter.sole_user(clip.inputs[0]) is None:
            continue
        if not isinstance(maker.op, Clampable):
            continue
        fused = replace(maker.op, clamp=maker.op.clamp.intersect(clip.op.clamp))
        rewriter.replace(clip)
        rewriter.replace(maker, replace(maker, op=fused, outputs=clip.outputs))
    return rewriter.finish()
