"""HardSwish: x * clip(x / 6 + 1/2, 0, 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mcucc.ir.op import register
from mcucc.ir.tensor import Tensor
from mcucc.numerics.fixed_point import Int8Array, Rounding, saturate_int8
from mcucc.numerics.litert_fixed import hard_swish_table
from mcucc.ops.common.lookup import Unary


@register
@dataclass(frozen=True)
class HardSwish(Unary):
    """y = x * clip(x / 6 + 1/2, 0, 1).

    `int16`: LiteRT's arithmetic on all of its paths, an int16 approximation (off by at most 1).
    """

    int16: bool = False

    LARGEST_ERROR: ClassVar[str] = "0.5 units of the output scale, 1.5 in a .tflite"

    def function(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return x * np.clip(x / 6.0 + 0.5, 0.0, 1.0)

    def table(self, x: Tensor, y: Tensor, rounding: Rounding) -> Int8Array:
        """The 256 outputs, exact or as LiteRT approximates them."""
        if not self.int16:
            return super().table(x, y, rounding)
        qx, qy = x.quantization, y.quantization
        ends = (qx.per_tensor_scale, qx.zero_point, qy.per_tensor_scale, qy.zero_point)
        return saturate_int8(hard_swish_table(*ends))
