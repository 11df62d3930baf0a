"""Drawn cases of norms: any groups, constant rows, outliers, tables or none; L2 norms."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from mcucc.ir.tensor import Tensor
from mcucc.numerics.fixed_point import Int8Array
from mcucc.ops.common.table import Table
from mcucc.ops.group_norm import GroupNorm
from mcucc.ops.l2_norm import L2Norm
from tests.ops.draw import SEEDS, ZERO_POINTS, Case, activation, free_scale

MOST_UNITS = 64.0  # of the output in a deviation: what LARGEST_ERROR is stated for


def norm_values(rng: np.random.Generator, shape: tuple[int, ...]) -> Int8Array:
    """Rows of any mean and deviation, some constant, some with an outlier."""
    pixels = (*shape[:-1], 1)
    spread = rng.choice([0.0, 0.4, 3.0, 20.0, 200.0], pixels)
    values = rng.normal(rng.uniform(-100, 100, pixels), spread, shape)
    values[rng.random(shape) < 0.01] = rng.choice([-128, 127])
    return np.clip(np.rint(values), -128, 127).astype(np.int8)


def tables(rng: np.random.Generator, channels: int) -> tuple[Table | None, Table | None]:
    """gamma and beta, either left out; one channel in ten far from the others."""
    gamma = rng.uniform(-2, 2, channels) * np.where(rng.random(channels) < 0.1, 8, 1)
    found = [Table.of(v.astype(np.float32)) for v in (gamma, rng.normal(0, 1, channels))]
    return found[0] if rng.random() < 0.7 else None, found[1] if rng.random() < 0.7 else None


def output(rng: np.random.Generator, shape: tuple[int, ...], gamma: Table | None) -> Tensor:
    """At most MOST_UNITS a deviation."""
    largest = 1.0 if gamma is None else float(np.abs(gamma.array).max())
    scale = max(largest, 0.01) / MOST_UNITS * 10.0 ** rng.uniform(0, 1)
    return activation("y", shape, float(np.float32(scale)), int(rng.integers(-128, 128)))


@st.composite
def group_norm_cases(draw: st.DrawFn) -> Case:
    """GroupNorm of one group, a few, or every channel its own."""
    rng = np.random.default_rng(draw(SEEDS))
    of_group, groups = draw(st.sampled_from([1, 2, 3, 8])), draw(st.integers(1, 4))
    channels = of_group * groups
    shape = (1, draw(st.integers(1, 5)), draw(st.integers(1, 6)), channels)
    op = GroupNorm(groups, draw(st.sampled_from([0.0, 1e-5, 0.1])), *tables(rng, channels))
    x = activation("x", shape, free_scale(rng), draw(ZERO_POINTS))
    return Case(op, (x,), output(rng, shape, op.gamma), (norm_values(rng, shape),))


@st.composite
def l2_norm_cases(draw: st.DrawFn) -> Case:
    """Vectors and pixels, some of zeros, some of one value that is not; units no float loses."""
    rng = np.random.default_rng(draw(SEEDS))
    shape = (1, *draw(st.sampled_from([(), (1, 1), (2, 3)])), draw(st.sampled_from([1, 3, 8, 300])))
    x = activation("x", shape, float(np.float32(rng.uniform(0.01, 1))), draw(ZERO_POINTS))
    values = norm_values(rng, shape)
    if rng.random() < 0.3:
        values = np.full(shape, x.quantization.zero_point, np.int8)
        values[..., 0] += np.int8(rng.integers(0, 2)) if x.quantization.zero_point < 127 else 0
    return Case(L2Norm(), (x,), activation("y", shape, 1 / 128, 0), (values,))
