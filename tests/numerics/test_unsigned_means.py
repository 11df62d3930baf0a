"""Means of bytes: one multiplication and a shift for LiteRT's division of unsigned sums."""

from __future__ import annotations

import numpy as np
import pytest

from mcucc.numerics.fixed_point import Requant


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 9, 12, 36, 49, 100, 196, 225, 1000, 4096])
def test_every_sum_of_bytes_is_divided_halves_up(count: int) -> None:
    sums = np.arange(255 * count + 1, dtype=np.int64)
    means = Requant.of_unsigned_means([count]).apply(sums)
    np.testing.assert_array_equal(means, (sums + count // 2) // count)


@pytest.mark.parametrize("count", [50_000, 50_176, 2**20 - 1, 2**20])
def test_sums_beside_every_half_of_a_large_picture(count: int) -> None:
    steps = ((2 * np.arange(256, dtype=np.int64) + 1) * count) // 2
    sums = np.clip((steps[:, None] + np.arange(-2, 3)).reshape(-1), 0, 255 * count)
    means = Requant.of_unsigned_means([count]).apply(sums)
    np.testing.assert_array_equal(means, (sums + count // 2) // count)
