"""HardSigmoid: clip(alpha * x + beta, 0, 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ir.op import register
from mcucc.ir.tensor import Quant
from mcucc.ops.common.lookup import Unary


@register
@dataclass(frozen=True)
class HardSigmoid(Unary):
    """y = clip(alpha * x + beta, 0, 1)."""

    alpha: float = 1.0 / 6.0
    beta: float = 0.5

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.clip(self.alpha * x + self.beta, 0.0, 1.0)

    def fixed_quant(self) -> Quant:
        """Covers [0, 255/256]."""
        return Quant((1.0 / 256.0,), -128)
