"""Drawn cases of what chooses among values: ArgMax, with values that tie."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from mcucc.ir.tensor import Tensor
from mcucc.numerics.fixed_point import INT8, INT16
from mcucc.ops.arg_max import ArgMax
from tests.ops.draw import CHANNELS, SEEDS, ZERO_POINTS, Case, activation, free_scale


@st.composite
def arg_max_cases(draw: st.DrawFn, *, wide: bool = False) -> Case:
    """Of few distinct values, so that the largest is there several times; `wide`: int16 out."""
    few = st.one_of(CHANNELS, st.sampled_from([255, 256]))
    channels = draw(st.sampled_from([257, 1000]) if wide else few)
    shape = (1, *draw(st.sampled_from([(), (1, 1), (2, 3)])), channels)
    rng = np.random.default_rng(draw(SEEDS))
    x = activation("x", shape, free_scale(rng), draw(ZERO_POINTS))
    op = ArgMax(channels, draw(st.booleans()), draw(st.booleans()))
    y = Tensor("y", op.infer([x.type]).shape, INT16 if wide else INT8, op.fixed_quant())
    distinct = rng.integers(-128, 128, draw(st.sampled_from([1, 2, 5, 300])))
    return Case(op, (x,), y, (rng.choice(distinct, shape).astype(np.int8),))
