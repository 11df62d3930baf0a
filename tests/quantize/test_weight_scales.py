"""Scales of weights on coarse grids: the least squared error, and exact where weights are there."""

from __future__ import annotations

import numpy as np
import pytest

from mcucc.ir import Quant
from mcucc.numerics.weights import GRIDS, INT4, INT8, TERNARY, round_weights
from mcucc.quantize.weight_scales import natural_scales
from mcucc.quantize.weights import quantize_weights

RNG = np.random.default_rng(5)
WEIGHTS = np.concatenate([RNG.normal(0, 1, (8, 72)), RNG.laplace(0, 0.02, (8, 72))])


def error(flat, scale, grid, importance=1.0):
    rounded = round_weights(flat, scale, grid).astype(np.float64) * scale[:, None]
    return (importance * (flat - rounded) ** 2).sum(axis=1)


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_integers_are_on_the_grid_and_in_int8(grid):
    made = round_weights(WEIGHTS, natural_scales(WEIGHTS, 0.1, 0.1, grid), grid).astype(int)
    assert (made % grid.step == 0).all()
    assert np.abs(made).max() == grid.step * grid.largest <= 127


def test_int4_finds_less_error_than_the_largest_weight_and_any_of_a_fine_search():
    found = error(WEIGHTS, natural_scales(WEIGHTS, 0.1, 0.1, INT4), INT4)
    largest = np.abs(WEIGHTS).max(axis=1)
    whole = error(WEIGHTS, largest / 112, INT4)
    assert (found <= whole).all() and (found / whole).mean() < 0.9
    fine = [error(WEIGHTS, share * largest / 112, INT4) for share in np.linspace(0.2, 1, 801)]
    assert (found <= 1.02 * np.min(fine, axis=0)).all()


def test_ternary_is_the_optimum_and_no_worse_than_bitnet_with_mean_or_median():
    found = error(WEIGHTS, natural_scales(WEIGHTS, 0.1, 0.1, TERNARY), TERNARY)
    size = np.abs(WEIGHTS)
    tried = [size.mean(axis=1), np.median(size, axis=1)]
    tried += [share * size.max(axis=1) for share in np.linspace(0.05, 1, 400)]
    assert (found <= 1e-9 + np.min([error(WEIGHTS, s / 64, TERNARY) for s in tried], axis=0)).all()


@pytest.mark.parametrize("grid", [INT4, TERNARY])
def test_importance_moves_the_scale_to_where_it_counts(grid):
    importance = np.where(np.arange(72) < 6, 100.0, 1.0)
    plain = natural_scales(WEIGHTS, 0.1, 0.1, grid)
    weighed = natural_scales(WEIGHTS, 0.1, 0.1, grid, importance)
    before, after = (error(WEIGHTS, s, grid, importance).sum() for s in (plain, weighed))
    assert after < 0.9 * before


@pytest.mark.parametrize(("grid", "levels"), [(INT4, 7), (INT4, 3), (TERNARY, 1)])
def test_weights_that_are_multiples_already_are_met_exactly(grid, levels):
    integers = RNG.integers(-levels, levels + 1, (6, 3, 3, 4))
    integers[:, 0, 0, 0] = levels
    steps = np.geomspace(1e-4, 3.0, 6).reshape(-1, 1, 1, 1)
    weights = (integers * steps).astype(np.float32)
    made = quantize_weights(weights, None, 0, Quant((0.02,)), Quant((0.05,)), grid=grid)
    assert np.array_equal(made.weights, integers * grid.step)
    assert (
        np.abs(made.real_weights(0) / np.where(weights == 0, 1, weights) - 1)[weights != 0].max()
        < 1 / 32
    )


def test_int8_scales_are_the_largest_weight():
    scales = natural_scales(WEIGHTS, 0.1, 0.1)
    assert np.array_equal(scales, np.abs(WEIGHTS).max(axis=1) / 127)
    assert np.array_equal(scales, natural_scales(WEIGHTS, 0.1, 0.1, INT8))
