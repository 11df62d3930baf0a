"""LeakyRelu: a small slope below zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ops.base import register
from mcucc.ops.lookup import Unary


@register
@dataclass(frozen=True)
class LeakyRelu(Unary):
    """y = x for x >= 0, alpha * x below."""

    alpha: float = 0.01

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Leaky ReLU."""
        return np.where(x >= 0, x, self.alpha * x)
