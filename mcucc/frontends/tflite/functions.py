"""Converters of .tflite operators of one value whose tables LiteRT computes in its own way."""

from __future__ import annotations

from mcucc.frontends.tflite.context import INT8, Context, per_tensor
from mcucc.frontends.tflite.file import FileOperator
from mcucc.frontends.tflite.registry import converter
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ops.function import Function

_FUNCTIONS = {"EXP": "Exp", "LOG": "Log", "NEG": "Neg", "RSQRT": "Rsqrt", "SQRT": "Sqrt"}
FLOAT_ONLY = (
    "ADD_N", "CEIL", "COS", "CUMSUM", "ELU", "FLOOR", "LOCAL_RESPONSE_NORMALIZATION", "POW",
    "ROUND", "SIGN", "SIN", "SQUARE",
)  # fmt: skip


@converter(*_FUNCTIONS)
def function(ctx: Context, operator: FileOperator) -> None:
    """Function, as a table of LiteRT's outputs."""
    x, y = ctx.activation(operator, phases=True), ctx.output_tensor(operator)
    if x.dtype != INT8 or y.dtype != INT8:
        raise UnsupportedNode("of int16", "quantize activations to int8")
    if operator.kind == "NEG" and (x.quant != per_tensor(y) or x.quantization.zero_point):
        raise UnsupportedNode(
            "LiteRT negates bytes, which is no negation with a zero point or two scales"
        )
    ctx.op(Function(_FUNCTIONS[operator.kind], litert=True), [x.name], operator, ctx.like(operator))


@converter(*FLOAT_ONLY)
def float_only(ctx: Context, operator: FileOperator) -> None:
    """Refused: there is nothing to be equal to."""
    raise UnsupportedNode(
        "LiteRT has no int8 kernel of it either", "quantize the network without it, or leave it out"
    )
