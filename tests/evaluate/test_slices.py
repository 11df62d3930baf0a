"""The worst slice: errors against a slice's own energy."""

from __future__ import annotations

import numpy as np
import pytest

from mcucc.evaluate.slices import worst_slice

RNG = np.random.default_rng(0)


def test_a_small_channel_is_not_hidden_by_large_ones() -> None:
    real = RNG.uniform(0, 1, (3, 4, 5, 6)) * [300, 300, 300, 300, 1, 1]
    step = 300 / 255
    found = worst_slice({"out": real}, {"out": np.rint(real / step) * step})
    assert found.slice in ("channel 4", "channel 5")
    assert found.snr_db is not None and found.snr_db < 10
    assert found.count == 6
    assert found.dead == 0  # 0 and 1.18: little is left, but something


def test_a_dead_channel_is_counted() -> None:
    real = RNG.uniform(0, 1, (3, 1, 1, 4)) * [300, 300, 300, 0.5]
    step = 300 / 255
    found = worst_slice({"out": real}, {"out": np.rint(real / step) * step})
    assert (found.slice, found.dead, found.dead_output) == ("channel 3", 1, "out")
    assert found.snr_db == pytest.approx(0.0)
    assert found.dead_largest == pytest.approx(np.abs(real[..., 3]).max())


def test_rows_of_a_matrix_count_too() -> None:
    """(1, 84, 8400): scores lie along the columns of (H, W, C)."""
    real = RNG.uniform(0, 1, (2, 1, 6, 50)) * np.array([300, 300, 300, 300, 1, 1])[:, None]
    step = 300 / 255
    found = worst_slice({"out": real}, {"out": np.rint(real / step) * step})
    assert found.slice in ("column 4", "column 5")
    assert found.count == 6 + 50


def test_what_is_constant_in_float_too_is_not_dead() -> None:
    real = np.ones((3, 1, 1, 2))
    real[..., 0] = [[[1]], [[2]], [[3]]]
    found = worst_slice({"out": real}, {"out": real.copy()})
    assert found.dead == 0
    assert (found.snr_db, found.shown) == (None, "exact")


def test_slices_of_zeros_are_left_out() -> None:
    real = np.zeros((3, 1, 1, 2))
    found = worst_slice({"out": real}, {"out": real})
    assert found.output == ""
