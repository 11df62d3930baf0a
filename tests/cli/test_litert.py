"""`mcucc validate` on a .tflite: LiteRT has a word too, and the first wrong tensor is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mcucc.ir import Quant
from tests.cli.project import BOARD, HEIGHT, TOML, WIDTH, Project, mcucc
from tests.litert_builder import LiteRTBuilder

pytestmark = pytest.mark.host
RNG = np.random.default_rng(4)
FIRST = RNG.integers(-127, 128, (8, 3, 3, 3)).astype(np.int8)
SECOND = RNG.integers(-127, 128, (6, 1, 1, 8)).astype(np.int8)


def bias(b: LiteRTBuilder, channels: int, scale: float) -> int:
    values = np.arange(channels, dtype=np.int32) * 31 - 90
    return b.constant(values, Quant((scale * 0.01,) * channels, 0, 0))


def network(ends: type) -> bytes:
    """Two convolutions and a mean; inputs and outputs of the given type."""
    b = LiteRTBuilder()
    offset = 128 if ends is np.uint8 else 0
    q = Quant((0.02,), 3)
    x = b.tensor((1, HEIGHT, WIDTH, 3), np.int8, q, name="x")
    image = x
    if ends is not np.int8:
        outer = None if ends is np.float32 else Quant(q.scale, q.zero_point + offset)
        image = b.tensor((1, HEIGHT, WIDTH, 3), ends, outer, name="image")
        b.op("QUANTIZE", "QuantizeOptions", [image], [x])
    first = b.constant(FIRST, Quant((0.01,) * 8, 0, 0))
    y = b.tensor((1, HEIGHT // 2, WIDTH // 2, 8), np.int8, Quant((0.1,), -5), name="first")
    window = {"strideH": 2, "strideW": 2, "padding": 0}
    b.op("CONV_2D", "Conv2DOptions", [x, first, bias(b, 8, 0.02)], [y], **window)
    second = b.constant(SECOND, Quant((0.01,) * 6, 0, 0))
    z = b.tensor((1, HEIGHT // 2, WIDTH // 2, 6), np.int8, Quant((0.2,), 7), name="second")
    b.op("CONV_2D", "Conv2DOptions", [y, second, bias(b, 6, 0.1)], [z], strideH=1, strideW=1)
    axes = b.constant(np.array([1, 2], np.int32))
    m = b.tensor((1, 6), np.int8, Quant((0.1,), 0), name="mean")
    b.op("MEAN", "ReducerOptions", [z, axes], [m], keepDims=False)
    scores = m
    if ends is np.float32:
        scores = b.tensor((1, 6), np.float32, name="scores")
        b.op("DEQUANTIZE", "DequantizeOptions", [m], [scores])
    elif ends is np.uint8:
        scores = b.tensor((1, 6), np.uint8, Quant((0.1,), 128), name="scores")
        b.op("QUANTIZE", "QuantizeOptions", [m], [scores])
    return b.build([image], [scores])


def shuffled() -> bytes:
    """Two convolutions, a shuffle of channels and a ReLU between."""
    b = LiteRTBuilder()
    q, rows, columns = Quant((0.1,), -5), HEIGHT // 2, WIDTH // 2
    image = b.tensor((1, HEIGHT, WIDTH, 3), np.int8, Quant((0.02,), 3), name="x")
    scales = tuple((0.01 + 0.001 * np.arange(8)).tolist())
    first = b.constant(FIRST, Quant(scales, 0, 0))
    values = np.arange(8, dtype=np.int32) * 31 - 90
    added = b.constant(values, Quant(tuple(0.02 * scale for scale in scales), 0, 0))
    y = b.tensor((1, rows, columns, 8), np.int8, q, name="first")
    window = {"strideH": 2, "strideW": 2, "padding": 0}
    b.op("CONV_2D", "Conv2DOptions", [image, first, added], [y], **window)
    last = y
    steps = {"RESHAPE": (1, rows * columns, 2, 4), "TRANSPOSE": (0, 1, 3, 2)}
    shapes = [(1, rows * columns, 2, 4), (1, rows * columns, 4, 2), (1, rows, columns, 8)]
    for shape, op in zip(shapes, ("RESHAPE", "TRANSPOSE", "RESHAPE"), strict=True):
        values = shape if op == "RESHAPE" else steps[op]
        made = b.tensor(shape, np.int8, q, name=f"shuffle_{len(shape)}_{shape[2]}")
        constant = b.constant(np.array(values, np.int32))
        b.op(op, f"{op.title()}Options", [last, constant], [made])
        last = made
    relu = b.tensor((1, rows, columns, 8), np.int8, q, name="relu")
    b.op("RELU", None, [last], [relu])
    second = b.constant(SECOND, Quant((0.01,) * 6, 0, 0))
    z = b.tensor((1, rows, columns, 6), np.int8, Quant((0.2,), 7), name="second")
    b.op("CONV_2D", "Conv2DOptions", [relu, second, bias(b, 6, 0.1)], [z], strideH=1, strideW=1)
    return b.build([image], [z])


def test_a_shuffle_is_folded_into_the_weights(project: Project, tmp_path: Path) -> None:
    """And LiteRT's tensors are compared with those whose channels are in another order here."""
    (tmp_path / "net.tflite").write_bytes(shuffled())
    (tmp_path / "net.toml").write_text(TOML)
    out = tmp_path / "out"
    options = ("--board", BOARD, "--rounding", "double", "--emulator", "none", "--out", out)
    made = mcucc("compile", tmp_path / "net.tflite", *options)
    assert made.code == 0, made.err
    ops = [node["op"].split()[0] for node in json.loads((out / "report.json").read_text())["nodes"]]
    assert ops == ["Conv2d", "Lookup", "Conv2d"]
    found = mcucc("validate", out, "--data", project.data, "--emulator", "none", "--json")
    assert found.code == 0, found.err
    assert json.loads(found.out)["litert_equal"] is True


def compiled(project: Project, folder: Path, ends: type, rounding: str) -> Path:
    (folder / "net.tflite").write_bytes(network(ends))
    (folder / "net.toml").write_text(TOML)
    out = folder / "out"
    options = ("--board", BOARD, "--rounding", rounding, "--emulator", "none", "--out", out)
    made = mcucc("compile", folder / "net.tflite", *options)
    assert made.code == 0, made.err
    return out


@pytest.mark.parametrize("ends", [np.int8, np.uint8, np.float32])
@pytest.mark.parametrize("rounding", ["single", "double"])
def test_litert_computes_the_same_bytes(
    project: Project, tmp_path: Path, ends: type, rounding: str
) -> None:
    out = compiled(project, tmp_path, ends, rounding)
    found = mcucc("validate", out, "--data", project.data, "--emulator", "none", "--json")
    assert found.code == 0, found.err
    report = json.loads(found.out)
    assert report["litert_equal"] is True
    way = next(way for way in report["ways"] if way["name"] == "litert")
    assert way["different_pictures"] == 0


@pytest.mark.parametrize("rounding", ["single", "double"])
def test_one_flipped_weight_names_its_layer(
    project: Project, tmp_path: Path, rounding: str
) -> None:
    """The weight is flipped in the model file that LiteRT reads, not in ours."""
    out = compiled(project, tmp_path, np.int8, rounding)
    source = out / "source.tflite"
    data = bytearray(source.read_bytes())
    place = data.index(SECOND.tobytes()) + 5
    data[place] = (data[place] + 100) % 256
    source.write_bytes(data)
    found = mcucc("validate", out, "--data", project.data, "--emulator", "none")
    assert found.code == 1, found.err
    assert "litert: first difference in second (tensor second, element" in found.out
    assert "host: first difference" not in found.out
