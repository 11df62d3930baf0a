"""Threshold: whether a value is at least a limit, as an index: 0 or 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.op import FloatArray, register
from mcucc.ir.tensor import Quant
from mcucc.numerics.fixed_point import INT8_MIN
from mcucc.ops.common.lookup import Unary


@register
@dataclass(frozen=True)
class Threshold(Unary):
    """y = 1 where x >= limit, else 0; stored as ArgMax stores an index: less 128."""

    limit: float = 0.5

    FORMULA: ClassVar[str] = "table[x], table[q] = (s_x * (q - z_x) >= limit) - 128"
    LARGEST_ERROR: ClassVar[str] = "0, of the integers that it reads"

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return (x >= self.limit).astype(np.float64)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        """0: it moves in a step."""
        return (np.zeros_like(inputs[0]),)

    def fixed_quant(self) -> Quant:
        """0 and 1 are -128 and -127."""
        return Quant((1.0,), INT8_MIN)
