"""Observers: what range they pick from known distributions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.errors import DataError
from mcucc.quantize.observers import MeanSquaredError, MinMax, Percentile, Statistics
from mcucc.quantize.observers.base import BINS
from mcucc.quantize.pipeline import make_observer

RNG = np.random.default_rng(3)


def statistics(values):
    counts, _ = np.histogram(values[values != 0.0], BINS, (values.min(), values.max()))
    zeros = int((values == 0.0).sum())
    return Statistics(float(values.min()), float(values.max()), counts.astype(float), zeros)


def squared_error(values, low, high):
    step = (high - low) / 255
    zero_point = np.round(-low / step)
    q = np.clip(np.round(values / step) + zero_point, 0, 255)
    return float((((q - zero_point) * step - values) ** 2).mean())


def test_min_max_covers_everything():
    assert MinMax().range_of(Statistics(-2.0, 5.0)).low == -2.0
    assert MinMax().range_of(Statistics(-2.0, 5.0)).high == 5.0


@settings(derandomize=True, deadline=None, max_examples=20)
@given(percent=st.floats(90, 99.99), zeros=st.integers(0, 20000), seed=st.integers(0, 9))
def test_percentile_leaves_its_share_of_the_values_outside(percent, zeros, seed):
    normal = np.random.default_rng(seed).normal(1.0, 2.0, 50_000)
    values = np.concatenate([normal, np.zeros(zeros)])
    found = Percentile(percent).range_of(statistics(values))
    tail = 1.0 - percent / 100.0
    # Zeros jump over the share they have; elsewhere one bin holds about 0.15 % at most.
    assert (values > found.high).mean() == pytest.approx(tail, abs=2e-3)
    assert (values < found.low).mean() == pytest.approx(tail, abs=2e-3)


def test_a_percentile_of_one_hundred_is_the_whole_range():
    found = Percentile(100.0).range_of(statistics(np.array([-1.0, 0.5, 3.0])))
    assert (found.low, found.high) == pytest.approx((-1.0, 3.0))


@pytest.mark.parametrize("draw", ["normal", "laplace", "standard_cauchy", "relu", "uniform"])
def test_no_grid_of_ranges_beats_the_mse_search(draw):
    if draw == "relu":
        values = np.maximum(RNG.normal(0.0, 1.0, 40_000), 0.0)
    elif draw == "standard_cauchy":
        values = np.clip(RNG.standard_cauchy(40_000), -200, 200)
    else:
        values = getattr(RNG, draw)(size=40_000)
    found = MeanSquaredError().range_of(statistics(values))
    ours = squared_error(values, min(found.low, 0.0), max(found.high, 0.0))
    grid = [
        squared_error(values, min(values.min(), 0.0) * a, values.max() * b)
        for a in np.linspace(0.02, 1.0, 30)
        for b in np.linspace(0.02, 1.0, 30)
    ]
    assert ours <= 1.03 * min(grid)


def test_mse_clips_a_lonely_outlier_and_keeps_a_full_uniform_range():
    spread = RNG.uniform(0.0, 1.0, 100_000)
    assert MeanSquaredError().range_of(statistics(spread)).high > 0.98
    outlier = np.append(RNG.normal(0.0, 1.0, 1_000_000), 100.0)
    # The least of n ((h + l) / 255)^2 / 12 + (100 - h)^2 with n = 1e6 and l = 4.5.
    assert MeanSquaredError().range_of(statistics(outlier)).high == pytest.approx(41.4, abs=2.0)


@pytest.mark.parametrize("observer", [MinMax(), Percentile(), MeanSquaredError()])
@pytest.mark.parametrize("value", [0.0, 3.0, -3.0])
def test_a_constant_tensor_gives_a_finite_range(observer, value):
    counts = np.zeros(BINS)
    counts[0] = 0 if value == 0.0 else 10
    found = observer.range_of(Statistics(value, value, counts, zeros=10 - int(counts[0])))
    # Within the step size, which is all that the zero point can promise.
    assert min(found.low, 0.0) == pytest.approx(min(value, 0.0), rel=1e-3)
    assert max(found.high, 0.0) == pytest.approx(max(value, 0.0), rel=1e-3)


def test_observers_are_known_by_name():
    assert make_observer("mse") == MeanSquaredError()
    assert make_observer("percentile") == Percentile(99.99)
    with pytest.raises(DataError, match="min-max"):
        make_observer("kl")
