"""Rounding of weights by what they are multiplied by."""

from __future__ import annotations

import numpy as np
import pytest

from mcucc.numerics.weights import INT8, TERNARY
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.fully_connected import FullyConnected
from mcucc.quantize import second_order
from mcucc.quantize.second_order import covariance, factor_in_place, round_rows
from mcucc.quantize.taps import Layer, rows_of, sampled, weights_of


def correlated(seed: int, groups: int = 2, samples: int = 500, taps: int = 12) -> np.ndarray:
    """Integers of which neighbours are alike."""
    rng = np.random.default_rng(seed)
    common = rng.normal(0, 40, (groups, samples, 1))
    return np.rint(common + rng.normal(0, 8, (groups, samples, taps)) + 20)


def noise(rows: np.ndarray, made: np.ndarray, x: np.ndarray) -> float:
    """Energy of what rounding does to sums, their mean aside."""
    error = np.einsum("gpk,grk->gpr", x, rows - made)
    return float(error.var(axis=1).sum())


@pytest.mark.parametrize("grid", [INT8, TERNARY])
def test_errors_of_weights_that_read_alike_cancel(grid: second_order.WeightGrid) -> None:
    x = correlated(0)
    rows = np.random.default_rng(1).normal(0, 40, (2, 5, 12))
    made = round_rows(rows, x, grid)
    assert noise(rows, made, x) < 0.25 * noise(rows, grid.round(rows), x)
    assert np.array_equal(made, grid.round(made))


def test_inputs_that_have_nothing_to_do_with_each_other_are_rounded_to_nearest() -> None:
    x = np.array([[[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]]) * 8  # orthogonal
    rows = np.array([[[0.4, 1.6, -2.7], [3.3, -0.2, 0.6]]])
    assert np.array_equal(round_rows(rows, x, INT8), np.rint(rows))


def test_inputs_that_never_move_harm_nothing() -> None:
    x = correlated(2)
    x[:, :, 3] = 7.0
    rows = np.random.default_rng(3).normal(0, 40, (2, 5, 12))
    made = round_rows(rows, x, INT8)
    assert np.isfinite(made).all() and np.abs(made - rows).max() < 12


def test_the_covariance_is_exact_and_does_not_know_the_order_of_samples() -> None:
    x = correlated(4)
    found = covariance(x)
    by_hand = np.stack([np.cov(each.T, bias=True) * len(each) ** 2 for each in x])
    np.testing.assert_allclose(found, by_hand, rtol=1e-9)
    assert np.array_equal(found, covariance(x[:, ::-1]))


def test_the_factor_gives_the_matrix_back() -> None:
    h = covariance(correlated(5)) + np.eye(12)
    made = h.copy()
    factor_in_place(made)
    lower = np.tril(made, -1) + np.eye(12)
    diagonal = np.einsum("gkk->gk", made)
    np.testing.assert_allclose(lower * diagonal[:, None] @ lower.transpose(0, 2, 1), h, rtol=1e-9)


def test_many_taps_are_rounded_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    x, rows = correlated(6), np.random.default_rng(7).normal(0, 40, (2, 5, 12))
    monkeypatch.setattr(second_order, "MOST_TAPS", 4)
    made = round_rows(rows, x, INT8)
    parts = [
        round_rows(rows[:, :, part], x[:, :, part], INT8)
        for part in (slice(0, 4), slice(4, 8), slice(8, 12))
    ]
    assert np.array_equal(made, np.concatenate(parts, axis=2))


WINDOW = Window2d((3, 2), (2, 1), pads=Pads(1, 0, 1, 1))
LAYERS: dict[str, tuple[Layer, tuple[int, ...]]] = {
    "conv": (Conv2d(WINDOW), (5, 3, 2, 6)),
    "grouped": (Conv2d(WINDOW, 3), (9, 3, 2, 2)),
    "depthwise": (DepthwiseConv2d(WINDOW), (3, 2, 6)),
    "two filters a channel": (DepthwiseConv2d(WINDOW), (3, 2, 12)),
    "dense": (FullyConnected(), (4, 7 * 8 * 6)),
    "dense by pixel": (FullyConnected(by_pixel=True), (4, 6)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_rows_times_what_they_read_are_the_layers_sums(name: str) -> None:
    op, shape = LAYERS[name]
    rng = np.random.default_rng(8)
    x = rng.integers(-128, 128, (3, 7, 8, 6)).astype(np.int8)
    weights = rng.integers(-127, 128, shape).astype(np.float64)
    rows = rows_of(op, weights, 6)
    assert np.array_equal(weights_of(op, rows, shape), weights)
    taken = sampled(op, x, 5, np.random.default_rng(0))  # few places: all of them
    sums = np.einsum("gpk,grk->pgr", taken, rows)
    exact = op.evaluate([x.astype(np.float64) - 5, weights])
    assert np.array_equal(sums.reshape(exact.shape), exact)


def test_samples_come_from_all_pictures() -> None:
    x = np.zeros((40, 16, 16, 2), np.int8) + np.arange(40, dtype=np.int8)[:, None, None, None]
    taken = sampled(Conv2d(Window2d((1, 1))), x, 0, np.random.default_rng(0))
    assert taken.shape == (1, 8192, 2)
    counts = np.bincount(taken[0, :, 0].astype(int))
    assert len(counts) == 40 and counts.max() - counts.min() <= 2
