"""Silu (swish): x / (1 + exp(-x))."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ir.op import register
from mcucc.ops.common.lookup import Unary
from mcucc.ops.sigmoid import Sigmoid


@register
@dataclass(frozen=True)
class Silu(Unary):
    """y = x / (1 + exp(-x))."""

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return x * Sigmoid().function(x)
