"""QOperator models: what each QLinear operator is in float."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import helper

from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.qdq.context import Context
from mcucc.frontends.unsupported import UnsupportedNode

Handler = Callable[[Context, OnnxNode], None]
_QUANTIZER_ONLY = frozenset({"channels_last", "opset"})


def _attributes(node: OnnxNode) -> dict[str, Any]:
    if node.integer("channels_last"):
        raise UnsupportedNode("channels_last", "quantize the model in its own layout")
    return {
        a.name: helper.get_attribute_value(a)
        for a in node.proto.attribute
        if a.name not in _QUANTIZER_ONLY
    }


def _operand(ctx: Context, node: OnnxNode, index: int) -> str:
    """The float value of inputs (index: x, index + 1: scale, index + 2: zero point)."""
    if node.input(index) in ctx.known:
        return ctx.constant(node, index, index + 1, index + 2)
    return ctx.operand(node, index, index + 1, index + 2)


def _result(ctx: Context, node: OnnxNode, scale: int, x: int = 0) -> None:
    """The output's quantization, from inputs `scale` and `scale` + 1; it has the type of `x`."""
    name = node.optional(scale + 1)
    zero = None if name is None else ctx.known.get(name)
    dtype = ctx.dtype_of(node.input(x)) if zero is None else zero.dtype
    ctx.declare(node.output, node.output, ctx.quant(node, scale, scale + 1, dtype), dtype)


def _weights(ctx: Context, node: OnnxNode, index: int, axis: int) -> str:
    if node.input(index) not in ctx.known:
        raise UnsupportedNode(
            "its weights are computed by the network; only constants are compiled"
        )
    return ctx.constant(node, index, index + 1, index + 2, axis)


def _bias(ctx: Context, node: OnnxNode, index: int, scales: tuple[int, int]) -> list[str]:
    """An int32 bias in units of the product of two scales, as a list of one name or none."""
    name = node.optional(index)
    if name is None:
        return []
    if name not in ctx.known:
        raise UnsupportedNode("its bias is computed by the network; only constants are compiled")
    integers = ctx.known[name].reshape(-1)
    if integers.dtype != np.int32:
        raise UnsupportedNode(f"its bias is {integers.dtype}, not int32")
    x, w = (ctx.known[node.input(scale)].reshape(-1) for scale in scales)
    factor = np.float32(node.real("alpha", 1.0))  # of QGemm: of the sum, the bias included
    return [ctx.quantized(f"{name}.real", integers, x * w * factor)]


def _conv(ctx: Context, node: OnnxNode) -> None:
    inputs = [_operand(ctx, node, 0), _weights(ctx, node, 3, 0), *_bias(ctx, node, 8, (1, 4))]
    ctx.emit(node, "Conv", inputs, **_attributes(node))
    _result(ctx, node, 6)


def _gemm(ctx: Context, node: OnnxNode) -> None:
    axis = 0 if node.integer("transB") else 1
    inputs = [_operand(ctx, node, 0), _weights(ctx, node, 3, axis), *_bias(ctx, node, 6, (1, 4))]
    ctx.emit(node, "Gemm", inputs, **_attributes(node))
    if node.optional(7) is not None:
        _result(ctx, node, 7)


def _matmul(ctx: Context, node: OnnxNode) -> None:
    if node.input(0) in ctx.known or node.input(3) not in ctx.known:
        operands = [_operand(ctx, node, index) for index in (0, 3)]
    else:
        operands = [_operand(ctx, node, 0), _weights(ctx, node, 3, -1)]
    ctx.emit(node, "MatMul", operands)
    _result(ctx, node, 6)


def _binary(op: str) -> Handler:
    def handle(ctx: Context, node: OnnxNode) -> None:
        ctx.emit(node, op, [_operand(ctx, node, 0), _operand(ctx, node, 3)])
        _result(ctx, node, 6)

    return handle


def _unary(op: str) -> Handler:
    def handle(ctx: Context, node: OnnxNode) -> None:
        ctx.emit(node, op, [_operand(ctx, node, 0)], **_attributes(node))
        _result(ctx, node, 3)

    return handle


def _softmax(ctx: Context, node: OnnxNode) -> None:
    """Before opset 13 over all axes from `axis` on; the node says which it means."""
    meant = node.integer("opset", node.opset)
    if (meant < 13) != (node.opset < 13) and node.integer("axis", -1) != -1:
        raise UnsupportedNode(f"a Softmax of opset {meant} in a file of opset {node.opset}")
    ctx.emit(node, "Softmax", [_operand(ctx, node, 0)], axis=node.integer("axis", -1))
    _result(ctx, node, 3)


def _mean(ctx: Context, node: OnnxNode) -> None:
    """Its axes are an attribute in every opset, those of ReduceMean an input from 18 on."""
    inputs, attributes = [_operand(ctx, node, 0)], _attributes(node)
    axes = attributes.pop("axes", None)
    if axes is not None and node.opset >= 18:
        inputs.append(ctx.number(node, np.array(axes, np.int64)))
    elif axes is not None:
        attributes["axes"] = axes
    ctx.emit(node, "ReduceMean", inputs, **attributes)
    _result(ctx, node, 3)


def _concat(ctx: Context, node: OnnxNode) -> None:
    count = len(node.proto.input)
    inputs = [_operand(ctx, node, index) for index in range(2, count, 3)]
    ctx.emit(node, "Concat", inputs, **_attributes(node))
    _result(ctx, node, 0, x=2)


QLINEAR: dict[str, Handler] = {
    "QLinearConv": _conv,
    "QGemm": _gemm,
    "QLinearMatMul": _matmul,
    "QLinearAdd": _binary("Add"),
    "QLinearMul": _binary("Mul"),
    "QLinearAveragePool": _unary("AveragePool"),
    "QLinearGlobalAveragePool": _unary("GlobalAveragePool"),
    "QLinearReduceMean": _mean,
    "QLinearSigmoid": _unary("Sigmoid"),
    "QLinearLeakyRelu": _unary("LeakyRelu"),
    "QLinearSoftmax": _softmax,
    "QLinearConcat": _concat,
}
