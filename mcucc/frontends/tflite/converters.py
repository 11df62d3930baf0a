"""Every converter of a .tflite operator; a module with converters is listed here, and only here."""

from __future__ import annotations

from mcucc.frontends.tflite import (
    choices,
    elementwise,
    functions,
    islands,
    joins,
    movers,
    parts,
    phases,
    plain,
    positions,
    products,
    reductions,
    windows,
)
from mcucc.frontends.tflite.registry import CONVERTERS, Converter

# Importing them fills CONVERTERS.
MODULES = (
    choices, elementwise, functions, islands, joins, movers, parts, phases, plain, positions,
    products, reductions, windows,
)  # fmt: skip


def converters() -> dict[str, Converter]:
    """Every converter by operator, sorted."""
    return dict(sorted(CONVERTERS.items()))
