"""Calibration and sweeps run several pictures at once: each gets what it gets alone."""

from __future__ import annotations

import numpy as np
import pytest

from mcucc.ir import Quant, Tensor
from mcucc.ir.op import Op
from mcucc.numerics.fixed_point import Rounding
from mcucc.ops.group_norm import GroupNorm
from mcucc.ops.layer_norm import LayerNorm
from mcucc.ops.permute import Permute

SHAPE = (1, 2, 3, 4)
OPS = (
    GroupNorm(2),
    GroupNorm(4),
    LayerNorm((1.0, 0.5, 2.0, 1.0), (0.0, 1.0, 0.0, -1.0)),
    Permute((2, 3, 2, 2), (2, 0, 3, 1), (1, 4, 6)),
)


@pytest.mark.parametrize("op", OPS, ids=str)
def test_pictures_of_a_batch_do_not_meet(op: Op) -> None:
    rng = np.random.default_rng(0)
    quant = Quant((0.02,), 3)
    x = Tensor("x", SHAPE, np.dtype(np.int8), quant)
    y = Tensor("y", op.infer([x.type]).shape, np.dtype(np.int8), quant)
    kernel = op.lower([x], y, Rounding.SINGLE)
    batch = rng.integers(-128, 128, (3, *SHAPE[1:])).astype(np.int8)
    batch[1] //= 8  # unlike means and deviations
    alone = [kernel.run([picture[None]]) for picture in batch]
    np.testing.assert_array_equal(kernel.run([batch]), np.concatenate(alone))
    real = batch.astype(np.float32)
    floats = [op.evaluate([picture[None]]) for picture in real]
    np.testing.assert_array_equal(op.evaluate([real]), np.concatenate(floats))
    g = rng.normal(0, 1, op.evaluate([real]).shape).astype(np.float32)
    (back,) = op.pullback([real], op.evaluate([real]), g)
    for i, picture in enumerate(real):
        (own,) = op.pullback([picture[None]], floats[i], g[i : i + 1])
        np.testing.assert_allclose(back[i : i + 1], own, rtol=1e-6)
