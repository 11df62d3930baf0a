"""Tanh: the hyperbolic tangent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ir.op import register
from mcucc.ir.tensor import Quant
from mcucc.ops.common.lookup import Unary


@register
@dataclass(frozen=True)
class Tanh(Unary):
    """y = tanh(x), output scale 1/128, zero point 0."""

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.tanh(x)

    def fixed_quant(self) -> Quant:
        """Covers [-1, 127/128]."""
        return Quant((1.0 / 128.0,), 0)
