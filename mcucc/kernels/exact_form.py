"""Requantization of int16 outputs: forms that are the factor itself, whatever the accumulator.

kernels/requantize.py proves a form step by step, 256 of them for int8. Of int16 there are 65536 a
channel; but a form whose constant is the contract's factor to the last bit needs no proof.
"""

from __future__ import annotations

import numpy as np

from mcucc.ir.kernel_id import Form
from mcucc.kernels.requantize import HIGH_BITS, LARGEST_SHIFT, SHIFT_BASES, Finish
from mcucc.numerics.fixed_point import IntArray, Rounding
from mcucc.ops.common.matrix import Accumulation

_LARGEST = (1 << 31) - 1


def exact_form(sums: Accumulation) -> Finish | None:
    """HIGH where every factor is a whole number of 2^-32, else SHIFT, or None.

    Both floor(acc * M + 1/2) exactly: HIGH adds 2^31 to acc * m, SHIFT 2^s to the high word of
    acc * m, of which nothing that matters was dropped. Zero points beside int16 are 0.
    """
    requant = sums.requant
    if requant.rounding is not Rounding.SINGLE or sums.output_zero_point:
        return None
    multiplier = np.broadcast_to(requant.multiplier, sums.bias.size).astype(np.int64)
    shift = np.broadcast_to(requant.shift, sums.bias.size).astype(np.int64)
    found = _moved(multiplier, shift, HIGH_BITS[Form.HIGH])
    if found is not None:
        return Finish(Form.HIGH, found, np.zeros_like(found))
    least = SHIFT_BASES[Form.SHIFT]
    wanted = np.clip(shift, least, least + LARGEST_SHIFT)
    found = _moved(multiplier, shift, wanted)
    return None if found is None else Finish(Form.SHIFT, found, wanted - least)


def _moved(multiplier: IntArray, shift: IntArray, wanted: IntArray | int) -> IntArray | None:
    """The multipliers of the same factors at other shifts, None where one has no room there."""
    up = np.where(multiplier == 0, 0, wanted - shift)
    left, right = np.clip(up, 0, 31), np.clip(-up, 0, 62)
    moved: IntArray = (multiplier << left) >> right
    same = (up <= 31) & (moved <= _LARGEST) & ((moved << right) == (multiplier << left))
    return moved if same.all() else None
