"""A border with biases of its own: the int8 reference against the sum written down."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from mcucc.ir import Quant, Tensor
from mcucc.numerics.fixed_point import Rounding
from mcucc.ops.common.border import BorderedKernel
from mcucc.ops.common.spatial import Window2d, patches
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from tests.ops.draw import SEEDS, activation, windows


def outside(window: Window2d, height: int, width: int) -> np.ndarray:
    """Whether each tap of each output is padding: (Ho, Wo, kh, kw)."""
    inside = patches(np.ones((1, height, width, 1), bool), window, pad_value=False)
    return ~inside[0, ..., 0]


@settings(derandomize=True, deadline=None, max_examples=40)
@given(windows(), st.integers(5, 9), st.integers(5, 9), st.booleans(), SEEDS)
def test_every_zone_has_the_sum_of_its_taps(
    window: Window2d, height: int, width: int, depthwise: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    kh, kw = window.kernel
    height, width = max(height, window.effective[0]), max(width, window.effective[1])
    shape, axis = ((kh, kw, 4), 2) if depthwise else ((4, kh, kw, 2), 0)
    op = DepthwiseConv2d(window) if depthwise else Conv2d(window)
    x = activation("x", (1, height, width, 2), 0.125, int(rng.integers(-128, 128)))
    scale = Quant((0.0625,) * 4, 0, axis)
    tall, wide = window.output_size(height, width)
    y = activation("y", (1, tall, wide, 4), 0.25, 3)
    operands = {
        "w": (rng.integers(-20, 21, shape).astype(np.int8), scale),
        "b": (rng.integers(-900, 900, 4).astype(np.int32), Quant((2.0**-7,) * 4, 0, 0)),
        "e": (rng.integers(-900, 900, (kh, kw, 4)).astype(np.int32), Quant((2.0**-7,) * 4, 0, 2)),
    }
    constants = [Tensor.const(name, *given) for name, given in operands.items()]
    kernel = op.lower([x, *constants], y, Rounding.SINGLE)
    assert isinstance(kernel, BorderedKernel)
    values = rng.integers(-128, 128, (2, height, width, 2)).astype(np.int8)
    views = patches(values, window, x.quantization.zero_point).astype(np.int64)
    w, b, e = (given[0].astype(np.int64) for given in operands.values())
    views = views - x.quantization.zero_point
    if depthwise:
        sums = np.einsum("nhwtuc,tuc->nhwc", views.repeat(2, axis=5), w)
    else:
        sums = np.einsum("nhwtuc,otuc->nhwo", views, w)
    sums = sums + b + np.einsum("hwtu,tuo->hwo", outside(window, height, width), e)
    wanted = np.floor(sums * 2.0**-5 + 0.5) + 3
    np.testing.assert_array_equal(kernel.run([values]), np.clip(wanted, -128, 127))
