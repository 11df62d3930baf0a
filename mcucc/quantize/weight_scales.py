"""The scale a channel's weights are rounded at, by their grid.

int8 takes the largest weight / 127. With 15 levels the largest weight is too far out: the scale is
searched that leaves the least squared error. With three levels the best scale has a closed form,
never worse than BitNet b1.58's mean of |w| (Ma et al. 2024, "The Era of 1-bit LLMs", section 2) or
the median in its place.
"""

from __future__ import annotations

import numpy as np

from mcucc.numerics.weights import DEAD_FACTOR, INT8, TERNARY, DoubleArray, WeightGrid

# Shares of the largest weight that the outermost level is tried at. Below, clipping costs more than
# finer steps gain, whatever the distribution (a Gaussian's optimum for 15 levels is about 0.7).
SHARES = np.arange(64, 23, -1) / 64.0
# Of two scales with errors this close the larger is taken: no last bit of a sum decides.
TIE = 1e-9


def natural_scales(
    flat: DoubleArray,
    input_scale: float,
    output_scale: float,
    grid: WeightGrid = INT8,
    importance: DoubleArray | None = None,
) -> DoubleArray:
    """int8 scales (C_out,) for weights (C_out, taps); dead channels get one that suits y.

    `importance` (C_out, taps) or (taps,) weighs the squared error of each weight.
    """
    largest = np.abs(flat).max(axis=1, initial=0.0)
    dead = largest / 127 < np.finfo(np.float32).tiny
    if grid == INT8:
        scale: DoubleArray = largest / grid.largest
    else:
        weighed = np.broadcast_to(1.0 if importance is None else importance, flat.shape)
        search = _three_levels if grid == TERNARY else _least_error
        scale = search(flat, np.where(dead, 1.0, largest), weighed, grid) / grid.step
    scale[dead] = DEAD_FACTOR * output_scale / input_scale
    return scale


def _least_error(
    flat: DoubleArray, largest: DoubleArray, importance: DoubleArray, grid: WeightGrid
) -> DoubleArray:
    """Steps (C_out,) among SHARES and whole parts of the largest weight.

    The parts meet weights exactly that are multiples of one number already.
    """
    parts = grid.largest / np.arange(1, grid.largest + 1)
    candidates = np.unique(np.concatenate([parts, SHARES]))[::-1]
    best, least = largest / grid.largest, np.full(len(flat), np.inf)
    unit = WeightGrid(1, grid.largest)
    for share in candidates:
        step = share * largest / grid.largest
        rounded = unit.round(flat / step[:, None]) * step[:, None]
        error = (importance * (flat - rounded) ** 2).sum(axis=1)
        better = error < least * (1 - TIE)
        best, least = np.where(better, step, best), np.where(better, error, least)
    return best


def _three_levels(
    flat: DoubleArray, largest: DoubleArray, importance: DoubleArray, grid: WeightGrid
) -> DoubleArray:
    """The a (C_out,) that minimises the squared error of weights as -a, 0 or a.

    If those that become +-a are the k largest, the best a is their (weighed) mean and what is left
    of the error falls by (sum h |w|)^2 / sum h: the best of all k is the optimum.
    """
    del grid
    size = np.abs(flat)
    order = np.argsort(-size, axis=1, kind="stable")
    sums = np.cumsum(np.take_along_axis(importance * size, order, axis=1), axis=1)
    counts = np.cumsum(np.take_along_axis(importance, order, axis=1), axis=1)
    counts = np.maximum(counts, np.finfo(np.float64).tiny)
    gains = sums**2 / counts
    best = np.argmax(gains >= gains.max(axis=1, keepdims=True) * (1 - TIE), axis=1)[:, None]
    mean = np.take_along_axis(sums / counts, best, axis=1)[:, 0]
    return np.where(mean > 0, mean, largest)
