"""Every converter of an ONNX operator; a module with converters is listed here, and only here."""

from __future__ import annotations

from mcucc.frontends.onnx import (
    elementwise,
    functions,
    integers,
    linear,
    norms,
    products,
    reductions,
    resize,
    shapes,
    slices,
    windows,
)
from mcucc.frontends.onnx.registry import CONVERTERS, Converter

MODULES = (
    elementwise,
    functions,
    integers,
    linear,
    norms,
    products,
    reductions,
    resize,
    shapes,
    slices,
    windows,
)  # importing them fills CONVERTERS


def converters() -> dict[str, Converter]:
    """Every converter by operator, sorted."""
    return dict(sorted(CONVERTERS.items()))
