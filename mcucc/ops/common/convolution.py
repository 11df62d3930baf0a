"""What Conv2d and DepthwiseConv2d have in common as kernels: sums of products over a window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mcucc.ir.kernel import Kernel
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import Int8Array
from mcucc.ops.common.matrix import Accumulation
from mcucc.ops.common.spatial import Window2d


@dataclass(frozen=True, eq=False)
class ConvolutionKernel(Kernel):
    """int32 sums over a sliding window. `input_width` is that of the whole input, in pixels."""

    window: Window2d
    input_width: int
    weights: Int8Array
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
