"""Converters of functions of one value: a table each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcucc.frontends.onnx.context import Context
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.registry import converter
from mcucc.frontends.onnx.view import View
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ops.function import Function

# Operators without attributes, by the function's name.
_PLAIN = ("Ceil", "Cos", "Exp", "Floor", "Log", "Reciprocal", "Round", "Sign", "Sin", "Softsign")
# Parameters in the function's order, with ONNX's defaults.
_WITH: dict[str, tuple[tuple[str, float], ...]] = {
    "Celu": (("alpha", 1.0),),
    "Selu": (("alpha", 1.67326319217681884765625), ("gamma", 1.05070102214813232421875)),
    "Shrink": (("lambd", 0.5), ("bias", 0.0)),
    "ThresholdedRelu": (("alpha", 1.0),),
}


def of_value(ctx: Context, node: OnnxNode, function: Function, place: int = 0) -> View:
    """The function of input `place`."""
    view = ctx.view(node, place)
    return replace(view, tensor=ctx.compute(node, function, [view.tensor]))


@converter(*_PLAIN, "Sqrt")
def plain(ctx: Context, node: OnnxNode) -> View:
    return of_value(ctx, node, Function(node.op))


@converter(*_WITH)
def with_parameters(ctx: Context, node: OnnxNode) -> View:
    values = tuple(node.real(name, default) for name, default in _WITH[node.op])
    if not np.isfinite(values).all() or (node.op == "Celu" and values[0] == 0):
        raise UnsupportedNode(f"parameters {list(values)}")
    return of_value(ctx, node, Function(node.op, values))
