"""What the other runtimes need to be asked right."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mcucc.ir import Quant
from mcucc.numerics.fixed_point import Rounding
from mcucc.oracles.choose import open_oracle
from mcucc.oracles.litert import LitertSession
from mcucc.oracles.readable import readable
from mcucc.quantize.lower import lower
from tests.litert_builder import LiteRTBuilder


def with_axis(axis: int) -> bytes:
    """A convolution whose bias has one scale and names an axis, as TFLM's person detection does."""
    b = LiteRTBuilder()
    x = b.tensor((1, 4, 4, 3), np.int8, Quant((0.1,), 3), name="x")
    weights = b.constant(np.full((2, 1, 1, 3), 5, np.int8), Quant((0.1, 0.1), 0, 0))
    bias = b.constant(np.array([4, 7], np.int32), Quant((0.01,), 0, axis))
    y = b.tensor((1, 4, 4, 2), np.int8, Quant((0.2,), 0), name="y")
    b.op("CONV_2D", "Conv2DOptions", [x, weights, bias], [y], strideH=1, strideW=1)
    return b.build([x], [y])


def test_an_axis_that_means_nothing_does_not_keep_litert_out(tmp_path: Path) -> None:
    assert readable(with_axis(3)) == readable(with_axis(1))
    path = tmp_path / "net.tflite"
    path.write_bytes(with_axis(3))
    oracle = open_oracle(path, Rounding.DOUBLE, {})
    assert isinstance(oracle, LitertSession)
    q = np.arange(48, dtype=np.int8).reshape(4, 4, 3)
    ours = lower(oracle.imported.graph, Rounding.DOUBLE).run({"x": q[None]})
    np.testing.assert_array_equal(oracle.outputs([[q]])["y"], ours["y"])


def test_a_channel_has_its_own_axis(tmp_path: Path) -> None:
    """Only tensors of one scale are changed: per-channel weights keep theirs."""
    b = LiteRTBuilder()
    x = b.tensor((1, 4, 4, 2), np.int8, Quant((0.1,), 3), name="x")
    weights = b.constant(np.full((1, 1, 1, 2), 5, np.int8), Quant((0.1, 0.2), 0, 3))
    bias = b.constant(np.array([4, 7], np.int32), Quant((0.01, 0.02), 0, 0))
    y = b.tensor((1, 4, 4, 2), np.int8, Quant((0.2,), 0), name="y")
    fields = {"strideH": 1, "strideW": 1, "depthMultiplier": 1}
    b.op("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", [x, weights, bias], [y], **fields)
    data = b.build([x], [y])
    assert readable(data) == data
