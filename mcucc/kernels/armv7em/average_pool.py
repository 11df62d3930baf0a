"""AveragePool on Armv7E-M: channels in pairs, a proved form for every divisor
(average_pool_armv7em.c)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcucc.ir.kernel import ConstArray, KernelCall, Variant
from mcucc.ir.kernel_id import Form, InstructionSet, KernelId
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.requantize import Finish, Interval, high_form
from mcucc.kernels.select import NodeContext, variant
from mcucc.numerics.fixed_point import IntArray, Requant, Rounding
from mcucc.ops.average_pool import AveragePool, AveragePoolDivideKernel, AveragePoolKernel
from mcucc.ops.common.matrix import Accumulation

BLOCK = 4  # channels of a word
MOST_TAPS = 128  # whose sum, less their zero points, fits int16
SCALE = 8  # MCUCC_POOL_SCALE
LARGEST_SHIFT = 62


@variant(AveragePoolKernel, InstructionSet.ARMV7EM)
def average_pool(kernel: AveragePoolKernel, context: NodeContext) -> Variant | None:
    """Double rounding as it is, single rounding where HIGH is proved for every divisor."""
    key = KernelId("average_pool", InstructionSet.ARMV7EM, requantization=Rounding.DOUBLE)
    call = replace(kernel.call(), id=key)
    if kernel.requant.rounding is Rounding.SINGLE:
        counts = np.unique(kernel.op.counts(*kernel.input_shape[:2]))
        finish = high_of(kernel, counts, context.input_intervals[0])
        if finish is None:
            return None
        factors = np.zeros(kernel.requant.multiplier.size, np.int32)
        factors[counts - 1] = finish.multiplier
        own = {"multiplier": ConstArray("multiplier", factors), "shift": None}
        fields = tuple((name, own.get(name, value)) for name, value in call.fields)
        call = KernelCall(replace(key, requantization=Form.HIGH), fields)
    return priced(call, kernel.op, kernel.input_shape[2], context)


@variant(AveragePoolDivideKernel, InstructionSet.ARMV7EM)
def divide(kernel: AveragePoolDivideKernel, context: NodeContext) -> Variant | None:
    """LiteRT's pool."""
    key = KernelId("average_pool", InstructionSet.ARMV7EM, "divide")
    call = replace(kernel.call(), id=key)
    return priced(call, kernel.op, kernel.input_shape[2], context)


def priced(
    call: KernelCall, op: AveragePool, channels: int, context: NodeContext
) -> Variant | None:
    """Windows whose sums fit 16 bits, of four channels and more."""
    taps = op.window.kernel[0] * op.window.kernel[1]
    if channels < BLOCK or taps > MOST_TAPS:
        return None
    cost = variant_cost(call.id)
    outputs = context.height * context.width * channels
    return Variant(call, "armv7em sxtab16", outputs * (cost.output + cost.input * taps))


def high_of(
    kernel: AveragePoolKernel, counts: IntArray, interval: tuple[int, int]
) -> Finish | None:
    """HIGH for sums SCALE times as large, a factor a divisor in `counts`."""
    shift = kernel.requant.shift[counts - 1] + SCALE.bit_length() - 1
    if shift.max() > LARGEST_SHIFT:
        return None
    requant = Requant(kernel.requant.multiplier[counts - 1], shift, Rounding.SINGLE)
    lo, hi = (SCALE * counts * (end - kernel.zero_points[0]) for end in interval)
    # A divisor may count padding: fewer taps than it says, whose sum is nearer 0.
    bounds = Interval(np.minimum(lo, 0), np.maximum(hi, 0))
    zero = np.zeros(counts.size, np.int32)
    reach = int(bounds.lo.min()), int(bounds.hi.max())
    sums = Accumulation(zero, requant, 0, kernel.zero_points[1], *kernel.clamp, reach)
    return high_form(sums, bounds, patient=True)
