"""Mish: x * tanh(softplus(x))."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ir.op import register
from mcucc.numerics.elementary import softplus, tanh
from mcucc.ops.common.lookup import Unary


@register
@dataclass(frozen=True)
class Mish(Unary):
    """y = x * tanh(log(1 + exp(x)))."""

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return x * tanh(softplus(x))
