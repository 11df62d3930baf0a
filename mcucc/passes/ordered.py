"""What a node does when channels of its input come in another order: follow, absorb, or refuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from mcucc.ir.graph import Node
from mcucc.ir.op import Op
from mcucc.ir.tensor import Shape, Tensor
from mcucc.ops.add import Add
from mcucc.ops.average_pool import AveragePool
from mcucc.ops.channel_affine import ChannelAffine
from mcucc.ops.channel_operand import ChannelOperand
from mcucc.ops.common.lookup import Unary
from mcucc.ops.concat import Concat
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.conv_transpose2d import ConvTranspose2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.div import Div
from mcucc.ops.extremum import Extremum
from mcucc.ops.fully_connected import FullyConnected
from mcucc.ops.gather_channels import GatherChannels
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.mul import Mul
from mcucc.ops.pad import Pad
from mcucc.ops.prelu import PRelu
from mcucc.ops.reshape import Reshape
from mcucc.ops.resize_bilinear import ResizeBilinear
from mcucc.ops.resize_nearest import ResizeNearest
from mcucc.ops.slice import Slice
from mcucc.ops.sub import Sub

# Channel k of a tensor is channel order[k] of what takes its place.
Order = npt.NDArray[np.int64]
SAME = (Unary, MaxPool, AveragePool, GlobalAveragePool, ResizeBilinear)
TOGETHER = (Add, Sub, Mul, Div, Extremum)
LONGEST = 2**20  # of an order, where a picture is flattened


@dataclass(frozen=True, eq=False)
class Taken:
    """A constant's entries along an axis, in another order: new[i] = old[entries[i]]."""

    entries: Order
    axis: int


@dataclass(frozen=True, eq=False)
class Followed:
    """A node that gives the same values: its op, constants by their place, its output's order.

    No `order`: the output is as it was.
    """

    op: Op
    constants: Mapping[int, Taken] = field(default_factory=dict)
    order: Order | None = None


def follow(
    node: Node, tensors: Mapping[str, Tensor], orders: Mapping[str, Order]
) -> Followed | None:
    """The node reading inputs in these orders (by name), or None where it cannot."""
    moved = [name for name in node.inputs if name in orders]
    order = orders[moved[0]]
    if isinstance(node.op, Concat):
        return _concat(node.op, node.inputs, tensors, orders)
    if isinstance(node.op, TOGETHER):
        alike = [
            (tensors[name].data is None and name in orders and np.array_equal(orders[name], order))
            or tensors[name].shape[-1] == 1
            for name in node.inputs
        ]
        return Followed(node.op, order=order) if all(alike) else None
    if node.inputs[0] != moved[0] or len(moved) > 1:
        return None
    shapes = tensors[node.inputs[0]].shape, tensors[node.output].shape
    weighted = _weighted(node, tensors, order)
    return weighted if weighted is not None else _alone(node.op, shapes, order)


def _weighted(node: Node, tensors: Mapping[str, Tensor], order: Order) -> Followed | None:
    """A layer whose weights take the order up, or (depthwise) go along with it."""
    op = node.op
    if not isinstance(op, Conv2d | ConvTranspose2d | FullyConnected | DepthwiseConv2d):
        return None
    if any(tensors[name].data is None for name in node.inputs[1:]):
        return None
    weights = tensors[node.inputs[1]].shape
    if isinstance(op, FullyConnected):
        pixels = np.arange(weights[1] // order.size)[:, None] * order.size
        return Followed(op, {1: Taken((pixels + np.argsort(order)).reshape(-1), 1)})
    if isinstance(op, DepthwiseConv2d):
        times = weights[2] // order.size
        wider = (order[:, None] * times + np.arange(times)).reshape(-1)
        entries = np.argsort(wider)
        return Followed(op, _along_outputs(node, op, entries), wider)
    if isinstance(op, Conv2d) and op.groups > 1:
        return None
    return Followed(op, {1: Taken(np.argsort(order), 3)})


def _along_outputs(node: Node, op: Op, entries: Order) -> dict[int, Taken]:
    """Weights, bias and border with these output channels."""
    axes = (2, 0, 2) if isinstance(op, DepthwiseConv2d) else (0, 0, 2)
    return {
        i: Taken(entries, axis) for i, axis in zip(range(1, len(node.inputs)), axes, strict=False)
    }


def _alone(op: Op, shapes: tuple[Shape, Shape], order: Order) -> Followed | None:
    """An op with one input and no constants."""
    same = shapes[0][-1] == shapes[1][-1]
    if isinstance(op, SAME) or (isinstance(op, ResizeNearest | Reshape) and same):
        return Followed(op, order=order)
    if isinstance(op, Pad) and op.channels == (0, 0):
        return Followed(op, order=order)
    if isinstance(op, GatherChannels):
        return Followed(GatherChannels(tuple(order[list(op.positions)].tolist())))
    if isinstance(op, Slice):
        return _slice(op, order)
    if isinstance(op, Reshape):
        return _flattened(op, shapes[1], order)
    return _by_attributes(op, np.argsort(order), order)


def _by_attributes(op: Op, entries: Order, order: Order | None) -> Followed | None:
    """Ops whose constants a channel are attributes, with these channels."""

    def taken(values: Sequence[float]) -> tuple[float, ...]:
        return tuple(values[entry] for entry in entries)

    if isinstance(op, PRelu):
        return Followed(replace(op, slopes=taken(op.slopes)), order=order)
    if isinstance(op, ChannelAffine):
        changed = replace(op, scales=taken(op.scales), offsets=taken(op.offsets))
        return Followed(changed, order=order)
    if isinstance(op, ChannelOperand):
        values = tuple(op.values[entry] for entry in entries)
        return Followed(replace(op, values=values), order=order)
    return None


def _slice(op: Slice, order: Order) -> Followed | None:
    """Channels that lie side by side again, in whatever order."""
    begin, size, stride = op.begin[2], op.size[2], op.stride[2]
    places = order[begin : begin + stride * (size - 1) + 1 : stride]
    first = int(places.min())
    if int(places.max()) - first + 1 != size:
        return None
    changed = replace(op, begin=(*op.begin[:2], first), stride=(*op.stride[:2], 1))
    return Followed(changed, order=_unless_same(places - first))


def _flattened(op: Reshape, shape: Shape, order: Order) -> Followed | None:
    """Whole pixels of a picture in a row."""
    if shape[-1] % order.size or shape[-1] > LONGEST:
        return None
    pixels = np.arange(shape[-1] // order.size)[:, None] * order.size
    return Followed(op, order=(pixels + order).reshape(-1))


def _concat(
    op: Concat, inputs: Sequence[str], tensors: Mapping[str, Tensor], orders: Mapping[str, Order]
) -> Followed | None:
    shapes = [tensors[name].shape for name in inputs]
    if op.axis != len(shapes[0]) - 1:
        first = orders.get(inputs[0])
        alike = first is not None and all(
            name in orders and np.array_equal(orders[name], first) for name in inputs
        )
        return Followed(op, order=first) if alike else None
    parts, begin = [], 0
    for name, shape in zip(inputs, shapes, strict=True):
        parts.append(begin + orders.get(name, np.arange(shape[-1])))
        begin += shape[-1]
    return Followed(op, order=np.concatenate(parts))


def _unless_same(order: Order) -> Order | None:
    return None if np.array_equal(order, np.arange(order.size)) else order


def make(node: Node, tensors: Mapping[str, Tensor], entries: Order) -> tuple[Followed, bool] | None:
    """The node making these channels of its output, and whether it needs its input as it was.

    Else it needs the same channels of its input. None where it cannot.
    """
    op = node.op
    shapes = tensors[node.inputs[0]].shape, tensors[node.output].shape
    constant = all(tensors[name].data is not None for name in node.inputs[1:])
    if isinstance(op, Conv2d | FullyConnected) and constant:
        whole = (isinstance(op, Conv2d) and op.groups == 1) or isinstance(op, FullyConnected)
        return (Followed(op, _along_outputs(node, op, entries)), True) if whole else None
    if shapes[0][-1] != shapes[1][-1] or (len(node.inputs) > 1 and not constant):
        return None
    if isinstance(op, DepthwiseConv2d):
        return Followed(op, _along_outputs(node, op, entries)), False
    if isinstance(op, (*SAME, ResizeNearest)) or (isinstance(op, Pad) and op.channels == (0, 0)):
        return Followed(op), False
    found = _by_attributes(op, entries, None)
    return None if found is None else (found, False)
