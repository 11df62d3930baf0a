"""Channels of a .tflite whose weight scale is 0 or next to it: what LiteRT makes of them."""

from __future__ import annotations

import numpy as np
import pytest

from mcucc.ir import Quant
from tests.frontends.test_tflite_ops import Case

X, Y = Quant((0.02,), 5), Quant((0.05,), 3)
# Shape of the weights, axis of the outputs, options.
LAYERS: dict[str, tuple[tuple[int, ...], int, str]] = {
    "CONV_2D": ((4, 3, 3, 4), 0, "Conv2DOptions"),
    "DEPTHWISE_CONV_2D": ((1, 3, 3, 4), 3, "DepthwiseConv2DOptions"),
    "FULLY_CONNECTED": ((4, 144), 0, "FullyConnectedOptions"),
}


@pytest.mark.parametrize("code", list(LAYERS))
@pytest.mark.parametrize("largest", [9000, 2**31 - 1])
@pytest.mark.parametrize("per_channel", [False, True])
def test_biases_of_pruned_channels(code: str, largest: int, per_channel: bool) -> None:
    """The file's bias is in steps of the weights' scale: of 0 it is 0, of little it is little."""
    shape, axis, options = LAYERS[code]
    for tiny in (0.0, 1e-45, 1e-38, 1e-12, 1e-7):
        case = Case(7)
        scales = (0.01, tiny, 0.004, 0.01) if per_channel else (tiny,)
        data = case.rng.integers(-127, 128, shape).astype(np.int8)
        np.moveaxis(data, axis, 0)[1 if per_channel else slice(None)] = 0
        x = case.input((1, 6, 6, 4), X)
        w = case.builder.constant(data, Quant(scales, 0, axis))
        bias = np.array([5000, largest, -7000, 300], np.int32)
        b = case.builder.constant(bias, Quant(tuple(s * 0.02 for s in scales), 0, 0))
        out = (1, 4) if code == "FULLY_CONNECTED" else (1, 6, 6, 4)
        y = case.builder.tensor(out, np.int8, Y)
        fields = {} if code == "FULLY_CONNECTED" else {"strideH": 1, "strideW": 1}
        if code == "DEPTHWISE_CONV_2D":
            fields["depthMultiplier"] = 1
        case.builder.op(code, options, [x, w, b], [y], **fields)
        case.check(y)
