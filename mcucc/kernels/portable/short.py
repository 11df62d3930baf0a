"""Portable convolutions with requantization in 32 bits: what cores without a long multiply want."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.packing import weights_array
from mcucc.kernels.requantize import reach_of, short_form
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.common.matrix import Accumulation
from mcucc.ops.conv2d import Conv2dKernel
from mcucc.ops.depthwise_conv2d import DepthwiseConv2dKernel
from mcucc.ops.fully_connected import FullyConnectedKernel

Weighted = Conv2dKernel | DepthwiseConv2dKernel | FullyConnectedKernel


@variant(Conv2dKernel, InstructionSet.PORTABLE)
@variant(Conv2dKernel, InstructionSet.PORTABLE, wide=True)
def conv2d(kernel: Conv2dKernel, context: NodeContext) -> Variant | None:
    """Any convolution."""
    return _short(kernel, kernel.weights.reshape(kernel.weights.shape[0], -1), context)


@variant(DepthwiseConv2dKernel, InstructionSet.PORTABLE)
@variant(DepthwiseConv2dKernel, InstructionSet.PORTABLE, wide=True)
def depthwise(kernel: DepthwiseConv2dKernel, context: NodeContext) -> Variant | None:
    """Any depthwise convolution."""
    return _short(kernel, kernel.weights.reshape(-1, kernel.weights.shape[2]).T, context)


@variant(FullyConnectedKernel, InstructionSet.PORTABLE)
@variant(FullyConnectedKernel, InstructionSet.PORTABLE, wide=True)
def fully_connected(kernel: FullyConnectedKernel, context: NodeContext) -> Variant | None:
    """Any matrix."""
    return _short(kernel, kernel.weights, context)


@variant(FullyConnectedKernel, InstructionSet.PORTABLE, packed=True)
def packed_fully_connected(kernel: FullyConnectedKernel, context: NodeContext) -> Variant | None:
    """Packed weights, whatever the requantization."""
    whole = _short(kernel, kernel.weights, context)
    call = kernel.call() if whole is None else whole.call
    bits = context.bits or 8
    fields = dict(call.fields) | {"weights": weights_array(kernel.weights, bits)}
    packed = replace(call, id=replace(call.id, bits=bits), fields=tuple(fields.items()))
    cost = variant_cost(packed.id)
    instructions = kernel.weights.size * cost.mac + len(kernel.weights) * cost.output
    return Variant(packed, f"portable int{bits}", instructions)


def _short(kernel: Weighted, weights: npt.NDArray[Any], context: NodeContext) -> Variant | None:
    """The portable call with the constants of SHORT, where that is proved."""
    sums = kernel.sums
    bounds = reach_of(weights, sums, *context.input_intervals[0])
    finish = context.wanted(short_form(sums, bounds))
    if finish is None:
        return None
    constants: dict[str, int | ConstArray] = {
        "multiplier": ConstArray("multiplier", finish.multiplier.astype(np.int32)),
        "shift": ConstArray("shift", finish.shift.astype(np.uint8), align=1),
        "output_zero_point": short_zero_point(sums, int(finish.shift[0])),
    }
    call = kernel.call()
    fields = tuple((name, constants.get(name, value)) for name, value in call.fields)
    short: KernelCall = replace(
        call, id=replace(call.id, requantization=finish.form), fields=fields
    )
    outputs = context.height * context.width * weights.shape[0]
    cost = variant_cost(short.id)
    instructions = outputs * (cost.mac * weights.shape[1] + cost.output)
    return Variant(short, f"portable, {finish.form.value}", instructions)


def short_zero_point(sums: Accumulation, shift: int) -> int:
    """zero_point * 2^shift + 2^(shift - 1)."""
    return (sums.output_zero_point << shift) + (1 << (shift - 1))
