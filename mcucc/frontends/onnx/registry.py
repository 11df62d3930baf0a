"""The converters of ONNX operators: `@converter("Conv")` makes a function known as one.

`converters.py` lists the modules that hold them.
"""

from __future__ import annotations

from collections.abc import Callable

from mcucc.frontends.onnx.context import Context
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.view import View

# A view of the first output, or of every output by name; raises UnsupportedNode.
Converter = Callable[[Context, OnnxNode], View | dict[str, View]]
CONVERTERS: dict[str, Converter] = {}


def converter(*op_types: str) -> Callable[[Converter], Converter]:
    """Decorator: the function converts these operators of the standard domain."""

    def add(function: Converter) -> Converter:
        for op_type in op_types:
            CONVERTERS[op_type] = function
        return function

    return add
