"""Every converter of an ONNX operator: importing the files that hold them registers them."""

from __future__ import annotations

from mcucc.frontends.onnx import elementwise, linear, resize, shapes, slices, windows
from mcucc.frontends.onnx.node import CONVERTERS, Converter

MODULES = (elementwise, linear, resize, shapes, slices, windows)


def converters() -> dict[str, Converter]:
    """Every converter by operator, sorted."""
    return dict(sorted(CONVERTERS.items()))
