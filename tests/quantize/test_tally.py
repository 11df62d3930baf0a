"""Tallies: a histogram of each channel, the tensor as the one channel it is."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from mcucc.numerics.fixed_point import NO_CLAMP, RELU, RELU6, Clamp
from mcucc.quantize.equalize.ranges import channel_ranges
from mcucc.quantize.tally import Tally


def tallied(values: np.ndarray, columns: int, bins: int) -> Tally:
    tally = Tally("t", columns, bins)
    for value in values:
        tally.extend(value)
    for value in values:
        tally.count(value)
    return tally


def drawn(channels: int, seed: int = 0) -> np.ndarray:
    """Pictures (8, 5, 4, C) of channels of different widths and centres, some values 0."""
    rng = np.random.default_rng(seed)
    spread = np.exp2(rng.uniform(-3, 3, channels))
    values = rng.normal(rng.uniform(-2, 2, channels), 1, (8, 5, 4, channels)) * spread
    return np.where(rng.random(values.shape) < 0.2, 0, values).astype(np.float32)


def test_channels_are_counted_each_in_bins_of_its_own() -> None:
    values = drawn(6)
    found = tallied(values, 6, 64).channels()
    flat = values.reshape(-1, 6)
    assert np.array_equal(found.low, flat.min(axis=0)) and found.samples == len(flat)
    assert np.array_equal(found.high, flat.max(axis=0))
    for channel in range(6):
        ends = float(found.low[channel]), float(found.high[channel])
        counts, _ = np.histogram(flat[:, channel].astype(np.float64), 64, ends)
        assert np.abs(counts - found.counts[channel]).sum() <= 4  # float32 at the bins' edges
    assert np.allclose(found.mean, flat.mean(axis=0), atol=(found.high - found.low).max() / 64)


def test_one_column_is_the_tensor_and_keeps_zeros_apart() -> None:
    values = drawn(6)
    found = tallied(values, 1, 2048).tensor(histogram=True)
    assert (found.low, found.high) == (values.min(), values.max())
    assert found.zeros == (values == 0).sum() > 0
    assert found.histogram.min() == 0 and found.histogram.sum() + found.zeros == values.size


@pytest.mark.parametrize("offset", [0.0, 5.0, -1e29])
def test_channels_that_never_move_are_counted(offset: float) -> None:
    values = np.full((3, 2, 2, 2), offset, np.float32)
    values[..., 1] += np.float32(abs(offset) * 1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = tallied(values, 2, 16).channels()
        assert found.counts.min() >= 0 and found.samples == 12
        ranges = channel_ranges(found, NO_CLAMP, free=False)
    assert np.isfinite(ranges.width).all()


def test_ranges_reach_beyond_what_was_seen_but_not_beyond_a_clamp() -> None:
    rng = np.random.default_rng(1)
    seen = rng.exponential(1.0, (4, 10, 10, 3)).astype(np.float32)
    statistics = tallied(seen, 3, 512).channels()
    plain = channel_ranges(statistics, RELU, free=False)
    assert (plain.low == 0).all()
    # 255 steps are plenty: what is cut off weighs more than steps that are twice as wide.
    assert (plain.high > 1.2 * statistics.high).all()
    assert (plain.high <= 2.5 * statistics.high).all()
    assert channel_ranges(statistics, RELU6, free=False).high.max() <= 6.0
    limited = channel_ranges(statistics, Clamp(-1.0, 2.5), free=False)
    assert limited.low.min() >= -1.0 and limited.high.max() <= 2.5


def test_free_ranges_lie_where_the_values_are() -> None:
    rng = np.random.default_rng(2)
    seen = rng.normal((0.0, 50.0, -3.0), (1.0, 0.5, 0.5), (4, 10, 10, 3)).astype(np.float32)
    statistics = tallied(seen, 3, 512).channels()
    free = channel_ranges(statistics, NO_CLAMP, free=True)
    assert np.allclose((free.low + free.high) / 2, (0, 50, -3), atol=1.5)
    assert free.width.max() < 16
    held = channel_ranges(statistics, NO_CLAMP, free=False)
    assert (held.low <= 0).all() and (held.high >= 0).all() and held.width[1] > 50


def test_dead_channels_do_not_become_the_widest() -> None:
    values = drawn(4)
    values[..., 2] = 0.0
    width = channel_ranges(tallied(values, 4, 64).channels(), NO_CLAMP, free=False).width
    assert np.isclose(width[2], width.max() / 16)
