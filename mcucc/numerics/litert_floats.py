"""Element-wise float32 operators as LiteRT's reference kernels compute them.

Additions, products, quotients and roots are IEEE's own in float32; other functions are taken in
float64 and rounded to float32 once, so that the last bit of a libm cannot matter. Sources: the
float kernels of LiteRT (elementwise.cc, activations.cc, reference/logistic.h).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]
ONE, SIX = np.float32(1), np.float32(6)
LOGISTIC_IS_ONE = np.float32(16.619047164916992188)
LOGISTIC_IS_EXP = np.float32(-9)


def _once(function: Callable[[Reals], Reals]) -> Callable[[Floats], Floats]:
    """A function of float64, rounded once."""
    return lambda x: function(x.astype(np.float64)).astype(np.float32)


def _elu(x: Floats) -> Floats:
    below = np.expm1(np.minimum(x, 0).astype(np.float64)).astype(np.float32)
    made: Floats = np.where(x < 0, below, x)
    return made


def _logistic(x: Floats) -> Floats:
    """1 / (1 + exp(-x)) with LiteRT's shortcuts at both ends."""
    inner = ONE / (ONE + _EXP(-x))
    return np.where(x > LOGISTIC_IS_ONE, ONE, np.where(x < LOGISTIC_IS_EXP, _EXP(x), inner))


def _hard_swish(x: Floats) -> Floats:
    made: Floats = x * np.minimum(SIX, np.maximum(np.float32(0), x + np.float32(3))) / SIX
    return made


def leaky_relu(x: Floats, alpha: float) -> Floats:
    """x, or alpha x where x is not positive."""
    return np.where(x > 0, x, x * np.float32(alpha))


def _power(x: Floats, exponent: Floats) -> Floats:
    """x^exponent."""
    made: Floats = np.power(x.astype(np.float64), exponent.astype(np.float64)).astype(np.float32)
    return made


def clamp(x: Floats, low: float, high: float) -> Floats:
    """x within bounds."""
    return np.minimum(np.maximum(x, np.float32(low)), np.float32(high))


_EXP = _once(np.exp)
_TANH = _once(np.tanh)

UNARY: dict[str, Callable[[Floats], Floats]] = {
    "ABS": np.abs,
    "CEIL": np.ceil,
    "COS": _once(np.cos),
    "ELU": _elu,
    "EXP": _EXP,
    "FLOOR": np.floor,
    "HARD_SWISH": _hard_swish,
    "LOG": _once(np.log),
    "LOGISTIC": _logistic,
    "NEG": np.negative,
    "RELU": lambda x: np.maximum(x, np.float32(0)),
    "RELU6": lambda x: clamp(x, 0, 6),
    "RELU_0_TO_1": lambda x: clamp(x, 0, 1),
    "RELU_N1_TO_1": lambda x: clamp(x, -1, 1),
    "ROUND": np.rint,
    "RSQRT": lambda x: np.divide(ONE, np.sqrt(x), dtype=np.float32),
    "SIGN": np.sign,
    "SIN": _once(np.sin),
    "SQRT": np.sqrt,
    "SQUARE": lambda x: x * x,
    "TANH": _TANH,
}
BINARY: dict[str, Callable[[Floats, Floats], Floats]] = {
    "ADD": np.add,
    "DIV": np.divide,
    "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum,
    "MUL": np.multiply,
    "POW": _power,
    "SQUARED_DIFFERENCE": lambda a, b: (a - b) * (a - b),
    "SUB": np.subtract,
}
COMPARISONS: dict[str, Callable[..., npt.NDArray[np.bool_]]] = {
    "EQUAL": np.equal,
    "GREATER": np.greater,
    "GREATER_EQUAL": np.greater_equal,
    "LESS": np.less,
    "LESS_EQUAL": np.less_equal,
    "NOT_EQUAL": np.not_equal,
}
