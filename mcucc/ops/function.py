"""Function: functions of one number that need no more than their name, and a parameter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.op import register
from mcucc.ir.tensor import Quant, Tensor
from mcucc.numerics.elementary import cos, exp, expm1, log, power, power_of, sin, softplus
from mcucc.numerics.fixed_point import Int8Array, Rounding
from mcucc.numerics.litert_functions import TABLES, Scale, litert_table
from mcucc.ops.common.lookup import Unary

Reals = npt.NDArray[np.float64]
SMALLEST = 1e-30  # what 0 counts as where a function has none
LARGEST = 1e30


def _power(x: Reals, exponent: float) -> Reals:
    """x^exponent; 0 for a negative x that has none."""
    whole = float(exponent).is_integer()
    base = x if whole else np.maximum(x, 0.0)
    if exponent < 0:
        base = np.where(np.abs(base) < SMALLEST, SMALLEST, base)
    return power(base, exponent)


def _selu(x: Reals, alpha: float, gamma: float) -> Reals:
    return gamma * np.where(x > 0, x, alpha * expm1(np.minimum(x, 0.0)))


def _celu(x: Reals, alpha: float) -> Reals:
    return np.where(x > 0, x, alpha * expm1(np.minimum(x, 0.0) / alpha))


def _shrink(x: Reals, least: float, bias: float) -> Reals:
    return np.where(x < -least, x + bias, np.where(x > least, x - bias, 0.0))


# Name: the function, and how many parameters it takes.
FUNCTIONS: dict[str, tuple[Callable[..., Reals], int]] = {
    "Above": (lambda x, bound: (x > bound) * 1.0, 1),
    "AtLeast": (lambda x, bound: (x >= bound) * 1.0, 1),
    "AtMost": (lambda x, bound: (x <= bound) * 1.0, 1),
    "Below": (lambda x, bound: (x < bound) * 1.0, 1),
    "Ceil": (np.ceil, 0),
    "Celu": (_celu, 1),
    "Cos": (cos, 0),
    "Exp": (exp, 0),
    "Floor": (np.floor, 0),
    "Fmod": (np.fmod, 1),
    "Is": (lambda x, number: (x == number) * 1.0, 1),
    "Log": (lambda x: log(np.maximum(x, SMALLEST)), 0),
    "LogSigmoid": (lambda x: -softplus(-x), 0),
    "Mod": (np.mod, 1),
    "Neg": (np.negative, 0),
    "Pow": (_power, 1),
    "PowOf": (lambda x, base: power_of(base, x), 1),
    "Reciprocal": (lambda x: _power(x, -1.0), 0),
    "Round": (np.rint, 0),
    "Rsqrt": (lambda x: _power(np.maximum(x, 0.0), -0.5), 0),
    "Selu": (_selu, 2),
    "Shrink": (_shrink, 2),
    "Sign": (np.sign, 0),
    "Sin": (sin, 0),
    "Softsign": (lambda x: x / (1.0 + np.abs(x)), 0),
    "Sqrt": (lambda x: np.sqrt(np.maximum(x, 0.0)), 0),
    "ThresholdedRelu": (lambda x, least: np.where(x > least, x, 0.0), 1),
    "Trunc": (np.trunc, 0),
}

TRUTHS = ("Above", "AtLeast", "AtMost", "Below", "Is")  # functions that are 0 or 1


@register
@dataclass(frozen=True)
class Function(Unary):
    """y = name(x): one of FUNCTIONS, with its parameters.

    Where a function has no value (the logarithm of 0, a root of -1) it takes that of the nearest x
    that has one, and what is beyond 1e30 is 1e30. `litert`: the integers of LiteRT's own kernel,
    in both profiles.
    """

    name: str = "Exp"
    parameters: tuple[float, ...] = ()
    litert: bool = False

    LIMITS: ClassVar[str] = ", ".join(FUNCTIONS)

    def __post_init__(self) -> None:
        if self.name not in FUNCTIONS or len(self.parameters) != FUNCTIONS[self.name][1]:
            raise ValueError(f"no function {self.name} of {len(self.parameters)} parameters")
        if self.litert and self.name not in TABLES:
            raise ValueError(f"LiteRT has no int8 kernel of {self.name}")

    def function(self, x: Reals) -> Reals:
        function, _ = FUNCTIONS[self.name]
        with np.errstate(all="ignore"):
            y = function(x, *self.parameters)
        finite = np.nan_to_num(y, nan=0.0, posinf=LARGEST, neginf=-LARGEST)
        return np.clip(finite, -LARGEST, LARGEST)

    def table(self, x: Tensor, y: Tensor, rounding: Rounding) -> Int8Array:
        """The 256 outputs."""
        if self.litert:
            return litert_table(self.name, _scale(x.quantization), _scale(y.quantization))
        return super().table(x, y, rounding)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{value:g}' for value in self.parameters)})"


def _scale(quant: Quant) -> Scale:
    return quant.per_tensor_scale, quant.zero_point
