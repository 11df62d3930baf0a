"""Weights and biases as integers: symmetric int8 per output channel, int32 at s_x * s_w[c]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ir.tensor import Quant
from mcucc.numerics.weights import INT8, DoubleArray, WeightGrid, round_weights, safe_scales
from mcucc.quantize.file_scales import file_scales
from mcucc.quantize.snap import snap_scales
from mcucc.quantize.weight_scales import natural_scales


@dataclass(frozen=True, eq=False)
class IntegerWeights:
    """int8 weights in the op's own layout, int32 bias (C_out,), and their scales."""

    weights: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]
    scale: DoubleArray

    def quant(self, axis: int) -> Quant:
        """The weights' quantization."""
        return Quant(tuple(float(s) for s in self.scale), 0, axis)

    def real_weights(self, axis: int) -> DoubleArray:
        """The real values of the int8 weights."""
        shape = [1] * self.weights.ndim
        shape[axis] = -1
        real: DoubleArray = self.weights * self.scale.reshape(shape)
        return real

    def bias_quant(self, input_scale: float) -> Quant:
        """The bias's quantization."""
        return Quant(tuple(float(s) * input_scale for s in self.scale), 0, 0)


def quantize_weights(
    weights: npt.NDArray[np.float32],
    bias: npt.NDArray[np.float32] | None,
    axis: int,
    x: Quant,
    y: Quant,
    spread: DoubleArray | float = 0.0,
    grid: WeightGrid = INT8,
    importance: DoubleArray | None = None,
    known: Sequence[float] = (),
) -> IntegerWeights:
    """Round weights to a grid, and the bias; `axis` is the output channel of `weights`.

    `spread` (C_out,) is how far a border moves the bias at most; `importance` (C_out, taps) or
    (taps,) weighs errors where a scale is searched. A channel's scale is the natural one of its
    weights and grid, enlarged where its bias or its sums would otherwise leave int32, then snapped
    to a short requantization factor. With `known` scales, those of a file of integers, int8
    channels keep the integers they have, and their scale, where sums allow (file_scales.py).
    Raises ValueError for weights that are not finite.
    """
    rows = np.moveaxis(weights.astype(np.float64), axis, 0)
    flat = rows.reshape(rows.shape[0], -1)
    offsets = np.zeros(len(flat)) if bias is None else bias.astype(np.float64)
    if not (np.isfinite(flat).all() and np.isfinite(offsets).all()):
        raise ValueError("weights or biases are not finite")
    ends = np.abs(offsets) + spread
    scale = natural_scales(flat, x.per_tensor_scale, y.per_tensor_scale, grid, importance)
    scale = safe_scales(flat, ends, scale, x.per_tensor_scale, _span(x), grid)
    extremes = extreme_sums(flat, offsets, scale, x, grid) + spread / (x.per_tensor_scale * scale)
    scale = snap_scales(scale, extremes, x.per_tensor_scale, y.per_tensor_scale)
    if known and grid == INT8:
        found = file_scales(flat, known)
        own = np.where(found > 0, found, scale)
        fits = safe_scales(flat, ends, own, x.per_tensor_scale, _span(x), grid) <= own
        scale = np.where(fits, own, scale)
    quantized = round_weights(flat, scale, grid).reshape(rows.shape)
    return IntegerWeights(
        np.ascontiguousarray(np.moveaxis(quantized, 0, axis)),
        np.rint(offsets / (x.per_tensor_scale * scale)).astype(np.int32),
        scale,
    )


def _span(x: Quant) -> int:
    """The largest distance of an input's integers from its zero point."""
    return (128 if x.limit is None else x.limit) + abs(x.zero_point)


def extreme_sums(
    flat: DoubleArray, bias: DoubleArray, scale: DoubleArray, x: Quant, grid: WeightGrid = INT8
) -> DoubleArray:
    """The largest magnitude of each accumulator (C_out,), for any input."""
    weights = round_weights(flat, scale, grid).astype(np.float64)
    positive, negative = np.maximum(weights, 0).sum(axis=1), np.minimum(weights, 0).sum(axis=1)
    least, most = (-128, 127) if x.limit is None else (-x.limit, x.limit)
    up, down = most - x.zero_point, least - x.zero_point
    offset = bias / (x.per_tensor_scale * scale)
    highest = np.abs(offset + up * positive + down * negative)
    lowest = np.abs(offset + down * positive + up * negative)
    largest: DoubleArray = np.maximum(highest, lowest) + 1.0
    return largest
