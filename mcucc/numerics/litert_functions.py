"""Tables of the functions of one int8 that LiteRT computes in its own way, all 256 outputs each.

Its tables of EXP and LOG are steps of float32, SQRT is cut off, RSQRT is Newton's iteration and NEG
negates the byte. The functions themselves are taken in float64 and rounded to float32 once, so that
the last bit of a libm cannot matter. Sources: LUTPopulate, elementwise.cc and neg.cc of LiteRT.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from mcucc.numerics.elementary import exp, log
from mcucc.numerics.fixed_point import (
    INT8_MAX,
    INT8_MIN,
    Int8Array,
    IntArray,
    Requant,
    Rounding,
    fixed_point,
    saturate_int8,
)
from mcucc.numerics.litert_root import inverse_root

Scale = tuple[float, int]  # and zero point
Reals = npt.NDArray[np.float64]
INPUTS = np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int64)
FRACTION_BITS = 20  # of RSQRT's root on its way to the output


def litert_table(name: str, x: Scale, y: Scale) -> Int8Array:
    """The outputs for -128 .. 127; KeyError for a function that LiteRT has not in int8.

    Where LiteRT stops with an error (roots of what is negative) it is the output for 0.
    """
    return TABLES[name](x, y)


def _steps(function: Callable[[Reals], Reals], x: Scale, y: Scale) -> Int8Array:
    """A function of float32, its result times the float32 inverse of the output's scale."""
    real = np.float32(x[0]) * (INPUTS - x[1]).astype(np.float32)
    with np.errstate(over="ignore"):
        made = function(real.astype(np.float64)).astype(np.float32)
        scaled = (made * (np.float32(1.0) / np.float32(y[0]))).astype(np.float64)
    whole = np.sign(scaled) * np.floor(np.abs(scaled) + 0.5)
    return _saturated(whole + y[1])


def _saturated(values: Reals) -> Int8Array:
    """Before they are integers: what is beyond int64 too."""
    made: Int8Array = np.clip(values, INT8_MIN, INT8_MAX).astype(np.int8)
    return made


def _exp(x: Scale, y: Scale) -> Int8Array:
    return _steps(exp, x, y)


def _log(x: Scale, y: Scale) -> Int8Array:
    """The least output for what is not positive."""
    least = float(np.float32(INT8_MIN - y[1]) * np.float32(y[0]))

    def function(real: Reals) -> Reals:
        return np.where(real > 0, log(np.where(real > 0, real, 1.0)), least)

    return _steps(function, x, y)


def _sqrt(x: Scale, y: Scale) -> Int8Array:
    real = np.float32(x[0]) * np.maximum(INPUTS - x[1], 0).astype(np.float32)
    whole = np.trunc(np.sqrt(real) / np.float32(y[0])).astype(np.float64)
    return _saturated(whole + y[1])


def _rsqrt(x: Scale, y: Scale) -> Int8Array:
    above = np.maximum(INPUTS - x[1], 0)
    multiplier, shift = inverse_root(above)
    root = Requant(multiplier, 31 + shift - FRACTION_BITS, Rounding.DOUBLE)
    scaled = root.apply(np.ones_like(above))
    factor = fixed_point(1.0 / float(np.sqrt(np.float32(x[0])) * np.float32(y[0])))
    pair = (np.array([factor[0]]), np.array([factor[1] + FRACTION_BITS]))
    made: IntArray = Requant(*pair, Rounding.DOUBLE).apply(scaled) + y[1]
    return saturate_int8(np.where(above == 0, INT8_MAX, made))


def _neg(x: Scale, y: Scale) -> Int8Array:
    """Of bytes: -128 stays. ValueError where the bytes are not the numbers' own."""
    if x != y or x[1] != 0:
        raise ValueError("LiteRT negates bytes, which needs one scale and zero points of 0")
    return (-INPUTS).astype(np.int8)


TABLES: dict[str, Callable[[Scale, Scale], Int8Array]] = {
    "Exp": _exp,
    "Log": _log,
    "Neg": _neg,
    "Rsqrt": _rsqrt,
    "Sqrt": _sqrt,
}
