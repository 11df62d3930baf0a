"""Weights of a float network that are integers of its file (hybrid .tflite): which, at which scale.

Passes multiply a channel's weights by one number (a norm, a preprocessing) and change their names,
so a channel is known by its values: they are whole multiples of one number, at most 127 of them,
within what float32 rounds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcucc.numerics.weights import DoubleArray

LARGEST = 127
TOLERANCE = 1e-4  # of a multiple; two roundings to float32 move 127 of them by 2e-5
FIRST = 8  # weights that nearly all wrong scales fail at


def file_scales(flat: DoubleArray, known: Sequence[float]) -> DoubleArray:
    """The scale of each row of (C_out, taps) whose weights are integers times it, else 0.

    `known` scales go first; beyond them it is the largest that does.
    """
    scales = np.array(sorted(set(known)), np.float64)
    return np.array([_of_channel(row, scales) for row in flat], np.float64)


def _of_channel(row: DoubleArray, known: DoubleArray) -> float:
    """0 for a row of zeros, which any scale holds, and where there is none."""
    most = float(np.abs(row).max(initial=0.0))
    if not most > 0:
        return 0.0
    candidates = np.concatenate([known, most / np.arange(1, LARGEST + 1)])
    candidates = candidates[most / candidates <= LARGEST + TOLERANCE]
    sample = row[np.argsort(-np.abs(row), kind="stable")[:FIRST]]
    fitting = candidates[_whole(sample[None, :] / candidates[:, None]).all(axis=1)]
    return next((float(scale) for scale in fitting if _whole(row / scale).all()), 0.0)


def _whole(values: DoubleArray) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.abs(values - np.rint(values)) < TOLERANCE
