"""FULLY_CONNECTED's rounding: a product of doubles, halves away from zero, of int8 and uint8."""

from __future__ import annotations

import numpy as np
import pytest

from mcucc.ir import Quant
from tests.frontends.test_tflite_ops import lowered, run
from tests.litert_builder import LiteRTBuilder, run_litert

TYPES = pytest.mark.parametrize("dtype", [np.int8, np.uint8])


def check(sums: np.ndarray, scales: tuple[float, float, float], dtype: type) -> None:
    """One output for every sum: an input of 0 and 1 times weights of 100, the rest is the bias."""
    zero = 128 if dtype is np.uint8 else 0
    b, (x_scale, w_scale, y_scale) = LiteRTBuilder(), scales
    x = b.tensor((1, 1), dtype, Quant((x_scale,), zero))
    weights = np.full((len(sums), 1), zero + 100).astype(dtype)
    w = b.constant(weights, Quant((w_scale,), zero))
    biases = b.constant((sums - 100).astype(np.int32), Quant((x_scale * w_scale,)))
    y = b.tensor((1, len(sums)), dtype, Quant((y_scale,), zero))
    b.op("FULLY_CONNECTED", "FullyConnectedOptions", [x, w, biases], [y])
    model = b.build([x], [y])
    graph = lowered(model)
    for value in (0, 1):
        (theirs,) = run_litert(model, [np.array([[zero + value]], dtype)])
        (ours,) = run(graph, [np.array([[value]], np.int8)])
        np.testing.assert_array_equal(ours.reshape(-1), theirs.reshape(-1).astype(int) - zero)


@TYPES
@pytest.mark.parametrize("scales", [(1.0, 0.5, 1.0), (1.0, 0.25, 1.0), (0.3, 0.25, 0.6)])
def test_halves_are_rounded_away_from_zero(scales: tuple[float, float, float], dtype: type) -> None:
    x, w, y = (float(np.float32(scale)) for scale in scales)
    check(np.arange(-400, 400), (x, w, y), dtype)


@TYPES
def test_sums_beside_every_step(dtype: type) -> None:
    """Large ones, where the next float32 or 31-bit factor has another step."""
    rng = np.random.default_rng(1)
    for most in 10.0 ** rng.uniform(5, 8.5, 12):
        x, w = (float(np.float32(10.0**e)) for e in rng.uniform(-4, -3, 2))
        y = float(np.float32(x * w * most / 127))
        steps = ((np.arange(-127, 127) - 0.5) / (x * w / y)).astype(np.int64)
        sums = np.unique(steps[:, None] + np.arange(-2, 3))
        check(sums[np.abs(sums) < 2**31 - 200], (x, w, y), dtype)
