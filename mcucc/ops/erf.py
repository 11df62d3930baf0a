"""Erf: the error function."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ir.op import register
from mcucc.numerics.elementary import erf
from mcucc.ops.common.lookup import Unary


@register
@dataclass(frozen=True)
class Erf(Unary):
    """y = 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x."""

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return erf(x)
