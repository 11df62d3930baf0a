"""Conv2d on Armv7-M: two pixels in one long word, in lanes of 23 bits (conv2d_armv7m.c)."""

from __future__ import annotations

import numpy as np

from mcucc.ir.kernel import Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.portable.pairs import flat_weights, pack_pairs, pairs_variant
from mcucc.kernels.requantize import (
    interval_of,
)
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.conv2d import Conv2dKernel

LARGEST_WIDE_SUM = (1 << 22) - 1  # of a window's sum in a lane of 23 bits


@variant(Conv2dKernel, InstructionSet.ARMV7M)
def conv2d(kernel: Conv2dKernel, context: NodeContext) -> Variant | None:
    """Lanes of 23 bits, where every sum of a window fits."""
    flat = flat_weights(kernel)
    bounds = interval_of(flat, np.zeros(len(flat)), *context.input_intervals[0])
    if max(bounds.hi.max(), -bounds.lo.min()) > LARGEST_WIDE_SUM:
        return None
    packed = pack_pairs(flat, 4)
    key = KernelId("conv2d", InstructionSet.ARMV7M)
    return pairs_variant(kernel, context, key, packed, packed.shape[1], ())
