"""Damaged .tflite files: one clear error in bounded time, or a network; never a crash."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from mcucc.errors import McuccError, ModelError
from mcucc.frontends.tflite.importer import import_tflite
from mcucc.ir import Quant
from mcucc.quantize.lower import lower
from tests.litert_builder import LiteRTBuilder

SECONDS = 30.0  # a hang, on however loaded a machine


def small_network() -> bytes:
    """Every kind of table: options, constants, per-channel scales, float ends."""
    rng = np.random.default_rng(0)
    b = LiteRTBuilder()
    q = Quant((0.05,), 3)
    image = b.tensor((1, 8, 8, 3), np.float32, name="image")
    x = b.tensor((1, 8, 8, 3), np.int8, q)
    b.op("QUANTIZE", "QuantizeOptions", [image], [x])
    padded = b.tensor((1, 10, 10, 3), np.int8, q)
    widths = b.constant(np.array([[0, 0], [1, 1], [1, 1], [0, 0]], dtype=np.int32))
    b.op("PAD", "PadOptions", [x, widths], [padded])
    data = rng.integers(-127, 128, (4, 3, 3, 3)).astype(np.int8)
    w = b.constant(data, Quant((0.01, 0.02, 0.03, 0.01), 0, 0))
    bias = b.constant(rng.integers(-99, 99, 4).astype(np.int32), Quant((0.1,) * 4, 0, 0))
    y = b.tensor((1, 4, 4, 4), np.int8, Quant((0.2,), -5))
    b.op("CONV_2D", "Conv2DOptions", [padded, w, bias], [y], strideH=2, strideW=2, padding=1)
    pooled = b.tensor((1, 1, 1, 4), np.int8, Quant((0.2,), -5))
    window = {"filterHeight": 4, "filterWidth": 4, "strideH": 1, "strideW": 1, "padding": 1}
    b.op("AVERAGE_POOL_2D", "Pool2DOptions", [y], [pooled], **window)
    flat = b.tensor((1, 4), np.int8, Quant((0.2,), -5))
    shape = b.constant(np.array([1, 4], dtype=np.int32))
    b.op("RESHAPE", "ReshapeOptions", [pooled, shape], [flat])
    soft = b.tensor((1, 4), np.int8, Quant((1 / 256,), -128))
    b.op("SOFTMAX", "SoftmaxOptions", [flat], [soft], beta=1.0)
    out = b.tensor((1, 4), np.float32, name="scores")
    b.op("DEQUANTIZE", "DequantizeOptions", [soft], [out])
    return b.build([image], [out])


def survives(path: Path, data: bytes) -> bool:
    """Import and lower; True when it became a network, False for an error of ours."""
    path.write_bytes(data)
    start = time.perf_counter()
    try:
        lower(import_tflite(path).graph)
    except McuccError as error:
        assert str(path) in str(error) or "graph" in str(error)
        return False
    finally:
        assert time.perf_counter() - start < SECONDS
    return True


def test_the_intact_file_becomes_a_network(tmp_path: Path) -> None:
    assert survives(tmp_path / "net.tflite", small_network())


def test_every_truncation_is_an_error(tmp_path: Path) -> None:
    data = small_network()
    for size in range(0, len(data) - 4, 7):
        path = tmp_path / "net.tflite"
        path.write_bytes(data[:size])
        with pytest.raises(ModelError):
            import_tflite(path)


def test_every_second_byte_overwritten(tmp_path: Path) -> None:
    """Each in turn becomes 0, 255 or another value: offsets, lengths, types, indices."""
    data = small_network()
    rng = np.random.default_rng(1)
    errors = 0
    for position in range(0, len(data), 2):
        changed = bytearray(data)
        changed[position] = int(rng.choice([0, 1, 127, 255, rng.integers(256)]))
        errors += not survives(tmp_path / "net.tflite", bytes(changed))
    assert errors > len(data) // 20


def test_every_word_as_an_absurd_offset(tmp_path: Path) -> None:
    data = small_network()
    words = (b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\x00\x00\x00\x80")
    for position in range(0, len(data) - 4, 4):
        word = words[position // 4 % 3]
        survives(tmp_path / "net.tflite", data[:position] + word + data[position + 4 :])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "identifier TFL3"),
        (b"PK\x03\x04 a zip archive", "identifier TFL3"),
        (b"\x1c\x00\x00\x00TFL3", "damaged or truncated"),
        (b"\xff\xff\xff\x7fTFL3" + bytes(64), "damaged or truncated"),
    ],
)
def test_foreign_files(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=words):
        import_tflite(path)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        import_tflite(tmp_path / "nothing.tflite")
