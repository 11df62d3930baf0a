"""Every converter of an ONNX operator; a module with converters is listed here, and only here."""

from __future__ import annotations

from mcucc.frontends.onnx import (
    attentions,
    einsums,
    elementwise,
    functions,
    integers,
    linear,
    norms,
    piecewise,
    products,
    reductions,
    resize,
    shapes,
    slices,
    softmaxes,
    windows,
)
from mcucc.frontends.onnx.registry import CONVERTERS, Converter

MODULES = (
    attentions,
    einsums,
    elementwise,
    functions,
    integers,
    linear,
    norms,
    piecewise,
    products,
    reductions,
    resize,
    shapes,
    slices,
    softmaxes,
    windows,
)  # importing them fills CONVERTERS


def converters() -> dict[str, Converter]:
    """Every converter by operator, sorted."""
    return dict(sorted(CONVERTERS.items()))
