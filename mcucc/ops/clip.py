"""Clip: Relu, Relu6 and any other clamp that could not be fused into its producer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.numerics import RELU, Clamp
from mcucc.ops.base import register
from mcucc.ops.lookup import Unary


@register
@dataclass(frozen=True)
class Clip(Unary):
    """y = min(max(x, lo), hi)."""

    clamp: Clamp = RELU

    LIMITS: ClassVar[str] = "fused into the producer where it has one consumer"

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Clamp."""
        return np.clip(x, self.clamp.lo, self.clamp.hi)
