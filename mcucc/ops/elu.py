"""Elu: the identity above zero, alpha * (exp(x) - 1) below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ir.op import register
from mcucc.numerics.elementary import expm1
from mcucc.ops.common.lookup import Unary


@register
@dataclass(frozen=True)
class Elu(Unary):
    """y = x for x >= 0, alpha * (exp(x) - 1) below."""

    alpha: float = 1.0

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.where(x >= 0, x, self.alpha * expm1(np.minimum(x, 0.0)))
