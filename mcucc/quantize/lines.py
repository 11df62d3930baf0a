"""Kernels whose output channel is a line of the same channel of the pixel: one product, one shift.

A depthwise convolution of one tap, such as a batch norm before its activation, costs a sum and a
requantization for each output, and needs room beside its input. As a ChannelAffineKernel of the
same bytes it costs a multiplication and works in place.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import Kernel
from mcucc.numerics.affine import INPUTS, lines_through
from mcucc.numerics.fixed_point import INT8, Requant
from mcucc.ops.channel_affine import ChannelAffineKernel
from mcucc.ops.common.spatial import Window2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2dKernel

Reals = npt.NDArray[np.float64]
ONE_TAP = Window2d((1, 1))


def as_lines(kernel: Kernel) -> Kernel:
    """The kernel in this form where all of its outputs, for every input there is, are the same."""
    if isinstance(kernel, ChannelAffineKernel) and kernel.requant is not None:
        slopes = kernel.factors * _real(kernel.requant, kernel.factors.size)
        limits, products = kernel.clamp, kernel.products
    elif isinstance(kernel, DepthwiseConv2dKernel) and _by_channel(kernel):
        weights = kernel.weights.reshape(-1).astype(np.float64)
        slopes = weights * _real(kernel.sums.requant, weights.size)
        limits, products = (kernel.sums.lo, kernel.sums.hi), kernel.macs_per_pixel
    else:
        return kernel
    inputs = np.broadcast_to(INPUTS, (256, slopes.size)).astype(np.int8)
    outputs = kernel.run([inputs[None, None]])[0, 0].astype(np.int64)
    lines = lines_through(outputs, slopes, limits)
    if lines is None:
        return kernel
    return ChannelAffineKernel(lines.factors, lines.offsets, None, lines.shift, 0, limits, products)


def _by_channel(kernel: DepthwiseConv2dKernel) -> bool:
    """Whether it is a function of one int8 value."""
    one_each = kernel.input_channels == kernel.weights.size
    return kernel.window == ONE_TAP and one_each and set(kernel.types) <= {INT8}


def _real(requant: Requant, channels: int) -> Reals:
    """The factors, each channel's."""
    multiplier = np.broadcast_to(requant.multiplier, channels).astype(np.float64)
    found: Reals = np.ldexp(multiplier, -np.broadcast_to(requant.shift, channels).astype(int))
    return found
