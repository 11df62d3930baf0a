"""What passes know of convolutions and dense layers: scaling their inputs and outputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.graph import Node
from mcucc.numerics.fixed_point import NO_CLAMP, Clamp
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.conv_transpose2d import ConvTranspose2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.fully_connected import FullyConnected
from mcucc.passes.rewrite import Rewriter

Reals = npt.NDArray[np.float64]
Linear = Conv2d | ConvTranspose2d | DepthwiseConv2d | FullyConnected


@dataclass(frozen=True, eq=False)
class Affine:
    """y = scale * x + offset per channel (the last axis); arrays (C,), float64."""

    scale: Reals
    offset: Reals

    @property
    def identity(self) -> bool:
        """Whether y is x."""
        return bool((self.scale == 1).all() and (self.offset == 0).all())

    @property
    def uniform(self) -> tuple[float, float] | None:
        """(scale, offset) where all channels have the same."""
        if (self.scale != self.scale[0]).any() or (self.offset != self.offset[0]).any():
            return None
        return float(self.scale[0]), float(self.offset[0])

    def clamp(self, clamp: Clamp) -> Clamp | None:
        """The clamp behind the affine that equals this one before it, or None."""
        if clamp == NO_CLAMP:
            return clamp
        if (self.scale <= 0).any():
            return None
        lows, highs = self.scale * clamp.lo + self.offset, self.scale * clamp.hi + self.offset
        if (lows != lows[0]).any() or (highs != highs[0]).any():
            return None
        return Clamp(float(lows[0]), float(highs[0]))


def affine_of(rewriter: Rewriter, node: Node) -> Affine | None:
    """The affine a 1x1 depthwise convolution (clamp left aside) computes, or None."""
    op = node.op
    if not isinstance(op, DepthwiseConv2d):
        return None
    window = op.window
    channels = rewriter.tensors[node.inputs[0]].shape[3]
    weights = rewriter.constant(node.inputs[1])
    if not window.pointwise or weights is None:
        return None
    if weights.shape[2] != channels or weights.dtype.kind != "f":
        return None
    bias = _bias(rewriter, node, channels)
    return None if bias is None else Affine(weights.reshape(-1).astype(np.float64), bias)


def is_linear(rewriter: Rewriter, node: Node) -> bool:
    """Whether a node is a convolution or dense layer with constant float weights and bias."""
    if not isinstance(node.op, Linear):
        return False
    constants = [rewriter.constant(name) for name in node.inputs[1:]]
    return all(data is not None and data.dtype.kind == "f" for data in constants)


def takes_affine(node: Node, affine: Affine) -> bool:
    """Whether `scale_input` is exact: a transposed convolution sums not every tap everywhere."""
    return not (isinstance(node.op, ConvTranspose2d) and bool(affine.offset.any()))


def padded(node: Node) -> bool:
    """Whether the node reads zeros around its input, or not every tap everywhere."""
    if isinstance(node.op, ConvTranspose2d):
        return True
    return isinstance(node.op, Conv2d | DepthwiseConv2d) and node.op.window.padded


def scale_output(rewriter: Rewriter, node: Node, affine: Affine, clamp: Clamp) -> Node:
    """A node computing clamp(affine(linear(x))); the caller has dealt with the node's own clamp."""
    weights = rewriter.tensors[node.inputs[1]].constant.astype(np.float64)
    count = affine.scale.size
    old = _bias(rewriter, node, count)
    assert old is not None  # is_linear
    # Output channels are the first axis of all weights but depthwise ones.
    last = isinstance(node.op, DepthwiseConv2d)
    shape = (1, 1, -1) if last else (-1, *(1,) * (weights.ndim - 1))
    scaled = weights * affine.scale.reshape(shape)
    border = _border(rewriter, node)
    if border is not None:
        border = border * affine.scale
    return _rebuilt(rewriter, node, scaled, old * affine.scale + affine.offset, clamp, border)


def scale_input(rewriter: Rewriter, node: Node, affine: Affine) -> Node:
    """A node computing linear(affine(x)), for what `takes_affine` allows.

    Padding stays the 0 behind the affine: where that is not so before it, the node has a border.
    """
    weights = rewriter.tensors[node.inputs[1]].constant.astype(np.float64)
    op = node.op
    assert isinstance(op, Linear)
    scaled = _times_inputs(op, weights, affine.scale)
    per_tap = tap_sums(op, weights, affine.offset)
    added = per_tap.sum(axis=(0, 1))
    old = _bias(rewriter, node, added.size)
    assert old is not None  # is_linear
    border = _border(rewriter, node)
    if padded(node) and affine.offset.any():
        border = -per_tap if border is None else border - per_tap
    return _rebuilt(rewriter, node, scaled, old + added, op.clamp, border)


def tap_sums(op: Linear, weights: Reals, values: Reals) -> Reals:
    """What each tap adds to each output channel of a picture of one value a channel: (kh, kw, C).

    All of a fully connected layer is one tap.
    """
    products = _times_inputs(op, weights, values)
    if isinstance(op, DepthwiseConv2d):
        return products
    if isinstance(op, FullyConnected):
        whole: Reals = products.sum(axis=1)[None, None, :]
        return whole
    return np.moveaxis(products.sum(axis=3), 0, 2)


def _times_inputs(op: Linear, weights: Reals, values: Reals) -> Reals:
    """Every weight times the value of the input channel that it reads."""
    if isinstance(op, DepthwiseConv2d):
        shaped = values.repeat(weights.shape[2] // values.size)
    elif isinstance(op, FullyConnected):
        # A flattened picture: channels are the innermost index.
        shaped = np.tile(values, weights.shape[1] // values.size)
    else:
        # Output channels of group g read the input channels of group g.
        groups = op.groups if isinstance(op, Conv2d) else 1
        rows = values.reshape(groups, -1).repeat(weights.shape[0] // groups, axis=0)
        shaped = rows[:, None, None, :]
    products: Reals = weights * shaped
    return products


def _border(rewriter: Rewriter, node: Node) -> Reals | None:
    if len(node.inputs) < 4:
        return None
    return rewriter.tensors[node.inputs[3]].constant.astype(np.float64)


def _bias(rewriter: Rewriter, node: Node, count: int) -> Reals | None:
    if len(node.inputs) < 3:
        return np.zeros(count)
    data = rewriter.constant(node.inputs[2])
    return None if data is None else data.astype(np.float64)


def _rebuilt(
    rewriter: Rewriter,
    node: Node,
    weights: npt.NDArray[Any],
    bias: Reals,
    clamp: Clamp,
    border: Reals | None,
) -> Node:
    """The node with new constants; those without effect are left out."""
    assert isinstance(node.op, Linear)
    operands = [node.inputs[0], rewriter.add_constant(node.inputs[1], weights)]
    if len(node.inputs) > 2 or bias.any() or border is not None:
        name = node.inputs[2] if len(node.inputs) > 2 else f"{node.output}.bias"
        operands.append(rewriter.add_constant(name, bias))
    if border is not None:
        name = node.inputs[3] if len(node.inputs) > 3 else f"{node.output}.border"
        operands.append(rewriter.add_constant(name, border))
    return replace(node, op=replace(node.op, clamp=clamp), inputs=tuple(operands))
