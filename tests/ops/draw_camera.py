"""Drawn cases of what stands between a camera and a network."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from mcucc.ir.tensor import Tensor
from mcucc.numerics.fixed_point import INT8
from mcucc.ops.bayer_bin import PATTERNS, BayerBin
from mcucc.ops.camera_picture import ORDERS, CameraPicture
from mcucc.ops.common.pixels import GRAY, LAYOUTS, RANGES, Area
from tests.ops.draw import SEEDS, Case, activation, int8_values


@st.composite
def areas(draw: st.DrawFn, group: int = 1) -> tuple[int, Area]:
    """A length in pixels, whole groups, and an area of it: whole factors, others, one to one."""
    size = draw(st.integers(1, 7))
    length = draw(st.one_of(st.just(size), st.integers(size, 4 * size), st.just(3 * size)))
    begin, behind = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    pixels = -(-(begin + length + behind) // group) * group
    return pixels, Area(begin, length, size)


@st.composite
def camera_picture_cases(draw: st.DrawFn) -> Case:
    """CameraPicture of every format and order; bytes less 128, or by tables of their own."""
    form = draw(st.sampled_from(sorted(LAYOUTS)))
    layout = LAYOUTS[form]
    colours = "gray" if layout.components == GRAY else draw(st.sampled_from(ORDERS))
    height, rows = draw(areas())
    width, columns = draw(areas(layout.pixels))
    channels = 1 if colours == "gray" else 3
    rng = np.random.default_rng(draw(SEEDS))
    scale, offset, zero_point = (1.0,) * channels, (0.0,) * channels, -128
    if draw(st.booleans()):  # a file's own quantization: some bytes are one integer then
        scale, zero_point = tuple(rng.uniform(0.2, 1.0, channels).tolist()), 3
        offset = tuple(rng.uniform(-120.0, 20.0, channels).tolist())
    op = CameraPicture(
        form, colours, rows, columns, scale, offset, draw(st.sampled_from([*RANGES]))
    )
    shape = (1, height, width // layout.pixels, layout.bytes)
    x = activation("x", shape, 1.0, 0)
    y = activation("y", op.infer([x.type]).shape, 1.0, zero_point)
    return Case(op, (x,), y, (int8_values(rng, shape),))


@st.composite
def bayer_bin_cases(draw: st.DrawFn) -> Case:
    """BayerBin of every pattern."""
    op = BayerBin(draw(st.sampled_from(PATTERNS)))
    shape = (1, 2 * draw(st.integers(1, 4)), 2 * draw(st.integers(1, 6)), 1)
    rng = np.random.default_rng(draw(SEEDS))
    x = activation("x", shape, 1.0, 0)
    output = Tensor("y", op.infer([x.type]).shape, INT8, x.quant)
    return Case(op, (x,), output, (int8_values(rng, shape),))
