"""Outputs of the file that are constants, anchors of detectors among them, as tables in C.

They stand in files of their own, NAME_constants.h and .c: a library's object that nothing refers to
is not linked, so that they are in flash only where a product reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mcucc.base.names import comment, identifiers
from mcucc.codegen.model_names import c_float, c_int
from mcucc.frontends.imported import Array, ConstantOutput
from mcucc.ir.tensor import Quant

MOST_VALUES = 2**20  # of all tables; a detector of 640x640 has 33,600 anchors
PER_LINE = 8
# By the type in the file: what C calls it, and the NumPy type whose bytes the table has.
_TYPES: dict[str, tuple[str, Any]] = {
    "float16": ("float", np.float32),
    "float32": ("float", np.float32),
    "float64": ("double", np.float64),
    "bool": ("uint8_t", np.uint8),
    **{
        f"{sign}int{bits}": (f"{sign}int{bits}_t", getattr(np, f"{sign}int{bits}"))
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    },
}


@dataclass(frozen=True, eq=False)
class ConstantTable:
    """A constant output of the file in C; `symbol` is empty where there is no table of it."""

    name: str  # as in the file
    shape: tuple[int, ...]
    dtype: str  # in the file
    quant: Quant | None
    symbol: str = ""
    macro: str = ""
    c_type: str = ""
    values: Array | None = None  # of the C type

    @property
    def title(self) -> str:
        """The output's name in a comment."""
        return comment(self.name)

    @property
    def size(self) -> str:
        """Its shape in words."""
        return "x".join(map(str, self.shape)) or "one value"

    @property
    def length(self) -> int:
        """How many values it has."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def infinite(self) -> bool:
        """Whether the table needs the names that math.h has for infinity and NaN."""
        values = self.values
        return values is not None and not bool(np.isfinite(values).all())

    @property
    def scale_float(self) -> str:
        """The scale of a quantized output, in C."""
        return "" if self.quant is None else c_float(self.quant.per_tensor_scale)

    @property
    def lines(self) -> tuple[str, ...]:
        """The values, row after row of the file's shape."""
        if self.values is None:
            return ()
        words = [_number(value) for value in self.values.reshape(-1)]
        return tuple(
            ", ".join(words[i : i + PER_LINE]) + "," for i in range(0, len(words), PER_LINE)
        )


def constant_symbols(model: str, names: Mapping[str, ConstantOutput]) -> dict[str, str]:
    """The C name of each output's table."""
    return {name: f"{model}_constant_{own}" for name, own in identifiers(names).items()}


def constant_tables(model: str, outputs: Mapping[str, ConstantOutput]) -> tuple[ConstantTable, ...]:
    """The tables of a model; types unknown to C and values beyond MOST_VALUES are named only."""
    symbols, left, made = constant_symbols(model, outputs), MOST_VALUES, []
    for name, output in outputs.items():
        values, kind = output.values, output.values.dtype.name
        c_type, dtype = _TYPES.get(kind, ("", None))
        table = ConstantTable(name, values.shape, kind, output.quant)
        if c_type and 0 < values.size <= left:
            left -= values.size
            symbol, own = symbols[name], values.astype(dtype)
            table = ConstantTable(
                name, values.shape, kind, output.quant, symbol, symbol.upper(), c_type, own
            )
        made.append(table)
    return tuple(made)


def _number(value: Any) -> str:
    """One value as a C constant of its type."""
    if isinstance(value, np.float32):
        return c_float(float(value))
    if isinstance(value, np.float64):
        text = f"{value:.17g}" if np.isfinite(value) else c_float(float(value))
        return text if set(text) & set(".enN") else f"{text}.0"
    whole, kind = int(value), value.dtype
    if kind.itemsize < 8:
        return f"{whole}u" if kind == np.uint32 else c_int(whole)
    if whole == -(2**63):
        return "(-INT64_C(9223372036854775807) - 1)"
    return f"{'U' if kind.kind == 'u' else ''}INT64_C({whole})"
