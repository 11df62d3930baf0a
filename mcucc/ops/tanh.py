"""Tanh: the hyperbolic tangent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import Kernel
from mcucc.ir.op import register
from mcucc.ir.tensor import Quant, Tensor
from mcucc.numerics.elementary import tanh
from mcucc.numerics.fixed_point import INT16, Rounding
from mcucc.ops.common.lookup import Unary
from mcucc.ops.common.table_function import TableFunctionKernel


@register
@dataclass(frozen=True)
class Tanh(Unary):
    """y = tanh(x), output scale 1/128, zero point 0."""

    WIDE_ALL: ClassVar[bool] = True

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return tanh(x)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """A table; of int16 LiteRT's table of lines, in both profiles."""
        if INT16 in (inputs[0].dtype, output.dtype):
            return TableFunctionKernel.of(inputs, output, is_tanh=True)
        return super().lower(inputs, output, rounding)

    def fixed_quant(self) -> Quant:
        """Covers [-1, 127/128]."""
        return Quant((1.0 / 128.0,), 0)
