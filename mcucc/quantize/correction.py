"""Bias correction: rounding the weights must not shift the mean of any output channel.

With weights w + d instead of w, an output is off by d * x; its mean over pictures and positions
is d * mean(x), known from calibration, and goes into the bias (Nagel et al. 2019, "Data-Free
Quantization Through Weight Equalization and Bias Correction", section 4.2, with measured means).
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import numpy.typing as npt

from mcucc.ir.op import Op
from mcucc.numerics.fixed_point import NO_CLAMP
from mcucc.passes.linear import Linear, tap_sums

DoubleArray = npt.NDArray[np.float64]


def output_shift(
    op: Op, mean_input: DoubleArray, exact: npt.NDArray[np.float32], rounded: DoubleArray
) -> npt.NDArray[np.float32]:
    """Mean change of each output channel, (C_out,), when `rounded` weights replace `exact`.

    `mean_input` is the mean picture's activation in the input's shape, so that borders count as
    they are.
    """
    has_clamp = any(field.name == "clamp" for field in fields(op))  # type: ignore[arg-type]
    linear = replace(op, clamp=NO_CLAMP) if has_clamp else op  # type: ignore[type-var]
    difference = (rounded - exact).astype(np.float32)
    shift = linear.evaluate([mean_input.astype(np.float32), difference])
    channels = shift.shape[-1]
    mean: npt.NDArray[np.float32] = shift.reshape(-1, channels).mean(axis=0, dtype=np.float64)
    return mean.astype(np.float32)


def tap_shift(
    op: Op, mean_input: DoubleArray, exact: npt.NDArray[np.float32], rounded: DoubleArray
) -> DoubleArray:
    """What the shift has of each tap, (kh, kw, C_out): to be taken back where a tap is padding."""
    assert isinstance(op, Linear)
    return tap_sums(op, rounded - exact, mean_input.mean(axis=(0, 1, 2)))
