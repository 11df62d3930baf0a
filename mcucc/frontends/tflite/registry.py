"""The converters of .tflite operators: `@converter("CONV_2D")` makes a function known as one.

`converters.py` lists the modules that hold them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mcucc.frontends.tflite.context import Context
from mcucc.frontends.tflite.file import FileOperator

Converter = Callable[[Context, FileOperator], None]  # raises UnsupportedNode
AnyConverter = TypeVar("AnyConverter", bound=Converter)
CONVERTERS: dict[str, Converter] = {}


def converter(*kinds: str) -> Callable[[AnyConverter], AnyConverter]:
    """Decorator: the function converts operators of these kinds."""

    def add(function: AnyConverter) -> AnyConverter:
        for kind in kinds:
            CONVERTERS[kind] = function
        return function

    return add
