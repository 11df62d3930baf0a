"""Weights as symmetric int8: rounding, and scales at which no accumulator overflows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mcucc.numerics.fixed_point import INT32_MAX

DoubleArray = npt.NDArray[np.float64]
WEIGHT_MAX = 127
# A dead channel's output is its bias: this makes the bias exact to 1/256 of an output unit.
DEAD_FACTOR = 1.0 / 256.0


def round_weights(flat: DoubleArray, scale: DoubleArray) -> npt.NDArray[np.int8]:
    """Nearest integers in [-127, 127]."""
    ratio = np.clip(np.rint(flat / scale[:, None]), -WEIGHT_MAX, WEIGHT_MAX)
    return ratio.astype(np.int8)


def safe_scales(
    flat: DoubleArray, bias: DoubleArray, scale: DoubleArray, input_scale: float, zero_point: int
) -> DoubleArray:
    """Enlarge scales until no accumulator (C_out,) can leave int32 for any input."""
    span = 128 + abs(zero_point)
    while True:
        sums = np.abs(round_weights(flat, scale).astype(np.int64)).sum(axis=1)
        reach = np.abs(bias) / (input_scale * scale) + span * sums + 1.0
        excess = reach / INT32_MAX
        if (excess <= 1.0).all():
            return scale
        scale = np.where(excess > 1.0, scale * excess * 1.001, scale)
