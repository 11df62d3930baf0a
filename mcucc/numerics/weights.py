"""Weights as symmetric int8: grids, rounding, and scales at which no accumulator overflows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from mcucc.numerics.fixed_point import INT32_MAX

DoubleArray = npt.NDArray[np.float64]
# A dead channel's output is its bias: this makes the bias exact to 1/256 of an output unit.
DEAD_FACTOR = 1.0 / 256.0


@dataclass(frozen=True)
class WeightGrid:
    """The int8 values a weight may take: multiples of `step` from -largest to largest steps.

    Weights of fewer bits are int8 weights that are multiples of a power of two: an int4 weight q is
    the int8 value 16 q, a ternary one 64 q. Arithmetic, proofs and scales see int8 throughout;
    only storage knows that the low bits are zero (mcucc/kernels/packing.py).
    """

    step: int
    largest: int

    def round(self, ratio: DoubleArray) -> DoubleArray:
        """The grid's nearest values to weights in units of their int8 scales."""
        steps = np.clip(np.rint(ratio / self.step), -self.largest, self.largest)
        rounded: DoubleArray = steps * self.step
        return rounded


INT8, INT4, TERNARY = WeightGrid(1, 127), WeightGrid(16, 7), WeightGrid(64, 1)
GRIDS: Mapping[str, WeightGrid] = MappingProxyType({"int8": INT8, "int4": INT4, "ternary": TERNARY})


# A layer of int8 weights has this many that are not 0 and yet all within 16 of its 256 values (by
# size, or by step) with a probability of 16^-16: it was made of fewer bits.
LEAST_WEIGHTS = 16


def of_few_bits(weights: npt.NDArray[np.int8]) -> bool:
    """Whether weights that fit in fewer bits were made of few: not one by chance, or all one."""
    used = weights[weights != 0]
    return used.size >= LEAST_WEIGHTS and bool((used != used[0]).any())


def round_weights(
    flat: DoubleArray, scale: DoubleArray, grid: WeightGrid = INT8
) -> npt.NDArray[np.int8]:
    """The grid's nearest integers to weights (C_out, taps) at int8 scales (C_out,)."""
    return grid.round(flat / scale[:, None]).astype(np.int8)


def safe_scales(
    flat: DoubleArray,
    bias: DoubleArray,
    scale: DoubleArray,
    input_scale: float,
    span: int,
    grid: WeightGrid = INT8,
) -> DoubleArray:
    """Enlarge scales until no accumulator (C_out,) can leave int32 for any input.

    `span` is the largest distance of the input's integers from its zero point.
    """
    while True:
        sums = np.abs(round_weights(flat, scale, grid).astype(np.int64)).sum(axis=1)
        reach = np.abs(bias) / (input_scale * scale) + span * sums + 1.0
        excess = reach / INT32_MAX
        if (excess <= 1.0).all():
            return scale
        scale = np.where(excess > 1.0, scale * excess * 1.001, scale)
