"""Conv2d on Armv7-M: two pixels in one long word, in lanes of 23 bits (conv2d_armv7m.c)."""

from __future__ import annotations

import numpy as np

from mcucc.ir.kernel import Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.packing import pack_words, step_of
from mcucc.kernels.portable.pairs import flat_weights, pack_pairs, pairs_variant
from mcucc.kernels.requantize import interval_of
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.conv2d import Conv2dKernel

CHANNELS = 4
LARGEST_WIDE_SUM = (1 << 22) - 1  # of a window's sum in a lane of 23 bits


@variant(Conv2dKernel, InstructionSet.ARMV7M, packed=True)
@variant(Conv2dKernel, InstructionSet.ARMV7M)
def conv2d(kernel: Conv2dKernel, context: NodeContext) -> Variant | None:
    """Lanes of 23 bits, where every sum of a window fits; of packed weights in their steps."""
    bits, flat = context.stored_bits, flat_weights(kernel)
    bounds = interval_of(flat // step_of(bits), np.zeros(len(flat)), *context.input_intervals[0])
    if max(bounds.hi.max(), -bounds.lo.min()) > LARGEST_WIDE_SUM:
        return None
    unit = max(2, 8 // bits)  # taps: a word of packed weights
    turns = pack_pairs(flat, CHANNELS, unit)
    packed = pack_words(turns.reshape(len(turns), -1), bits) if bits < 8 else turns
    key = KernelId("conv2d", InstructionSet.ARMV7M, bits=bits)
    return pairs_variant(kernel, context, key, packed, turns.shape[1], ())
