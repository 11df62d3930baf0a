"""Layers of few bits as they come out of files: small integers become multiples, exactly.

A file's int4 weight is an integer q of -8 .. 7, a ternary one -1, 0 or 1. The same layer with the
weights 16 q (64 q), sums and bias 16 times as large and its factor M / 16 makes the same bytes for
every input: (16 a * m + 2^(s + 3)) >> (s + 4) is (a * m + 2^(s - 1)) >> s. In this form its weights
are those of a grid (mcucc/numerics/weights.py), and kernels may store them packed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcucc.ir.kernel import Kernel
from mcucc.numerics.fixed_point import INT32_MAX, INT32_MIN, Rounding
from mcucc.numerics.weights import INT4, TERNARY, of_few_bits
from mcucc.ops.common.matrix import Accumulation
from mcucc.ops.conv2d import Conv2dKernel
from mcucc.ops.depthwise_conv2d import DepthwiseConv2dKernel
from mcucc.ops.fully_connected import FullyConnectedKernel

LARGEST_SHIFT = 62  # of a factor (numerics/fixed_point.py)


def on_a_grid(kernel: Kernel) -> Kernel:
    """The kernel with weights that are multiples of a grid's step, where they are of few bits.

    Unchanged where that is not exact: with two roundings, or where sums leave int32.
    """
    if not isinstance(kernel, Conv2dKernel | DepthwiseConv2dKernel | FullyConnectedKernel):
        return kernel
    if kernel.wide or not kernel.weights.size:
        return kernel
    low, high = int(kernel.weights.min()), int(kernel.weights.max())
    for grid in (TERNARY, INT4):
        if -grid.largest - 1 <= low and high <= grid.largest and of_few_bits(kernel.weights):
            sums = _scaled(kernel.sums, grid.step)
            if sums is not None:
                return replace(kernel, weights=kernel.weights * np.int8(grid.step), sums=sums)
    return kernel


def _scaled(sums: Accumulation, step: int) -> Accumulation | None:
    """The same bytes for sums that are `step` times as large; None where there are none."""
    lowest, highest = (bound * step for bound in sums.bounds)
    shift = sums.requant.shift + (step.bit_length() - 1)
    exact = sums.requant.rounding is Rounding.SINGLE and int(shift.max()) <= LARGEST_SHIFT
    if not exact or sums.family is not None or lowest < INT32_MIN or highest > INT32_MAX:
        return None
    bias = (sums.bias.astype(np.int64) * step).astype(np.int32)
    requant = replace(sums.requant, shift=shift)
    return replace(sums, bias=bias, requant=requant, bounds=(lowest, highest))
