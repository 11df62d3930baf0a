"""Mul on Armv7E-M: four products a step, their requantization proved (mul_armv7em.c)."""

from __future__ import annotations

import numpy as np

from mcucc.ir.kernel import KernelCall, Variant
from mcucc.ir.kernel_id import Form, InstructionSet, KernelId
from mcucc.kernels.armv7em.finish import layer_addend
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.requantize import Finish, Interval, high_form, shift_form
from mcucc.kernels.select import NodeContext, variant
from mcucc.numerics.fixed_point import Rounding
from mcucc.ops.common.matrix import Accumulation
from mcucc.ops.mul import MulKernel

FORMS = (Form.HIGH, Form.DOUBLE)


@variant(MulKernel, InstructionSet.ARMV7EM)
def mul(kernel: MulKernel, context: NodeContext) -> Variant | None:
    """Where a form is proved for every product that the inputs can make."""
    sums = products(kernel)
    finish = proved(sums, *products_of(kernel, context))
    if finish is None:
        return None
    za, zb, _ = kernel.zero_points
    call = KernelCall(
        KernelId("mul", InstructionSet.ARMV7EM, requantization=finish.form),
        (
            ("channels", kernel.channels),
            ("per_channel", int(kernel.per_channel)),
            ("zero_point_a", za),
            ("zero_point_b", zb),
            ("multiplier", int(finish.multiplier[0])),
            ("addend", layer_addend(sums, finish)),
            ("shift", int(finish.shift[0])),
            ("lo", sums.lo),
            ("hi", sums.hi),
        ),
    )
    outputs = context.height * context.width * kernel.channels
    name = f"armv7em smulbb, {finish.form.value}"
    return Variant(call, name, variant_cost(call.id).output * outputs)


def products(kernel: MulKernel) -> Accumulation:
    """The products as sums of one channel."""
    zero = np.zeros(1, np.int32)
    bounds = -(2**16), 2**16
    return Accumulation(zero, kernel.requant, 0, kernel.zero_points[2], *kernel.clamp, bounds)


def products_of(kernel: MulKernel, context: NodeContext) -> tuple[int, int]:
    """The least and the largest product of inputs in their intervals."""
    intervals = zip(context.input_intervals, kernel.zero_points, strict=False)
    (a_lo, a_hi), (b_lo, b_hi) = ((lo - zero, hi - zero) for (lo, hi), zero in intervals)
    corners = [a * b for a in (a_lo, a_hi) for b in (b_lo, b_hi)]
    return min(corners), max(corners)


def proved(sums: Accumulation, least: int, most: int) -> Finish | None:
    """The form of the rounding where it is exact from `least` to `most`, or None."""
    bounds = Interval(np.array([least]), np.array([most]))
    double = sums.requant.rounding is Rounding.DOUBLE
    return shift_form(sums, bounds) if double else high_form(sums, bounds, patient=True)
