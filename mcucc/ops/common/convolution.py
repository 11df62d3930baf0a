"""What Conv2d and DepthwiseConv2d have in common as kernels: sums of products over a window.

Weights are int8. Those of a uint8 file less their zero point may need 9 bits: they are int16 then,
and in C int8 ones with an offset in common, or what a variant makes of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, Kernel, KernelCall
from mcucc.ir.tensor import Tensor
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import INT8_MAX, INT8_MIN, INT16, IntegerArray
from mcucc.ops.common.matrix import Accumulation
from mcucc.ops.common.spatial import Window2d


@dataclass(frozen=True, eq=False)
class ConvolutionKernel(Kernel):
    """int32 sums over a sliding window. `input_width` is that of the whole input, in pixels."""

    window: Window2d
    input_width: int
    weights: IntegerArray
    sums: Accumulation

    def windows(self, index: int) -> tuple[Window, Window]:
        return self.window.rows, self.window.columns

    def padding(self) -> int | None:
        """Padding is the input's zero point."""
        return self.sums.input_zero_point if self.window.padded else None

    @property
    def types(self) -> tuple[np.dtype[Any], ...]:
        return self.sums.types

    @property
    def macs_per_pixel(self) -> int:
        """Every weight counts once."""
        return int(self.weights.size)


def integer_weights(tensor: Tensor) -> IntegerArray:
    """The weights of a layer: int8, or int16 where they are of 9 bits."""
    return tensor.constant.astype(np.int16 if tensor.dtype == INT16 else np.int8)


def offset_of(weights: IntegerArray) -> int:
    """The number nearest to 0 that weights are int8 without; ValueError where there is none."""
    least, most = int(weights.min()), int(weights.max())
    offset = max(most - INT8_MAX, 0) or min(least - INT8_MIN, 0)
    if least - offset < INT8_MIN or most - offset > INT8_MAX:
        raise ValueError(f"weights from {least} to {most} are no int8 with an offset")
    return offset


def with_offset(call: KernelCall, weights: npt.NDArray[np.int16]) -> KernelCall:
    """A call of `mcucc_conv2d` with its weights as int8 and what is to be added to each."""
    offset = offset_of(weights)
    short = ConstArray("weights", (weights - offset).astype(np.int8))
    fields = dict(call.fields) | {"weights": short}
    plain = tuple((f"plain.{name}", value) for name, value in fields.items())
    key = replace(call.id, op="conv2d_offset")
    return replace(call, id=key, fields=(*plain, ("weight_offset", offset)))
