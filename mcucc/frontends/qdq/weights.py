"""Weights and biases of a quantized ONNX model as integers, in the order of the graph."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import onnx

from mcucc.frontends.qdq.constants import IntConstant, output_axis
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.graph import Graph, Node
from mcucc.ir.tensor import Quant, Tensor
from mcucc.numerics.fixed_point import INT8_MAX, INT8_MIN, INT32_MAX
from mcucc.numerics.weights import DEAD_FACTOR, round_weights, safe_scales

Doubles = npt.NDArray[np.float64]
WEIGHT_TYPES = (np.dtype(np.int8), np.dtype(np.uint8))


def integer_weights(
    graph: Graph,
    node: Node,
    quants: Mapping[str, Quant],
    proto: onnx.NodeProto | None,
    constants: Mapping[str, IntConstant],
    factor: Doubles | float,
) -> list[Tensor]:
    """int8 weights and int32 bias of a node, under the names of its float ones.

    `factor` is what scales and offsets behind the node have multiplied its weights by, channel by
    channel. Raises UnsupportedNode.
    """
    axis = node.op.WEIGHT_AXIS or 0
    weights = graph.tensors[node.inputs[1]]
    operands = list(proto.input)[1:] if proto is not None else []
    left = proto is not None and proto.op_type == "MatMul" and proto.input[0] in constants
    if proto is not None and left:
        operands = list(proto.input)[:1]
    entry = constants.get(operands[0]) if operands else None
    if entry is None:
        return [_repeated(node, weights)]
    scales = _scales(proto, entry, weights, axis, left=left) * _alpha(proto) * factor
    rows = _integers(weights, scales, axis)
    if len(node.inputs) == 2:
        return [_int8(weights, rows, scales, axis)]
    bias = graph.tensors[node.inputs[2]]
    x, y = quants[node.inputs[0]], quants[node.output]
    real = np.broadcast_to(bias.constant.astype(np.float64), len(rows))
    rows, scales = _room_for_bias(rows, real, scales, x, y)
    unit = scales * x.per_tensor_scale
    values = np.rint(real / unit)
    exact = constants.get(operands[1]) if len(operands) > 1 else None
    if exact is not None and _same(exact, bias, unit):
        values = exact.centred.reshape(-1)
    quant = Quant(tuple(unit.tolist()), 0, 0 if unit.size > 1 else None)
    clipped = np.clip(values, -INT32_MAX, INT32_MAX).astype(np.int32)
    return [_int8(weights, rows, scales, axis), Tensor.const(bias.name, clipped, quant)]


def _scales(
    proto: onnx.NodeProto | None, entry: IntConstant, weights: Tensor, axis: int, *, left: bool
) -> Doubles:
    """The file's weight scales: one, or one for each output channel (`left`: rows of A in A x)."""
    assert proto is not None
    centred = entry.centred
    small = centred.min(initial=0) >= INT8_MIN and centred.max(initial=0) <= INT8_MAX
    if entry.integers.dtype not in WEIGHT_TYPES or not small:
        raise UnsupportedNode("its weights are not symmetric int8", "quantize them symmetrically")
    scales = entry.channel_scales(-2 if left else output_axis(proto))
    if scales.size not in (1, weights.shape[axis]):
        raise UnsupportedNode(f"{scales.size} weight scales for {weights.shape[axis]} channels")
    return scales


def _alpha(proto: onnx.NodeProto | None) -> float:
    """The factor of a Gemm, without its sign: the integers have that."""
    if proto is None or proto.op_type != "Gemm":
        return 1.0
    alpha = next((a.f for a in proto.attribute if a.name == "alpha"), 1.0)
    return abs(alpha) if alpha else 1.0


def _integers(weights: Tensor, scales: Doubles, axis: int) -> Doubles:
    """The weights in units of their scales, (C_out, taps); exact, they are multiples of them."""
    rows = np.moveaxis(weights.constant.astype(np.float64), axis, 0)
    rows = rows.reshape(rows.shape[0], -1)
    steps = rows / np.where(scales > 0, scales, 1.0)[:, None]
    integers = np.rint(steps)
    if (np.abs(steps - integers) > 1e-3).any():
        raise UnsupportedNode(
            "its weights are not multiples of their scale: something between their "
            "DequantizeLinear and it computes with them",
            "quantize the weights as they are used",
        )
    if integers.max() > 127 or integers.min() < -128:
        raise UnsupportedNode(
            "its weights leave int8: -128 times a negative factor, or blocks of unlike scales",
            "quantize to -127..127, per output channel",
        )
    return np.asarray(integers)


def _room_for_bias(
    rows: Doubles, bias: Doubles, scales: Doubles, x: Quant, y: Quant
) -> tuple[Doubles, Doubles]:
    """Integers and scales with which every bias fits its accumulator.

    A pruned channel has a scale of 0, or next to it: as nothing hangs on its weights, it gets one
    in which its bias can be told.
    """
    spread = np.broadcast_to(scales, len(rows)).copy()
    dead = ~rows.any(axis=1)
    lost = dead & (np.abs(bias) > spread * x.per_tensor_scale * 2**30)
    spread[lost | (spread <= 0)] = DEAD_FACTOR * y.per_tensor_scale / x.per_tensor_scale
    flat = rows * np.where(scales > 0, scales, 0.0)[:, None]
    safe = safe_scales(flat, bias, spread, x.per_tensor_scale, 128 + abs(x.zero_point))
    changed = safe != np.broadcast_to(scales, len(rows))
    if not changed.any():
        return rows, scales
    moved = np.where(changed[:, None], round_weights(flat, safe), rows)
    return moved, safe


def _same(exact: IntConstant, bias: Tensor, unit: Doubles) -> bool:
    """Whether the file's own integers are the bias in these units."""
    if exact.integers.dtype != np.int32 or exact.integers.size != bias.constant.size:
        return False
    scales = exact.scale.reshape(-1).astype(np.float64)
    close = np.allclose(scales, unit, rtol=1e-5, atol=0.0)
    return bool(close and np.array_equal(exact.real.reshape(-1), bias.constant.reshape(-1)))


def _int8(weights: Tensor, rows: Doubles, scales: Doubles, axis: int) -> Tensor:
    moved = np.moveaxis(weights.constant, axis, 0)
    array = np.moveaxis(rows.reshape(moved.shape), 0, axis).astype(np.int8)
    quant = Quant(tuple(scales.tolist()), 0, axis if scales.size > 1 else None)
    return Tensor.const(weights.name, np.ascontiguousarray(array), quant)


def _repeated(node: Node, weights: Tensor) -> Tensor:
    """Weights of 1 that repeat a channel; UnsupportedNode for any others, which are floats."""
    if len(node.inputs) > 2 or not (weights.constant == 1).all():
        raise UnsupportedNode("its weights are float", "quantize them to int8")
    ones = np.ones(weights.shape, np.int8)
    return Tensor.const(weights.name, ones, Quant((1.0,), 0, None))
