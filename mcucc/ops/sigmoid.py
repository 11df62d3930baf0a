"""Sigmoid: 1 / (1 + exp(-x))."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ir.op import register
from mcucc.ir.tensor import Quant
from mcucc.ops.common.lookup import Unary


@register
@dataclass(frozen=True)
class Sigmoid(Unary):
    """y = 1 / (1 + exp(-x)), output scale 1/256, zero point -128."""

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Logistic, without overflow at either end."""
        e = np.exp(-np.abs(x))
        return np.where(x >= 0, 1.0 / (1.0 + e), e / (1.0 + e))

    def fixed_quant(self) -> Quant:
        """Covers [0, 255/256]."""
        return Quant((1.0 / 256.0,), -128)
