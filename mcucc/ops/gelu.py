"""Gelu: x times the normal distribution function of x."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ir.op import register
from mcucc.numerics.elementary import erf, tanh
from mcucc.ops.common.lookup import Unary


@register
@dataclass(frozen=True)
class Gelu(Unary):
    """y = x * (1 + erf(x / sqrt(2))) / 2; `tanh`: the usual approximation of it.

    Source of the approximation: Hendrycks and Gimpel, "Gaussian Error Linear Units", section 2.
    """

    tanh: bool = False

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        if self.tanh:
            inner = math.sqrt(2.0 / math.pi) * (x + 0.044715 * x * x * x)
            return 0.5 * x * (1.0 + tanh(inner))
        return 0.5 * x * (1.0 + erf(x / math.sqrt(2.0)))
