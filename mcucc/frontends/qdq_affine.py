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

from mcucc.ir.graph import Graph, Node, Quant, Tensor
from mcucc.numerics import NO_CLAMP
from mcucc.ops.channel_affine import ChannelAffine
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.passes.linear import Linear

Reals = npt.NDArray[np.float64]
OPERATORS = frozenset({"Add", "Sub", "Mul", "Div", "Neg", "BatchNormalization"})


def settle(
    graph: Graph, quants: Mapping[str, Quant], protos: Mapping[str, onnx.NodeProto]
) -> tuple[Graph, dict[str, Reals]]:
    """The graph without depthwise convolutions that stand for scales and offsets.

    Also, by node's name, the factors that weights were multiplied by, channel by channel; they are
    positive.
    """
    factors: dict[str, Reals] = {}
    for node in graph.nodes:
        proto = protos.get(node.name)
        if proto is None or proto.op_type not in OPERATORS:
            continue
        if not isinstance(node.op, DepthwiseConv2d):
            continue
        scales, offsets = (graph.tensors[n].constant.reshape(-1) for n in node.inputs[1:])
        producer = graph.producer(node.inputs[0])
        if producer is not None and _open(graph, quants, producer):
            known = factors.get(producer.name, 1.0)
            graph, factor = _join(graph, producer, node, scales.astype(np.float64), offsets)
            factors[producer.name] = factor * known
        elif scales.size == graph.tensors[node.inputs[0]].shape[-1]:
            op = ChannelAffine(tuple(scales.tolist()), tuple(offsets.tolist()), node.op.clamp)
            made = replace(node, op=op, inputs=node.inputs[:1])
            graph = graph.with_(nodes=[made if n is node else n for n in graph.nodes])
    return graph, factors


def _open(graph: Graph, quants: Mapping[str, Quant], producer: Node) -> bool:
    """Whether a layer's result is not quantized, and read once."""
    layer = isinstance(producer.op, Linear)
    plain = getattr(producer.op, "clamp", None) == NO_CLAMP
    name = producer.output
    alone = len(graph.consumers(name)) == 1 and name not in graph.outputs
    return layer and plain and alone and name not in quants


def _join(
    graph: Graph, layer: Node, affine: Node, scales: Reals, offsets: npt.NDArray[np.float32]
) -> tuple[Graph, Reals]:
    """Multiply weights and bias of `layer`; a channel of scale 0 keeps its unit."""
    assert isinstance(layer.op, Linear)
    assert isinstance(affine.op, DepthwiseConv2d)
    tensors = dict(graph.tensors)
    weights = tensors[layer.inputs[1]]
    shape = [1] * len(weights.shape)
    shape[layer.op.WEIGHT_AXIS or 0] = scales.size
    old: npt.NDArray[np.float32] | float = 0.0
    if len(layer.inputs) > 2:
        old = tensors[layer.inputs[2]].constant
    names = (f"{affine.output}.weights", f"{affine.output}.bias")
    values = (weights.constant * scales.reshape(shape), old * scales + offsets)
    for name, value in zip(names, values, strict=True):
        tensors[name] = Tensor.const(name, value.astype(np.float32))
    op = replace(layer.op, clamp=affine.op.clamp)
    made = Node(layer.name, op, (layer.inputs[0], *names), affine.outputs)
    nodes = [made if n is layer else n for n in graph.nodes if n is not affine]
    return graph.with_(nodes=nodes, tensors=tensors), np.where(scales == 0, 1.0, np.abs(scales))
