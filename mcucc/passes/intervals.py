"""Interval analysis of an int8 graph: which values each channel of each tensor can hold.

Proven from the weights alone: inputs may hold anything, a convolution's accumulator lies between
the sums of its extreme products, requantization is non-decreasing. A channel whose interval is one
value is constant for every input, at every position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.graph import Graph, Node
from mcucc.ir.kernel import Kernel
from mcucc.ir.tensor import Tensor
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import IntArray, Rounding
from mcucc.ops.common.border import BorderedKernel
from mcucc.ops.common.convolution import ConvolutionKernel
from mcucc.ops.common.lookup import LookupKernel
from mcucc.ops.common.matrix import Accumulation
from mcucc.ops.conv2d import Conv2dKernel
from mcucc.ops.depthwise_conv2d import DepthwiseConv2dKernel
from mcucc.ops.fully_connected import FullyConnectedKernel

# Ops whose output never falls when an input rises, channel by channel.
ELEMENTWISE = ("AddKernel", "AddDoubleKernel", "RescaleKernel")
POOLS = (
    "MaxPoolKernel",
    "AveragePoolKernel",
    "AveragePoolDivideKernel",
    "GlobalAveragePoolKernel",
)


@dataclass(frozen=True, eq=False)
class ChannelIntervals:
    """Smallest and largest value of every channel, int64 (channels,)."""

    lo: IntArray
    hi: IntArray

    @property
    def constant(self) -> npt.NDArray[np.bool_]:
        """Which channels always hold one value."""
        same: npt.NDArray[np.bool_] = self.lo == self.hi
        return same

    def with_value(self, value: int) -> ChannelIntervals:
        """The intervals with one more value, that of padding."""
        return ChannelIntervals(np.minimum(self.lo, value), np.maximum(self.hi, value))


def anything(tensor: Tensor) -> ChannelIntervals:
    """No knowledge but the type."""
    channels, (lo, hi) = hwc(tensor.shape)[2], tensor.interval
    return ChannelIntervals(np.full(channels, lo), np.full(channels, hi))


def intervals(graph: Graph, rounding: Rounding) -> dict[str, ChannelIntervals]:
    """The intervals of every activation of an int8 graph, by name."""
    known = {name: anything(graph.tensors[name]) for name in graph.inputs}
    for node in graph.nodes:
        operands = graph.tensors_of(node.inputs)
        kernel = node.op.lower(operands, graph.tensors[node.output], rounding)
        inputs = [known[t.name] for t in operands if t.data is None]
        known[node.output] = _through(graph, node, kernel, inputs)
    return known


def _through(
    graph: Graph, node: Node, kernel: Kernel, inputs: Sequence[ChannelIntervals]
) -> ChannelIntervals:
    channels = hwc(graph.tensors[node.output].shape)[2]
    name = type(kernel).__name__
    if isinstance(kernel, BorderedKernel):
        zones = [_weighted(part, inputs[0]) for part in kernel.kernels]
        lows, highs = ([getattr(zone, end) for zone in zones] for end in ("lo", "hi"))
        return ChannelIntervals(np.min(lows, axis=0), np.max(highs, axis=0))
    if isinstance(kernel, ConvolutionKernel | FullyConnectedKernel):
        return _weighted(kernel, inputs[0])
    if isinstance(kernel, LookupKernel):
        return _looked_up(kernel, inputs[0])
    if name in ELEMENTWISE:
        return _monotone(graph, node, kernel, inputs, (1, 1))
    if name in POOLS:
        size = hwc(graph.tensors[node.inputs[0]].shape)[:2]
        return _monotone(graph, node, kernel, inputs, size)
    if name == "ReshapeKernel" and inputs[0].lo.size == channels:
        return inputs[0]  # only height and width change places
    return anything(graph.tensors[node.output])


def _weighted(
    kernel: ConvolutionKernel | FullyConnectedKernel, x: ChannelIntervals
) -> ChannelIntervals:
    padding = kernel.padding()
    if padding is not None:
        x = x.with_value(padding)
    positive, negative = (_sums(kernel, part) for part in (np.maximum, np.minimum))
    lo = _apply(positive, x.lo) + _apply(negative, x.hi)
    hi = _apply(positive, x.hi) + _apply(negative, x.lo)
    return ChannelIntervals(_finish(kernel.sums, lo), _finish(kernel.sums, hi))


def _sums(kernel: ConvolutionKernel | FullyConnectedKernel, part: Any) -> IntArray:
    """The positive (or negative) weights between every input and output channel: (C_out, C_in)."""
    weights: IntArray = part(kernel.weights.astype(np.int64), 0)
    if isinstance(kernel, FullyConnectedKernel):
        return weights
    if isinstance(kernel, DepthwiseConv2dKernel):
        c_in, c_out = kernel.input_channels, weights.shape[2]
        dense = np.zeros((c_out, c_in), dtype=np.int64)
        outputs = np.arange(c_out)
        dense[outputs, outputs // (c_out // c_in)] = weights.sum(axis=(0, 1))
        return dense
    assert isinstance(kernel, Conv2dKernel)
    grouped = weights.sum(axis=(1, 2))
    c_out, inputs = grouped.shape
    dense = np.zeros((c_out, inputs * kernel.groups), dtype=np.int64)
    step = c_out // kernel.groups
    for group in range(kernel.groups):
        rows = slice(group * step, (group + 1) * step)
        dense[rows, group * inputs : (group + 1) * inputs] = grouped[rows]
    return dense


def _apply(matrix: IntArray, x: IntArray) -> IntArray:
    """matrix @ x; a fully connected layer on (1, 1, C) reads its channels as they are."""
    if matrix.shape[1] != x.size:  # a flattened picture: every position of every channel
        x = np.tile(x, matrix.shape[1] // x.size)
    product: IntArray = matrix @ x
    return product


def _finish(sums: Accumulation, acc: IntArray) -> IntArray:
    finished: IntArray = sums.finish(acc[None])[0].astype(np.int64)
    return finished


def _looked_up(kernel: LookupKernel, x: ChannelIntervals) -> ChannelIntervals:
    """The extremes of the table over each interval."""
    parts = [
        kernel.table[lo + 128 : hi + 129].astype(np.int64)
        for lo, hi in zip(x.lo, x.hi, strict=True)
    ]
    return ChannelIntervals(
        np.array([part.min() for part in parts]), np.array([part.max() for part in parts])
    )


def _monotone(
    graph: Graph,
    node: Node,
    kernel: Kernel,
    inputs: Sequence[ChannelIntervals],
    size: tuple[int, int],
) -> ChannelIntervals:
    """The kernel on pictures of the smallest and of the largest values; borders may differ."""
    pictures = []
    for name, x in zip(node.inputs, inputs, strict=True):
        dtype = graph.tensors[name].dtype
        ends = np.stack([x.lo, x.hi]).astype(dtype)[:, None, None, :]
        pictures.append(np.broadcast_to(ends, (2, *size, x.lo.size)))
    result = kernel.run(pictures).astype(np.int64)
    low, high = result[0].reshape(-1, result.shape[3]), result[1].reshape(-1, result.shape[3])
    return ChannelIntervals(low.min(axis=0), high.max(axis=0))
