"""Conv2d with two pixels in one word: one multiplication a weight serves both (mcucc/pairs.h)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, KernelCall, Variant
from mcucc.ir.kernel_id import KernelId
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.packing import storage_words
from mcucc.kernels.portable.finish import finish_fields, portable_finish
from mcucc.kernels.select import NodeContext
from mcucc.ops.common.matrix import FieldList
from mcucc.ops.conv2d import Conv2dKernel


def pairs_variant(
    kernel: Conv2dKernel,
    context: NodeContext,
    key: KernelId,
    packed: npt.NDArray[Any],
    taps: int,
    chunks: FieldList,
) -> Variant | None:
    """The variant `key` with weights in its order, `taps` of a window, and its chunks' fields.

    None where no form is proved.
    """
    finish = portable_finish(flat_weights(kernel), kernel.sums, context)
    if kernel.groups != 1 or finish is None:
        return None
    c_out = kernel.weights.shape[0]
    call = KernelCall(
        replace(key, requantization=finish.form),
        (
            *kernel.window.fields(),
            ("input_width", kernel.input_width),
            ("input_channels", kernel.weights.shape[3]),
            ("output_channels", c_out),
            ("taps", taps),
            ("weights", ConstArray("weights", packed, bits=key.bits)),
            *chunks,
            *finish_fields(kernel.sums, finish),
        ),
        scratch_bytes=4 * taps,
    )
    cost = variant_cost(key)
    per_output = taps * (cost.mac + cost.input / c_out) + cost.output
    outputs = context.height * context.width * c_out
    name = f"{key.isa.value} pairs{storage_words(key.bits)}, {finish.form.value}"
    return Variant(call, name, outputs * per_output)


def flat_weights(kernel: Conv2dKernel) -> npt.NDArray[np.int8]:
    """Weights as (C_out, taps)."""
    return kernel.weights.reshape(kernel.weights.shape[0], -1)


def pack_pairs(weights: npt.NDArray[np.int8], group: int, unit: int = 2) -> npt.NDArray[np.int8]:
    """Weights (C_out, taps) as (groups, taps, group): channels take turns, zeros fill up units."""
    c_out, taps = weights.shape
    groups, whole = -(-c_out // group), -(-taps // unit) * unit
    padded = np.zeros((group * groups, whole), dtype=np.int8)
    padded[:c_out, :taps] = weights
    return np.ascontiguousarray(padded.reshape(groups, group, whole).transpose(0, 2, 1))
