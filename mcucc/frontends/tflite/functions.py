"""Converters of .tflite operators of one value whose tables LiteRT computes in its own way."""

from __future__ import annotations

from mcucc.frontends.tflite.context import INT8, Context, per_tensor
from mcucc.frontends.tflite.file import FileOperator
from mcucc.frontends.tflite.options import ArithmeticOptions
from mcucc.frontends.tflite.registry import converter
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ops.function import Function
from mcucc.ops.l2_norm import L2Norm

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


@converter("L2_NORMALIZATION")
def unit_length(ctx: Context, operator: FileOperator) -> None:
    """L2Norm over the last axis, whose output's scale LiteRT prescribes."""
    x, options = ctx.activation(operator), operator.options
    if isinstance(options, ArithmeticOptions) and options.activation:
        raise UnsupportedNode("a fused activation", "apply it behind")
    if per_tensor(ctx.output_tensor(operator)) != L2Norm().fixed_quant():
        raise UnsupportedNode("the output must have the scale 1/128 and the zero point 0")
    ctx.op(L2Norm(), [x.name], operator, ctx.like(operator))


@converter("LOG_SOFTMAX")
def log_softmax(ctx: Context, operator: FileOperator) -> None:
    """Refused: the float network's LogSoftmax rounds otherwise."""
    raise UnsupportedNode(
        "LiteRT's fixed-point logarithm is not compiled",
        "end the network before it: the order of the scores is the same",
    )


@converter(*FLOAT_ONLY)
def float_only(ctx: Context, operator: FileOperator) -> None:
    """Refused: there is nothing to be equal to."""
    raise UnsupportedNode(
        "LiteRT has no int8 kernel of it either", "quantize the network without it, or leave it out"
    )
