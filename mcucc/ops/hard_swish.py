"""HardSwish: x * clip(x / 6 + 1/2, 0, 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ops.base import register
from mcucc.ops.lookup import Unary


@register
@dataclass(frozen=True)
class HardSwish(Unary):
    """y = x * clip(x / 6 + 1/2, 0, 1)."""

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Hard swish."""
        return x * np.clip(x / 6.0 + 0.5, 0.0, 1.0)
