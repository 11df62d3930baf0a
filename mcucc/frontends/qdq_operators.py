"""QOperator models: what each QLinear operator is in float."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import helper

from mcucc.frontends.onnx_node import OnnxNode, Refusal

if TYPE_CHECKING:
    from mcucc.frontends.qdq_strip import _Stripper

Handler = Callable[["_Stripper", OnnxNode], None]
_QUANTIZER_ONLY = frozenset({"channels_last", "opset"})


def _attributes(node: OnnxNode) -> dict[str, Any]:
    if node.integer("channels_last"):
        raise Refusal("channels_last", "quantize the model in its own layout")
    return {
        a.name: helper.get_attribute_value(a)
        for a in node.proto.attribute
        if a.name not in _QUANTIZER_ONLY
    }


def _operand(s: _Stripper, node: OnnxNode, index: int) -> str:
    """The float value of inputs (index: x, index + 1: scale, index + 2: zero point)."""
    name = node.input(index)
    if name in s.known:
        scale, zero = s.parameters(node, index + 1, index + 2)
        return s.constant(f"{name}.real", s.known[name], scale, zero, 0)
    quant, unsigned = s.quant(node, index + 1, index + 2)
    if name in s.inputs:
        s.declare(name, name, unsigned)
        s.result.quants[name] = quant
    return s.integer(node, name, quant)


def _result(s: _Stripper, node: OnnxNode, scale: int) -> None:
    """The output's quantization, from inputs `scale` and `scale` + 1."""
    quant, unsigned = s.quant(node, scale, scale + 1)
    s.result.quants[node.output] = quant
    s.declare(node.output, node.output, unsigned)


def _weights(s: _Stripper, node: OnnxNode, index: int, axis: int) -> str:
    name = node.input(index)
    if name not in s.known:
        raise Refusal("its weights are computed by the network; only constants are compiled")
    scale, zero = s.parameters(node, index + 1, index + 2)
    return s.constant(f"{name}.real", s.known[name], scale, zero, axis)


def _bias(s: _Stripper, node: OnnxNode, index: int, x_scale: int, w_scale: int) -> list[str]:
    name = node.optional(index)
    if name is None:
        return []
    if name not in s.known:
        raise Refusal("its bias is computed by the network; only constants are compiled")
    scale = s.known[node.input(x_scale)].reshape(-1) * s.known[node.input(w_scale)].reshape(-1)
    zero = np.zeros(1, dtype=np.int32)
    return [s.constant(f"{name}.{node.name}", s.known[name].reshape(-1), scale, zero, 0)]


def _conv(s: _Stripper, node: OnnxNode) -> None:
    inputs = [_operand(s, node, 0), _weights(s, node, 3, 0), *_bias(s, node, 8, 1, 4)]
    s.emit(node, "Conv", inputs, **_attributes(node))
    _result(s, node, 6)


def _gemm(s: _Stripper, node: OnnxNode) -> None:
    axis = 0 if node.integer("transB") else 1
    inputs = [_operand(s, node, 0), _weights(s, node, 3, axis), *_bias(s, node, 6, 1, 4)]
    s.emit(node, "Gemm", inputs, **_attributes(node))
    if node.optional(7) is not None:
        _result(s, node, 7)


def _matmul(s: _Stripper, node: OnnxNode) -> None:
    s.emit(node, "MatMul", [_operand(s, node, 0), _weights(s, node, 3, 1)])
    _result(s, node, 6)


def _binary(op: str) -> Handler:
    def handle(s: _Stripper, node: OnnxNode) -> None:
        s.emit(node, op, [_operand(s, node, 0), _operand(s, node, 3)])
        _result(s, node, 6)

    return handle


def _unary(op: str) -> Handler:
    def handle(s: _Stripper, node: OnnxNode) -> None:
        s.emit(node, op, [_operand(s, node, 0)], **_attributes(node))
        _result(s, node, 3)

    return handle


def _concat(s: _Stripper, node: OnnxNode) -> None:
    count = len(node.proto.input)
    inputs = [_operand(s, node, index) for index in range(2, count, 3)]
    s.emit(node, "Concat", inputs, **_attributes(node))
    _result(s, node, 0)


QLINEAR: dict[str, Handler] = {
    "QLinearConv": _conv,
    "QGemm": _gemm,
    "QLinearMatMul": _matmul,
    "QLinearAdd": _binary("Add"),
    "QLinearMul": _binary("Mul"),
    "QLinearAveragePool": _unary("AveragePool"),
    "QLinearGlobalAveragePool": _unary("GlobalAveragePool"),
    "QLinearReduceMean": _unary("ReduceMean"),
    "QLinearSigmoid": _unary("Sigmoid"),
    "QLinearLeakyRelu": _unary("LeakyRelu"),
    "QLinearSoftmax": _unary("Softmax"),
    "QLinearConcat": _concat,
}
