"""Scales and offsets per channel in a quantized ONNX model: batch norms, constants added.

The importer makes 1x1 depthwise convolutions of them, whose weights no file quantizes. Behind a
convolution whose own result is not quantized one joins it: the integers stay, the scales of the
weights are multiplied. Elsewhere it becomes a ChannelAffine, rounded once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import onnx

from mcucc.ir.graph import Graph, Node
from mcucc.ir.tensor import Quant
from mcucc.numerics.fixed_point import NO_CLAMP
from mcucc.ops.channel_affine import ChannelAffine
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.reshape import Reshape
from mcucc.passes.linear import Linear
from mcucc.passes.rewrite import Rewriter

Reals = npt.NDArray[np.float64]
OPERATORS = frozenset({"Add", "Sub", "Mul", "Div", "Neg", "BatchNormalization"})


def is_affine(node: Node, protos: Mapping[str, onnx.NodeProto]) -> bool:
    """Whether a depthwise convolution stands for scales and offsets of the file."""
    proto = protos.get(node.name)
    named = proto is not None and proto.op_type in OPERATORS
    return named and isinstance(node.op, DepthwiseConv2d)


def join(
    graph: Graph,
    quants: Mapping[str, Quant],
    protos: Mapping[str, onnx.NodeProto],
    factors: dict[str, Reals],
) -> Graph:
    """Scales and offsets made part of the layer before them, where nothing is rounded in between.

    `factors` notes, by the layer's name, what its weights were multiplied by, channel by channel;
    such factors are positive.
    """
    rewriter = Rewriter(graph)
    for node in rewriter.nodes:
        if not is_affine(node, protos):
            continue
        scales, offsets = (graph.tensors[n].constant.reshape(-1) for n in node.inputs[1:])
        layer = _open_layer(rewriter, quants, node, scales.size)
        if layer is not None:
            known = factors.get(layer.name, 1.0)
            factor = _join(rewriter, layer, node, scales.astype(np.float64), offsets)
            factors[layer.name] = factor * known
    return rewriter.finish()


def leave(graph: Graph, protos: Mapping[str, onnx.NodeProto]) -> Graph:
    """What no layer has taken, as nodes of their own."""
    rewriter = Rewriter(graph)
    for node in rewriter.nodes:
        if not is_affine(node, protos):
            continue
        scales, offsets = (graph.tensors[n].constant.reshape(-1) for n in node.inputs[1:])
        if scales.size == graph.tensors[node.inputs[0]].shape[-1]:
            assert isinstance(node.op, DepthwiseConv2d)
            op = ChannelAffine(tuple(scales.tolist()), tuple(offsets.tolist()), node.op.clamp)
            rewriter.replace(node, replace(node, op=op, inputs=node.inputs[:1]))
    return rewriter.finish()


def _open_layer(
    rewriter: Rewriter, quants: Mapping[str, Quant], affine: Node, channels: int
) -> Node | None:
    """The layer whose result `affine` alone reads, unrounded; a Reshape may stand in between."""
    producer = rewriter.producer(affine.inputs[0])
    while producer is not None and isinstance(producer.op, Reshape):
        if not _alone(rewriter, quants, producer):
            return None
        producer = rewriter.producer(producer.inputs[0])
    if producer is None or not isinstance(producer.op, Linear):
        return None
    plain = getattr(producer.op, "clamp", None) == NO_CLAMP
    same = rewriter.tensors[producer.output].shape[-1] == channels
    return producer if plain and same and _alone(rewriter, quants, producer) else None


def _alone(rewriter: Rewriter, quants: Mapping[str, Quant], node: Node) -> bool:
    """Whether a node's result is not quantized, and read once."""
    return rewriter.sole_user(node.output) is not None and node.output not in quants


def _join(
    rewriter: Rewriter,
    layer: Node,
    affine: Node,
    scales: Reals,
    offsets: npt.NDArray[np.float32],
) -> Reals:
    """Multiply weights and bias of `layer`, and say by what; a channel of scale 0 keeps its unit.

    What lay between them moves the joined layer's values under the names behind `affine`.
    """
    assert isinstance(layer.op, Linear)
    assert isinstance(affine.op, DepthwiseConv2d)
    tensors = rewriter.tensors
    weights = tensors[layer.inputs[1]]
    shape = [1] * len(weights.shape)
    shape[layer.op.WEIGHT_AXIS or 0] = scales.size
    old: npt.NDArray[np.float32] | float = 0.0
    if len(layer.inputs) > 2:
        old = tensors[layer.inputs[2]].constant
    values = (weights.constant * scales.reshape(shape), old * scales + offsets)
    names = [
        rewriter.add_constant(f"{affine.output}.{part}", value)
        for part, value in zip(("weights", "bias"), values, strict=True)
    ]
    op = replace(layer.op, clamp=affine.op.clamp)
    shape_of = rewriter.tensors[affine.output].shape
    made = rewriter.tensors[layer.output].shape
    joined = Node(layer.name, op, (layer.inputs[0], *names), affine.outputs)
    if made == shape_of:
        rewriter.replace(affine)
        rewriter.replace(layer, joined)
    else:
        output = rewriter.fresh(f"{affine.output}.flat")
        rewriter.tensors[output] = replace(rewriter.tensors[layer.output], name=output)
        rewriter.replace(layer, replace(joined, outputs=(output,)))
        rewriter.replace(affine, Node(affine.name, Reshape(shape_of), (output,), affine.outputs))
    return np.where(scales == 0, 1.0, np.abs(scales))
