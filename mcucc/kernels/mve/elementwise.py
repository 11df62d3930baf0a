"""Add, Mul, lookup tables and pools on Helium: 4 or 16 values an instruction."""

from __future__ import annotations

from dataclasses import replace

from mcucc.ir.kernel import Kernel, KernelCall, Variant
from mcucc.ir.kernel_id import Form, InstructionSet
from mcucc.kernels.armv7em.add import add as add_armv7em
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.mve.finish import COUNT
from mcucc.kernels.requantize import SHIFT_BASES
from mcucc.kernels.select import NodeContext, variant
from mcucc.numerics.fixed_point import Rounding
from mcucc.ops.add import AddKernel
from mcucc.ops.common.lookup import LookupKernel
from mcucc.ops.global_average_pool import GlobalAveragePoolKernel
from mcucc.ops.max_pool import MaxPoolKernel
from mcucc.ops.mul import MulKernel

LARGEST_COUNT = 31


@variant(AddKernel, InstructionSet.MVE)
def add(kernel: AddKernel, context: NodeContext) -> Variant | None:
    """Where every partial sum stays inside int32, as on Armv7E-M."""
    narrow = add_armv7em(kernel, context)
    if narrow is None:
        return None
    call = replace(narrow.call, id=replace(narrow.call.id, isa=InstructionSet.MVE))
    return _of_values(call, "mve", kernel.channels, context)


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
    return _of_values(call, "mve", kernel.channels, context)


@variant(LookupKernel, InstructionSet.MVE)
def lookup(kernel: LookupKernel, context: NodeContext) -> Variant | None:
    """A gather of 16 bytes."""
    return _of_values(_call(kernel), "mve gather", kernel.channels, context)


@variant(MaxPoolKernel, InstructionSet.MVE)
def max_pool(kernel: MaxPoolKernel, context: NodeContext) -> Variant | None:
    """16 channels at a time."""
    taps = kernel.window.kernel[0] * kernel.window.kernel[1]
    vectors = -(-kernel.channels // 16)
    pixels = context.height * context.width
    return Variant(_call(kernel), "mve", pixels * (45.0 + vectors * (20.0 + 7.0 * taps)))


@variant(GlobalAveragePoolKernel, InstructionSet.MVE)
def global_average_pool(kernel: GlobalAveragePoolKernel, context: NodeContext) -> Variant | None:
    """Four channels at a time."""
    height, width, channels = kernel.input_shape
    call = _call(kernel)
    cost = variant_cost(call.id)
    return Variant(call, "mve", channels * (cost.input * height * width + cost.output))


def _call(kernel: Kernel) -> KernelCall:
    """The portable call's fields under the name of the Helium kernel."""
    portable = kernel.call()
    return replace(portable, id=replace(portable.id, isa=InstructionSet.MVE))


def _of_values(call: KernelCall, name: str, channels: int, context: NodeContext) -> Variant:
    """The variant whose cost is so many instructions a value."""
    values = context.height * context.width * channels
    return Variant(call, name, variant_cost(call.id).output * values)
