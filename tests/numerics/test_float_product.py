"""Multipliers that step where float32 products do."""

from __future__ import annotations

import numpy as np
import pytest

from mcucc.numerics.fixed_point import Requant, Rounding
from mcucc.numerics.float_product import like_float_product

REACH = 200_000  # accumulators tried, either side of zero
OUTPUTS = (-100, 155)


def float_product(acc: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """What XNNPACK and ONNX Runtime compute."""
    return np.rint(acc.astype(np.float32) * factors).astype(np.int64)


def differences(requant: Requant, factors: np.ndarray) -> np.ndarray:
    """Per channel, how many of all reachable accumulators give another output."""
    acc = np.arange(-REACH, REACH + 1, dtype=np.int64)[:, None]
    ours, theirs = requant.apply(acc), float_product(acc, factors)
    return (np.clip(ours, *OUTPUTS) != np.clip(theirs, *OUTPUTS)).sum(axis=0)


def choose(factors: np.ndarray, reach: int = REACH) -> tuple[Requant, Requant]:
    """The nearest multipliers of factors, and those chosen."""
    nearest = Requant.from_real(factors.astype(np.float64), Rounding.SINGLE)
    ends = np.full(factors.shape, -reach), np.full(factors.shape, reach)
    return nearest, like_float_product(nearest, factors, ends, OUTPUTS)


@pytest.fixture(scope="module")
def factors() -> np.ndarray:
    return np.exp(np.random.default_rng(1).uniform(-8, -3, 100)).astype(np.float32)


def test_most_channels_equal_float32_and_none_gets_worse(factors: np.ndarray) -> None:
    nearest, chosen = choose(factors)
    before, after = differences(nearest, factors), differences(chosen, factors)
    assert (after <= before).all()
    assert (before > 0).mean() > 0.1
    assert (after > 0).mean() < 0.1
    assert after.sum() < before.sum() / 2


def test_multipliers_stay_normal_and_near(factors: np.ndarray) -> None:
    nearest, chosen = choose(factors)
    np.testing.assert_array_equal(chosen.shift, nearest.shift)
    assert chosen.multiplier.min() >= 1 << 30
    assert chosen.multiplier.max() < 1 << 31
    assert np.abs(chosen.multiplier / nearest.multiplier - 1).max() < 2**-21


def test_steps_out_of_reach_do_not_matter(factors: np.ndarray) -> None:
    """A channel whose sums give one output may take any number nearby: the roundest."""
    _, chosen = choose(factors, reach=0)
    assert (chosen.multiplier % 512 == 0).all()


def test_round_multipliers_are_preferred(factors: np.ndarray) -> None:
    nearest, chosen = choose(factors)
    assert (nearest.multiplier % 512 == 0).mean() < 0.5
    assert (chosen.multiplier % 512 == 0).mean() > 0.8


def test_short_factors_are_exact_already() -> None:
    """Those of our own quantizer, and powers of two, whose ties go up here and to even there."""
    factors = np.array([2.0**-7, 12_345 * 2.0**-24], np.float32)
    nearest, chosen = choose(factors)
    np.testing.assert_array_equal(chosen.multiplier, nearest.multiplier)
