"""Layers as sums over taps: their weights as rows, and what the rows are multiplied by.

(groups, rows, taps): every group of output channels reads the same taps. A dense layer is one
group, a depthwise one has a group for every input channel.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.numerics.weights import DoubleArray
from mcucc.ops.common.spatial import patches
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.fully_connected import FullyConnected

Array = npt.NDArray[Any]
Layer = Conv2d | DepthwiseConv2d | FullyConnected
# Samples of a dense layer; products of many small groups take much longer for each.
SAMPLES = 8192
LEAST_SAMPLES = 1024
MOST_VALUES = 25_000_000  # of the samples of all groups together


def rows_of(op: Layer, weights: Array, channels: int) -> Array:
    """Weights in the op's layout as (groups, rows, taps); `channels` are the input's."""
    if isinstance(op, DepthwiseConv2d):
        taps, c_out = weights.shape[0] * weights.shape[1], weights.shape[2]
        return weights.reshape(taps, channels, c_out // channels).transpose(1, 2, 0)
    groups = op.groups if isinstance(op, Conv2d) else 1
    return weights.reshape(groups, weights.shape[0] // groups, -1)


def weights_of(op: Layer, rows: Array, shape: tuple[int, ...]) -> Array:
    """The inverse of `rows_of`."""
    if isinstance(op, DepthwiseConv2d):
        rows = rows.transpose(2, 0, 1)
    return np.ascontiguousarray(rows.reshape(shape))


def sampled(op: Layer, x: Array, zero: int, rng: np.random.Generator) -> DoubleArray:
    """What rows are multiplied by at random outputs: (groups, samples, taps), x - zero.

    `x` (N, H, W, C) are the integers of N pictures.
    """
    if isinstance(op, FullyConnected):
        pixels = x.reshape(-1, x.shape[-1] if op.by_pixel else x[0].size)
        chosen = _places(len(pixels), pixels.shape[1], 1, rng)
        return pixels[chosen][None].astype(np.float64) - zero
    windows = patches(x, op.window, zero)
    every, kernel, channels = windows.shape[:3], op.window.kernel, x.shape[3]
    groups = channels if isinstance(op, DepthwiseConv2d) else op.groups
    chosen = _places(prod(every), prod(kernel) * channels // groups, groups, rng)
    taken = windows[np.unravel_index(chosen, every)].astype(np.float64) - zero
    split = taken.reshape(len(taken), prod(kernel), groups, channels // groups)
    by_group = np.ascontiguousarray(split.transpose(2, 0, 1, 3))
    return by_group.reshape(groups, len(taken), -1)


def _places(places: int, taps: int, groups: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Some of the places, in order, or all."""
    count = max(LEAST_SAMPLES, SAMPLES // groups)
    count = min(count, max(1, MOST_VALUES // (taps * groups)))
    if places <= count:
        return np.arange(places)
    # One of each stretch of neighbours: pictures and rows count alike.
    ends = np.arange(count + 1) * places // count
    chosen: npt.NDArray[np.int64] = ends[:-1] + rng.integers(0, np.diff(ends))
    return chosen
