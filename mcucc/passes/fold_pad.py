"""Pad folded into the window behind it, where zeros there mean the same."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from mcucc.ir.graph import Graph, Node
from mcucc.ir.op import Op
from mcucc.numerics.fixed_point import Clamp
from mcucc.ops.average_pool import AveragePool
from mcucc.ops.common.spatial import Window2d, valid_counts
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.hard_sigmoid import HardSigmoid
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.pad import Pad
from mcucc.ops.sigmoid import Sigmoid
from mcucc.passes.rewrite import Rewriter

LOWEST = -1e30  # borders below stand for minus infinity


def run(graph: Graph) -> Graph:
    """Fold every Pad all of whose readers can take it."""
    rewriter = Rewriter(graph)
    for pad in graph.nodes:
        if not isinstance(pad.op, Pad) or pad.op.channels != (0, 0):
            continue
        readers = rewriter.users(pad.output)
        folded = [_folded(rewriter, pad, pad.op, reader) for reader in readers]
        if not readers or pad.output in rewriter.outputs or None in folded:
            continue
        for reader, op in zip(readers, folded, strict=True):
            assert op is not None
            inputs = (pad.inputs[0], *reader.inputs[1:])
            rewriter.replace(reader, replace(reader, op=op, inputs=inputs))
        rewriter.replace(pad)
    return rewriter.finish()


def _folded(rewriter: Rewriter, pad: Node, op: Pad, reader: Node) -> Op | None:
    """The reader's op with the border as its own padding, None where that is not exact."""
    if pad.output in reader.inputs[1:]:
        return None
    target = reader.op
    if isinstance(target, Conv2d | DepthwiseConv2d) and op.value == 0 and len(reader.inputs) < 4:
        return replace(target, window=_wider(target.window, op))
    if isinstance(target, AveragePool) and op.value == 0:
        # The border's zeros count in the mean; padding of the pool itself does not always.
        if target.window.padded and not target.count_include_pad:
            return None
        return replace(target, window=_wider(target.window, op), count_include_pad=True)
    if isinstance(target, MaxPool):
        wider = _wider(target.window, op)
        _, height, width, _ = rewriter.tensors[pad.inputs[0]].shape
        # Padding of a MaxPool never wins; a border of 0 does not either above values >= 0, unless
        # a window lies wholly in it.
        harmless = op.value <= LOWEST or (
            op.value == 0
            and _not_negative(rewriter, pad.inputs[0])
            and bool(valid_counts(wider, height, width).min() > 0)
        )
        return replace(target, window=wider) if harmless else None
    return None


def _wider(window: Window2d, pad: Pad) -> Window2d:
    return replace(window, pads=window.pads + pad.pads)


def _not_negative(rewriter: Rewriter, name: str) -> bool:
    producer = rewriter.producer(name)
    if producer is None:
        return False
    clamp = getattr(producer.op, "clamp", Clamp(-inf, inf))
    return isinstance(producer.op, Sigmoid | HardSigmoid) or clamp.lo >= 0
