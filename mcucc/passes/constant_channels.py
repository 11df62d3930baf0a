"""Constant channels are not computed: removed, and folded into their readers' biases.

Channels that always hold one value (intervals.py) are added to the biases of the convolutions that
read them; channels nobody reads are dropped. Every output keeps its bytes. A constant that is not
the zero point differs from padding, so that a padded convolution still reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mcucc.ir.graph import Graph, Node
from mcucc.ir.tensor import Quant, Tensor
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import INT32_MAX, Rounding
from mcucc.ops.add import Add
from mcucc.ops.average_pool import AveragePool
from mcucc.ops.common.lookup import Unary
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.fully_connected import FullyConnected
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.reshape import Reshape
from mcucc.ops.resize_nearest import ResizeNearest
from mcucc.passes.intervals import ChannelIntervals, intervals

Mask = npt.NDArray[np.bool_]
CHANNELWISE = (Add, AveragePool, GlobalAveragePool, MaxPool, Unary)


# Tensors with fewer channels get another name: theirs is that of values they no longer hold.
ENDING = "/live"


@dataclass(frozen=True)
class KeptChannels:
    """The channels of `tensor` that another one has."""

    tensor: str
    channels: tuple[int, ...]


def behind(
    first: Mapping[str, KeptChannels], second: Mapping[str, KeptChannels]
) -> dict[str, KeptChannels]:
    """What tensors hold where channels were chosen once more, of tensors that `first` chose."""
    found = dict(first)
    for name, kept in second.items():
        before = found.pop(kept.tensor, None)
        if before is not None:
            channels = tuple(before.channels[channel] for channel in kept.channels)
            kept = KeptChannels(before.tensor, channels)
        found[name] = kept
    return found


@dataclass(frozen=True)
class RemovedLayer:
    """A weighted layer with less to compute: of `channels`, those constant and those dropped."""

    name: str
    channels: int
    constant: int
    dropped: int
    macs_before: int
    macs_after: int


@dataclass(frozen=True)
class Removed:
    """What the pass did: channels of weighted layers, constant or dropped, and MACs."""

    channels: int  # of all convolutions and fully connected layers
    constant: int
    dropped: int
    macs_before: int
    macs_after: int
    layers: tuple[RemovedLayer, ...] = ()

    def __str__(self) -> str:
        return (
            f"{self.constant} of {self.channels} channels are constant, {self.dropped} dropped: "
            f"{self.macs_before:,} MACs become {self.macs_after:,}"
        )


def remove_constant_channels(
    graph: Graph, rounding: Rounding
) -> tuple[Graph, Removed, dict[str, KeptChannels]]:
    """The int8 graph without the channels that need not be computed; outputs keep their bytes.

    Tensors that lost channels have new names: by these, what they keep.
    """
    known = intervals(graph, rounding)
    groups = _channel_groups(graph)
    keep = _needed(graph, known, groups)
    nodes, tensors = [], dict(graph.tensors)
    for node in graph.nodes:
        changed, made = _rewrite(graph, node, known, keep)
        names = []
        for tensor in made:
            names.append(graph.fresh(tensor.name, tensors))
            tensors[names[-1]] = replace(tensor, name=names[-1])
        nodes.append(replace(changed, inputs=(node.inputs[0], *names)) if made else changed)
    for name, mask in keep.items():
        tensor = tensors[name]
        shape = (*tensor.shape[:-1], int(mask.sum()))
        tensors[name] = replace(tensor, shape=shape)
    result, renamed = _renamed(graph.with_(nodes=nodes, tensors=tensors), keep)
    weighted = [n.output for n in graph.nodes if n.op.WEIGHT_AXIS is not None]
    said = Removed(
        channels=sum(keep[name].size for name in weighted),
        constant=sum(int(known[name].constant.sum()) for name in weighted),
        dropped=sum(int((~keep[name]).sum()) for name in weighted),
        macs_before=graph.macs,
        macs_after=result.macs,
        layers=_layers(graph, result, known, keep),
    )
    left = {name: tuple(np.flatnonzero(keep[name]).tolist()) for name in renamed}
    return result, said, {new: KeptChannels(old, left[old]) for old, new in renamed.items()}


def _layers(
    before: Graph,
    after: Graph,
    known: Mapping[str, ChannelIntervals],
    keep: Mapping[str, Mask],
) -> tuple[RemovedLayer, ...]:
    """The weighted nodes with fewer MACs."""
    layers = []
    for node, changed in zip(before.nodes, after.nodes, strict=True):
        macs = _macs(before, node), _macs(after, changed)
        if node.op.WEIGHT_AXIS is not None and macs[0] != macs[1]:
            mask, constant = keep[node.output], known[node.output].constant
            counts = mask.size, int(constant.sum()), int((~mask).sum())
            layers.append(RemovedLayer(node.name, *counts, *macs))
    return tuple(layers)


def _macs(graph: Graph, node: Node) -> int:
    return node.op.macs(graph.tensors_of(node.inputs), graph.tensors[node.output])


def _renamed(graph: Graph, keep: Mapping[str, Mask]) -> tuple[Graph, dict[str, str]]:
    """The graph with another name for every tensor that lost channels, and these names by old."""
    names: dict[str, str] = {}
    for name, mask in keep.items():
        if not mask.all():
            names[name] = graph.fresh(f"{name}{ENDING}", names.values())

    def new(old: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names.get(name, name) for name in old)

    nodes = [replace(n, inputs=new(n.inputs), outputs=new(n.outputs)) for n in graph.nodes]
    tensors = {
        names.get(name, name): replace(tensor, name=names.get(name, name))
        for name, tensor in graph.tensors.items()
    }
    return graph.with_(nodes=nodes, tensors=tensors), names


def _channel_groups(graph: Graph) -> dict[str, str]:
    """Tensors that must keep the same channels, by the name of a representative."""
    parent = {name: name for name in graph.tensors}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    for node in graph.nodes:
        if _is_channelwise(graph, node):
            for tensor in graph.tensors_of(node.inputs):
                if tensor.data is None:
                    parent[root(tensor.name)] = root(node.output)
    return {name: root(name) for name in graph.tensors}


def _is_channelwise(graph: Graph, node: Node) -> bool:
    """Whether channel c of the output depends on channel c of the inputs alone."""
    x, y = graph.tensors[node.inputs[0]], graph.tensors[node.output]
    if isinstance(node.op, DepthwiseConv2d | ResizeNearest):  # which repeat channels, too
        return x.shape[-1] == y.shape[-1]
    if isinstance(node.op, Reshape):
        return hwc(x.shape) == hwc(y.shape) and hwc(x.shape)[:2] == (1, 1)
    return isinstance(node.op, CHANNELWISE)


def _needed(
    graph: Graph, known: Mapping[str, ChannelIntervals], groups: Mapping[str, str]
) -> dict[str, Mask]:
    """The channels of every activation to keep: the least set that its readers need."""
    activations = [n for n, t in graph.tensors.items() if t.data is None]
    by_group = {groups[n]: np.zeros(known[n].lo.size, dtype=bool) for n in activations}
    for name in (*graph.inputs, *graph.outputs):
        by_group[groups[name]][:] = True
    for node in graph.nodes:
        if not (_folds(node, graph) or _is_channelwise(graph, node)):
            for name in (*node.inputs, *node.outputs):
                if name in known:
                    by_group[groups[name]][:] = True
    changed = True
    while changed:
        changed = False
        for node in graph.nodes:
            if _folds(node, graph):
                mask = by_group[groups[node.inputs[0]]]
                more = mask | _read(graph, node, known, by_group[groups[node.output]])
                changed |= bool((more != mask).any())
                mask |= more
    for mask in by_group.values():
        mask[0] |= not mask.any()  # a tensor has at least one channel
    return {name: by_group[groups[name]] for name in activations}


def _folds(node: Node, graph: Graph) -> bool:
    """Whether constants among the inputs can go into the bias."""
    if isinstance(node.op, Conv2d):
        return node.op.groups == 1
    x = graph.tensors[node.inputs[0]]
    vector = hwc(x.shape)[:2] == (1, 1)
    return isinstance(node.op, FullyConnected) and (node.op.by_pixel or vector)


def _foldable(graph: Graph, node: Node, x: ChannelIntervals) -> Mask:
    """The constant channels whose contribution is the same at every output position."""
    tensor = graph.tensors[node.inputs[0]]
    padded = isinstance(node.op, Conv2d) and node.op.window.padded
    same: Mask = x.constant & ((x.lo == tensor.quantization.zero_point) | (not padded))
    return same


def _read(graph: Graph, node: Node, known: Mapping[str, ChannelIntervals], outputs: Mask) -> Mask:
    """The input channels that `node` must read to compute its kept `outputs`."""
    weights = graph.tensors[node.inputs[1]].constant[outputs]
    used = (weights != 0).any(axis=tuple(range(weights.ndim - 1)))
    needed: Mask = used & ~_foldable(graph, node, known[node.inputs[0]])
    return needed


def _rewrite(
    graph: Graph, node: Node, known: Mapping[str, ChannelIntervals], keep: Mapping[str, Mask]
) -> tuple[Node, tuple[Tensor, ...]]:
    """The node, and sliced weights, folded bias and border as it reads them from now on."""
    outputs = keep[node.output]
    if isinstance(node.op, Reshape) and not outputs.all():
        return replace(node, op=Reshape((*node.op.shape[:-1], int(outputs.sum())))), ()
    axis = node.op.WEIGHT_AXIS
    inputs = keep[node.inputs[0]]
    if axis is None or (outputs.all() and inputs.all()):
        return node, ()
    operands = graph.tensors_of(node.inputs)
    weights, quant = operands[1].constant, operands[1].quantization
    bias = operands[2].constant.astype(np.int64) if len(operands) > 2 else None
    if not isinstance(node.op, DepthwiseConv2d):
        folded = _folded(operands[0], weights, known[node.inputs[0]], inputs)
        bias = folded if bias is None else bias + folded
        weights = weights[..., inputs]
    if bias is None:
        bias = np.zeros(outputs.size, dtype=np.int64)
    bias = bias[outputs]
    long = len(operands) > 2 and operands[2].dtype == np.int64  # LiteRT's 16x8 mode
    if not long and (np.abs(bias) > INT32_MAX).any():
        # The sum was within int32 with any input, so that this cannot happen.
        raise OverflowError(f"{node.name}: a folded bias leaves int32")
    x_scale = operands[0].quantization.per_tensor_scale
    scales = np.broadcast_to(np.asarray(quant.scale), outputs.size)[outputs]
    made: tuple[Tensor, ...] = (
        Tensor.const(
            f"{node.name}.weights",
            np.ascontiguousarray(np.compress(outputs, weights, axis=axis)),
            Quant(tuple(scales.tolist()), 0, axis),
        ),
        Tensor.const(
            f"{node.name}.bias",
            bias if long else bias.astype(np.int32),
            Quant(tuple((scales * x_scale).tolist()), 0, 0),
        ),
    )
    if len(operands) > 3:  # what is dropped of the inputs is 0 inside and in the padding
        border = np.ascontiguousarray(operands[3].constant[..., outputs])
        quant = replace(made[1].quantization, axis=2)
        made = (*made, Tensor.const(f"{node.name}.border", border, quant))
    return node, made


def _folded(
    x: Tensor, weights: npt.NDArray[np.int8], known: ChannelIntervals, kept: Mask
) -> npt.NDArray[np.int64]:
    """What the dropped channels add to every accumulator: sum w * (value - zero point)."""
    values = np.where(kept, 0, known.lo - x.quantization.zero_point)
    sums = weights.astype(np.int64).sum(axis=tuple(range(1, weights.ndim - 1)))
    total: npt.NDArray[np.int64] = sums @ values
    return total
