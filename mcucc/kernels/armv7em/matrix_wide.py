"""Layers with int16 pixels or int16 outputs on Armv7E-M (mcucc/matrix_wide_armv7em.h)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray
from mcucc.kernels.armv7em.finish import matrix_finish
from mcucc.kernels.armv7em.matrix import matrix_stream
from mcucc.kernels.exact_form import exact_form
from mcucc.kernels.requantize import Finish
from mcucc.kernels.select import NodeContext
from mcucc.numerics.fixed_point import INT16, Rounding
from mcucc.ops.common.matrix import Accumulation

MOST_STEPS = 1 << 13  # of a channel: our own int16 has 4095 values, a file's 65536


def wide_finish(
    weights: npt.NDArray[Any], sums: Accumulation, context: NodeContext
) -> Finish | None:
    """The cheapest form for weights (channels, taps), or None.

    Proved step by step where there are few steps; all of int16 are too many. Layers whose border
    has biases of its own are not computed here.
    """
    if sums.family is not None or sums.requant.rounding is not Rounding.SINGLE:
        return None
    if sums.hi - sums.lo < MOST_STEPS:
        return matrix_finish(weights, sums, context, common=False)
    return context.wanted(exact_form(sums))


def unpacked(context: NodeContext) -> NodeContext:
    """The context with weights of a byte or two: int16 has no kernels that unpack them."""
    return replace(context, bits=None)


def wide_stream(
    packed: npt.NDArray[np.int8], sums: Accumulation, finish: Finish, bits: int
) -> ConstArray:
    """The constants of a layer; weights (C_out, 4 * chunks) in the order that meets its pixels.

    Widened int8 lies as the pairs (0, 2) (1, 3) of a chunk, int16 as (0, 1) (2, 3).
    """
    if sums.types[0] == INT16:
        chunks = packed.reshape(packed.shape[0], -1, 4)[:, :, [0, 2, 1, 3]]
        packed = np.ascontiguousarray(chunks).reshape(packed.shape)
    return matrix_stream(packed, sums, finish, bits)
