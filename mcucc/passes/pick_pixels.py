"""Pixels that are only picked out: a pool of one pixel is a Slice, a Slice a convolution's stride.

NASNet's shortcuts, strided identities: Slices of Slices, and of a Pad whose border they leave out,
are one Slice of the picture before; every so many pixels from the first on is the stride of the 1x1
convolutions that read them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mcucc.ir.graph import Graph, Node
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import NO_CLAMP
from mcucc.ops.average_pool import AveragePool
from mcucc.ops.common.spatial import Window2d
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.pad import Pad
from mcucc.ops.slice import Box, Slice
from mcucc.passes.rewrite import Rewriter


def run(graph: Graph) -> Graph:
    """Apply the rules to every node, in order."""
    rewriter = Rewriter(graph)
    for rule in (_pool_of_one, _slice_of_slice, _slice_inside_pad, _stride):
        for old in graph.nodes:
            node = rewriter.named(old.name)
            if node is not None:
                rule(rewriter, node)
    return rewriter.finish()


def _pool_of_one(rewriter: Rewriter, node: Node) -> None:
    """A pool of 1x1 pixels copies, every so many of them."""
    op = node.op
    if not isinstance(op, AveragePool | MaxPool) or op.window.kernel != (1, 1):
        return
    if op.window.padded or op.clamp != NO_CLAMP:
        return
    size = hwc(rewriter.tensors[node.output].shape)
    made = Slice((0, 0, 0), size, (*op.window.stride, 1))
    rewriter.replace(node, replace(node, op=made))


def _slice_of_slice(rewriter: Rewriter, node: Node) -> None:
    inner = rewriter.producer(node.inputs[0]) if node.inputs else None
    if inner is None or not isinstance(node.op, Slice) or not isinstance(inner.op, Slice):
        return
    if len(rewriter.tensors[inner.inputs[0]].shape) != len(rewriter.tensors[node.output].shape):
        return
    first, second = inner.op, node.op
    begins = zip(first.begin, first.stride, second.begin, strict=True)
    op = replace(
        second,
        begin=_box(b + s * more for b, s, more in begins),
        stride=_box(a * b for a, b in zip(first.stride, second.stride, strict=True)),
    )
    rewriter.replace(node, replace(node, op=op, inputs=inner.inputs))
    _drop_unread(rewriter, inner)


def _slice_inside_pad(rewriter: Rewriter, node: Node) -> None:
    """A Slice that takes nothing of the border in front of it."""
    pad = rewriter.producer(node.inputs[0]) if node.inputs else None
    if pad is None or not isinstance(node.op, Slice) or not isinstance(pad.op, Pad):
        return
    before = pad.op.pads.top, pad.op.pads.left, pad.op.channels[0]
    begin = [b - p for b, p in zip(node.op.begin, before, strict=True)]
    steps = zip(begin, node.op.size, node.op.stride, strict=True)
    last = [b + s * (n - 1) for b, n, s in steps]
    lengths = hwc(rewriter.tensors[pad.inputs[0]].shape)
    if min(begin) < 0 or any(e >= n for e, n in zip(last, lengths, strict=True)):
        return
    op = replace(node.op, begin=_box(begin))
    rewriter.replace(node, replace(node, op=op, inputs=pad.inputs))
    _drop_unread(rewriter, pad)


def _stride(rewriter: Rewriter, node: Node) -> None:
    """Every so many pixels from the first on, read by a 1x1 convolution."""
    op = node.op
    if not isinstance(op, Conv2d | DepthwiseConv2d) or op.window.kernel != (1, 1):
        return
    taken = rewriter.producer(node.inputs[0])
    if taken is None or not isinstance(taken.op, Slice) or op.window.padded:
        return
    _, height, width, channels = rewriter.tensors[taken.inputs[0]].shape
    picked = taken.op
    whole = picked.begin == (0, 0, 0) and picked.size[2] == channels
    if not whole or max(picked.stride[:2]) == 1:
        return
    rows, columns = (a * b for a, b in zip(op.window.stride, picked.stride, strict=False))
    window = Window2d((1, 1), (rows, columns))
    if window.output_size(height, width) != rewriter.tensors[node.output].shape[1:3]:
        return
    inputs = (taken.inputs[0], *node.inputs[1:])
    rewriter.replace(node, replace(node, op=replace(op, window=window), inputs=inputs))
    _drop_unread(rewriter, taken)


def _box(values: Iterable[int]) -> Box:
    rows, columns, channels = values
    return rows, columns, channels


def _drop_unread(rewriter: Rewriter, node: Node) -> None:
    if not rewriter.users(node.output) and node.output not in rewriter.outputs:
        rewriter.replace(node)
