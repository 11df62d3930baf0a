"""Softplus: log(1 + exp(x))."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ir.op import register
from mcucc.numerics.elementary import softplus
from mcucc.ops.common.lookup import Unary


@register
@dataclass(frozen=True)
class Softplus(Unary):
    """y = log(1 + exp(x))."""

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return softplus(x)
