"""Outputs of an int8 .tflite that are constants: anchors of detectors, tiled at import."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcucc.errors import ModelError
from mcucc.frontends.load import load_model
from mcucc.ir import Quant
from mcucc.numerics.fixed_point import Rounding
from mcucc.oracles.litert import LitertSession
from tests.litert_builder import LiteRTBuilder, run_litert

SCALE = Quant((0.05,), 3)


def network(folder: Path, *, computed: bool) -> tuple[Path, np.ndarray]:
    """A ReLU, and anchors: a pair tiled 4 times, joined with another and made floats."""
    b, rng = LiteRTBuilder(), np.random.default_rng(0)
    image = b.tensor((1, 4, 5, 2), np.int8, SCALE, name="image")
    scores = b.tensor((1, 4, 5, 2), np.int8, SCALE, name="scores")
    b.op("RELU", None, [image], [scores])
    pair = b.constant(rng.integers(-128, 128, (1, 1, 2)).astype(np.int8), SCALE)
    more = b.constant(rng.integers(-128, 128, (1, 3, 2)).astype(np.int8), SCALE)
    tiled = b.tensor((1, 4, 2), np.int8, SCALE)
    b.op("TILE", None, [pair, b.constant(np.array([1, 4, 1], np.int32))], [tiled])
    joined = b.tensor((1, 7, 2), np.int8, SCALE)
    b.op("CONCATENATION", "ConcatenationOptions", [tiled, more], [joined], axis=1)
    anchors = b.tensor((1, 7, 2), np.float32, name="anchors")
    b.op("DEQUANTIZE", "DequantizeOptions", [joined], [anchors])
    path = folder / "net.tflite"
    path.write_bytes(b.build([image], [anchors, scores] if computed else [anchors]))
    value = rng.integers(-128, 128, (1, 4, 5, 2)).astype(np.int8)
    return path, value


def test_they_are_those_of_litert_and_left_out(tmp_path: Path) -> None:
    path, value = network(tmp_path, computed=True)
    model = load_model(path)
    wanted = run_litert(path.read_bytes(), [value])
    assert [port.name for port in model.outputs] == ["scores"]
    np.testing.assert_array_equal(model.constants["anchors"].values, wanted[0])
    found = LitertSession(path, Rounding.DOUBLE).run([value], inner=False)
    np.testing.assert_array_equal(found["scores"], wanted[1])


def test_a_network_of_constants_alone_is_none(tmp_path: Path) -> None:
    path, _ = network(tmp_path, computed=False)
    with pytest.raises(ModelError, match="every output is a constant"):
        load_model(path)
