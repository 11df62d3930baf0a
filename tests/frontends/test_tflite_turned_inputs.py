"""Pictures (1, C, H, W) in an int8 .tflite: the camera's, without the transpose behind them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mcucc.frontends.imported import ImportedModel
from mcucc.ir import Quant
from mcucc.ir.tensor import Array
from mcucc.numerics.fixed_point import Rounding
from mcucc.oracles.litert import LitertSession
from mcucc.quantize.lower import lower
from tests.cli.project import BOARD, mcucc
from tests.litert_builder import LiteRTBuilder

SCALE = Quant((1 / 255,), -128)
HEIGHT, WIDTH = 8, 6
TURN = np.array([0, 2, 3, 1], np.int32)


def network(
    folder: Path, channels: int = 3, pads: int = 0, *, floats: bool = False, read_raw: bool = False
) -> Path:
    """[QUANTIZE,] borders of zeros, TRANSPOSE, CONV_2D; `read_raw`: the input is read as it is."""
    b, rng = LiteRTBuilder(), np.random.default_rng(0)
    height, width, ends = HEIGHT, WIDTH, []
    start = x = b.tensor((1, channels, height, width), np.int8, SCALE, name="image")
    if floats:
        start = b.tensor((1, channels, height, width), np.float32, name="pixels")
        b.op("QUANTIZE", "QuantizeOptions", [start], [x])
    if read_raw:
        ends.append(b.tensor((1, channels, height, width), np.int8, SCALE, name="raw"))
        b.op("RELU", None, [x], ends)
    for _ in range(pads):
        height, width = height + 3, width + 1
        padded = b.tensor((1, channels, height, width), np.int8, SCALE)
        border = b.constant(np.array([[0, 0], [0, 0], [1, 2], [0, 1]], np.int32))
        b.op("PAD", "PadOptions", [x, border], [padded])
        x = padded
    turned = b.tensor((1, height, width, channels), np.int8, SCALE)
    b.op("TRANSPOSE", "TransposeOptions", [x, b.constant(TURN)], [turned])
    weights = rng.integers(-127, 128, (4, 3, 3, channels)).astype(np.int8)
    kernel = b.constant(weights, Quant((0.01,) * 4, 0, 0))
    bias = b.constant(rng.integers(-500, 500, 4).astype(np.int32), Quant((0.01 / 255,) * 4, 0, 0))
    ends.append(b.tensor((1, height - 2, width - 2, 4), np.int8, Quant((0.05,), 3), name="out"))
    options = {"strideW": 1, "strideH": 1, "padding": 1}
    b.op("CONV_2D", "Conv2DOptions", [turned, kernel, bias], [ends[-1]], **options)
    path = folder / "net.tflite"
    path.write_bytes(b.build([start], ends))
    return path


def assert_equals_litert(path: Path, value: Array) -> ImportedModel:
    """Outputs and inner tensors, of a value in the file's layout."""
    oracle = LitertSession(path, Rounding.DOUBLE)
    model = oracle.imported
    (port,) = model.ports
    graph = lower(model.graph, Rounding.DOUBLE)
    ours = graph.run({port.tensor: port.integers(value)[None]})
    theirs = oracle.tensors([port.from_integers(port.integers(value))])
    assert set(model.graph.outputs) <= set(theirs)
    for name, expected in theirs.items():
        np.testing.assert_array_equal(ours[name][0].reshape(expected.shape), expected)
    return model


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("pads", [0, 1, 2])
def test_the_turn_is_gone(channels: int, pads: int, tmp_path: Path) -> None:
    path = network(tmp_path, channels, pads, floats=pads == 1)
    value = np.random.default_rng(1).integers(-128, 128, (1, channels, HEIGHT, WIDTH))
    model = assert_equals_litert(path, value.astype(np.int8))
    assert [node.op.kind for node in model.graph.nodes] == ["Conv2d"]
    (port,) = model.inputs
    assert (port.shape, port.stored) == (value.shape, (1, HEIGHT, WIDTH, channels))


@pytest.mark.parametrize(("pads", "read_raw"), [(3, False), (0, True)])
def test_what_is_read_as_it_lies_stays(pads: int, read_raw: bool, tmp_path: Path) -> None:
    path = network(tmp_path, 3, pads, read_raw=read_raw)
    value = np.random.default_rng(1).integers(-128, 128, (1, 3, HEIGHT, WIDTH))
    model = assert_equals_litert(path, value.astype(np.int8))
    assert model.inputs[0].stored == value.shape
    assert "Transpose" in [node.op.kind for node in model.graph.nodes]


def test_pictures_and_raw_inputs_validate(tmp_path: Path) -> None:
    path = network(tmp_path, floats=True, pads=1)
    toml = f'[preprocess]\nchannels = "rgb"\nresize = [{HEIGHT}, {WIDTH}]\nscale = {1 / 255}\n'
    rng, data = np.random.default_rng(2), tmp_path / "data"
    data.mkdir()
    for index in range(2):
        pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        Image.fromarray(pixels).save(data / f"{index}.png")
    np.save(tmp_path / "raw.npy", rng.uniform(0, 1, (2, 3, HEIGHT, WIDTH)).astype(np.float32))
    for toml_text, given in ((None, tmp_path / "raw.npy"), (toml, data)):
        if toml_text is not None:
            path.with_suffix(".toml").write_text(toml_text)
        out = ("--out", tmp_path / "out", "--rounding", "double", "--c-only")
        made = mcucc("compile", path, "--board", BOARD, *out)
        assert made.code == 0, made.err
        done = mcucc("validate", tmp_path / "out", "--data", given, "--emulator", "none")
        assert done.code == 0, done.out
        assert "NumPy and LiteRT (reference kernels) agree on every byte" in done.out
