"""1 / sqrt in 16 bits: its error, at every size and beside powers of two."""

from __future__ import annotations

import numpy as np

from mcucc.numerics.reciprocal_root import reciprocal_root


def test_relative_error_is_below_two_to_minus_15() -> None:
    rng = np.random.default_rng(0)
    powers = np.int64(1) << np.arange(62)
    drawn = (2.0 ** rng.uniform(0, 61.9, 20000)).astype(np.int64)
    w = np.concatenate([powers, powers - 1, powers + 1, drawn, np.arange(1, 5000)])
    w = w[w > 0]
    m, zeros = reciprocal_root(w)
    assert (zeros % 2 == 0).all()
    assert m.min() >= 2**15
    assert m.max() <= 2**16
    real = m * 2.0 ** (zeros / 2 - 31)
    assert np.abs(real * np.sqrt(w.astype(np.float64)) - 1).max() < 2.0**-15
