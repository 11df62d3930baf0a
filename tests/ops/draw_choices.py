"""Drawn cases of ArgMax, with values that tie, of pixels of any places, of LogSoftmax."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from mcucc.ir.tensor import Tensor
from mcucc.numerics.fixed_point import INT8, INT16
from mcucc.ops.arg_max import ArgMax
from mcucc.ops.log_softmax import LogSoftmax
from mcucc.ops.resize_bilinear import Sampling
from mcucc.ops.sample_nearest import SampleNearest
from tests.ops.draw import (
    CHANNELS,
    SEEDS,
    ZERO_POINTS,
    Case,
    activation,
    free_output_scale,
    free_scale,
    int8_values,
)


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


@st.composite
def sample_cases(draw: st.DrawFn) -> Case:
    """SampleNearest to smaller and larger sizes, from anywhere within the first pixels."""
    rng = np.random.default_rng(draw(SEEDS))
    shape = (1, draw(st.integers(1, 7)), draw(st.integers(1, 7)), draw(CHANNELS))
    samplings = []
    for length in shape[1:3]:
        size, unit = draw(st.integers(1, 9)), draw(st.integers(1, 9))
        most = length * unit - 1  # the last position
        step = draw(st.integers(1, max(most // max(size - 1, 1), 1)))
        size = min(size, most // step + 1)
        offset = draw(st.integers(0, most - (size - 1) * step))
        samplings.append(Sampling(size, step, unit, offset))
    op = SampleNearest(*samplings)
    x = activation("x", shape, free_scale(rng), draw(ZERO_POINTS))
    output = Tensor("y", op.infer([x.type]).shape, INT8, x.quant)
    return Case(op, (x,), output, (int8_values(rng, shape),))


@st.composite
def log_softmax_cases(draw: st.DrawFn) -> Case:
    """LogSoftmax of vectors and of pixels, from scores that are equal to some far apart."""
    channels = draw(st.one_of(CHANNELS, st.sampled_from([257, 1001])))
    shape = (1, *draw(st.sampled_from([(), (1, 1), (2, 3)])), channels)
    rng = np.random.default_rng(draw(SEEDS))
    x = activation("x", shape, free_scale(rng), draw(ZERO_POINTS))
    y = activation("y", shape, free_output_scale(0.1, rng), draw(ZERO_POINTS))
    return Case(LogSoftmax(), (x,), y, (int8_values(rng, shape),))
