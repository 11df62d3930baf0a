"""Mul on Helium: four values an instruction (mul_mve.c)."""

from __future__ import annotations

from dataclasses import replace

from mcucc.ir.kernel import KernelCall, Variant
from mcucc.ir.kernel_id import Form, InstructionSet
from mcucc.kernels.mve.fields import priced_by_value
from mcucc.kernels.mve.finish import COUNT
from mcucc.kernels.requantize import (
    SHIFT_BASES,
)
from mcucc.kernels.select import NodeContext, variant
from mcucc.numerics.fixed_point import Rounding
from mcucc.ops.mul import MulKernel

LARGEST_COUNT = 31


@variant(MulKernel, InstructionSet.MVE)
def mul(kernel: MulKernel, context: NodeContext) -> Variant | None:
    """One rounding, factors below 128: the form WIDE, exact for products of 17 bits."""
    multiplier, shift = int(kernel.requant.multiplier[0]), int(kernel.requant.shift[0])
    count = shift - SHIFT_BASES[Form.WIDE] + COUNT[Form.WIDE]
    if kernel.requant.rounding is not Rounding.SINGLE or not 1 <= count <= LARGEST_COUNT:
        return None
    constants: dict[str, tuple[str, int]] = {
        "multiplier": ("multiplier", multiplier),
        "shift": ("count", count),
    }
    portable = kernel.call()
    fields = tuple(constants.get(name, (name, value)) for name, value in portable.fields)
    call = KernelCall(replace(portable.id, isa=InstructionSet.MVE), fields)
    return priced_by_value(call, "mve", kernel.channels, context)
