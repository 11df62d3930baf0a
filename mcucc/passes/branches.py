"""Linear maps of a picture as one kind of data, and their sum: what merge_branches makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd

import numpy as np
import numpy.typing as npt

from mcucc.ir.graph import Node
from mcucc.numerics.fixed_point import INT8_MAX, NO_CLAMP
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.passes.linear import is_linear
from mcucc.passes.rewrite import Rewriter

Reals = npt.NDArray[np.float64]
Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Branch:
    """y[o] = bias[o] + sum x * w[o]: weights (C_out, kh, kw, C_in / groups), bias (C_out,)."""

    window: Window2d
    groups: int
    weights: Reals
    bias: Reals

    @property
    def is_affine(self) -> bool:
        """Whether it is a factor and an offset a channel."""
        return self.weights.shape[1:] == (1, 1, 1) and self.groups == self.weights.shape[0]

    def in_groups(self, groups: int) -> Reals:
        """The weights with zeros for what fewer groups (a divisor) could read besides."""
        count, kh, kw, depth = self.weights.shape
        blocks = self.groups // groups  # old groups in a new one
        wide = np.zeros((count, kh, kw, blocks, depth))
        block = np.arange(count) // (count // self.groups) % blocks
        wide[np.arange(count), :, :, block] = self.weights
        return wide.reshape(count, kh, kw, blocks * depth)


def branch_of(rewriter: Rewriter, node: Node) -> Branch | None:
    """The convolution a node computes; None for another one, or one with a border or a clamp."""
    op = node.op
    if not isinstance(op, Conv2d | DepthwiseConv2d) or not is_linear(rewriter, node):
        return None
    if op.clamp != NO_CLAMP or len(node.inputs) > 3:
        return None
    weights = rewriter.tensors[node.inputs[1]].constant.astype(np.float64)
    groups = op.groups if isinstance(op, Conv2d) else rewriter.tensors[node.inputs[0]].shape[3]
    if isinstance(op, DepthwiseConv2d):
        weights = weights.transpose(2, 0, 1)[..., None]
    bias = np.zeros(len(weights))
    if len(node.inputs) > 2:
        bias = rewriter.tensors[node.inputs[2]].constant.astype(np.float64)
    return Branch(op.window, groups, weights, bias)


def identity(channels: int) -> Branch:
    """y = x."""
    ones = np.ones((channels, 1, 1, 1))
    return Branch(Window2d((1, 1)), channels, ones, np.zeros(channels))


def added(branches: Sequence[Branch], size: Sequence[int], made: Sequence[int]) -> Branch | None:
    """The sum of branches that read a picture of `size` and make one of `made` (rows, columns).

    None where strides differ, or where one convolution costs more than all of them.
    """
    strides = {branch.window.stride for branch in branches}
    if len(strides) > 1:
        return None
    rows, columns = (_Taps.over(branches, axis) for axis in (0, 1))
    groups = gcd(*(branch.groups for branch in branches))
    count = len(branches[0].weights)
    depth = branches[0].weights.shape[3] * branches[0].groups // groups
    cost = sum(branch.weights.size for branch in branches)
    if count * rows.count * columns.count * depth > cost:
        return None
    weights = np.zeros((count, rows.count, columns.count, depth))
    for branch in branches:
        places = np.ix_(range(count), rows.of(branch), columns.of(branch), range(depth))
        weights[places] += branch.in_groups(groups)
    (top, bottom), (left, right) = rows.pads(size[0], made[0]), columns.pads(size[1], made[1])
    window = Window2d(
        (rows.count, columns.count),
        branches[0].window.stride,
        (rows.step, columns.step),
        Pads(top, left, bottom, right),
    )
    same = next((b.window for b in branches if _reads_alike(b.window, window)), window)
    return Branch(same, groups, weights, np.sum([b.bias for b in branches], axis=0))


def coarsening(total: Branch, without: Branch) -> float:
    """What coarser steps of int8 weights cost where branches are added to `without`.

    The noise of rounding all weights of `total` less that of rounding those of `without`, as a part
    of the output's power (independent inputs of power 1), averaged over the output channels. A step
    is the channel's largest weight / 127, its rounding has a variance of 1/12 of its square.
    """
    wide, fine = (np.square(b.weights).max(axis=(1, 2, 3)) for b in (total, without))
    power = np.maximum(np.square(total.weights).sum(axis=(1, 2, 3)), np.finfo(float).tiny)
    added_noise = np.maximum(wide - fine, 0) * total.weights[0].size / (12 * INT8_MAX**2)
    return float((added_noise / power).mean())


def _reads_alike(window: Window2d, other: Window2d) -> bool:
    """Whether only what lies behind the last pixel that either reads differs."""
    first = (window.pads.top, window.pads.left) == (other.pads.top, other.pads.left)
    return first and replace(window, pads=other.pads) == other


@dataclass(frozen=True)
class _Taps:
    """Where along an axis the taps of branches lie, from where the first output begins."""

    axis: int
    first: int
    step: int
    count: int
    stride: int

    @staticmethod
    def over(branches: Sequence[Branch], axis: int) -> _Taps:
        """The fewest at equal distances that are those of all branches."""
        taken = sorted({tap for branch in branches for tap in _offsets(branch.window, axis)})
        step = gcd(*(tap - taken[0] for tap in taken)) or 1
        stride = branches[0].window.stride[axis]
        return _Taps(axis, taken[0], step, (taken[-1] - taken[0]) // step + 1, stride)

    def of(self, branch: Branch) -> list[int]:
        """The numbers of a branch's taps."""
        return [(tap - self.first) // self.step for tap in _offsets(branch.window, self.axis)]

    def pads(self, size: int, made: int) -> Size:
        """The padding before and behind an axis of `size` for `made` outputs."""
        last = self.first + self.step * (self.count - 1) + self.stride * (made - 1)
        return -self.first, max(0, last + 1 - size)


def _offsets(window: Window2d, axis: int) -> range:
    kernel, step = window.kernel[axis], window.dilation[axis]
    first = -(window.pads.top, window.pads.left)[axis]
    return range(first, first + kernel * step, step)
