"""`[preprocess]` with a camera's format, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mcucc.images.preprocess import load_preprocess
from tests.cli.project import TOML, Project, make_project, mcucc
from tests.evaluate.broken_imports import SIDE, qdq_file

CAMERA = 'format = "{form}"\ncamera = [40, 48]\ncrop = [35, 30]\n'


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A float network compiled for rows of rgb565."""
    project = make_project(tmp_path_factory.mktemp("seeing"))
    (project.folder / "net.toml").write_text(TOML + CAMERA.format(form="rgb565"))
    result = project.compile("--schedule", "layers", "--image", "rows")
    assert result.code == 0, result.err
    return project


@pytest.mark.emulated
def test_all_ways_see_the_same_picture(seeing: Project) -> None:
    out = seeing.folder / "out"
    words = ("--data", seeing.data, "--limit", 4, "--layers", "--emulator", "qemu", "--json")
    result = mcucc("validate", out, *words)
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found["all_equal"] is True and found["passed"] is True
    ways = {way["name"]: way for way in found["ways"]}
    assert ways["quantized"]["cosine"] > 0.99
    layers = [layer["op"] for layer in found["layers"]["layers"]]
    assert "CameraPicture" not in layers and "Conv2d" in layers
    report = json.loads((out / "report.json").read_text())
    assert report["layers"][0]["op"].startswith("CameraPicture rgb565 to rgb")
    assert report["layers"][0]["instructions"] > 1000


@pytest.mark.host
def test_a_dump_of_the_camera_is_the_picture_it_was_made_of(
    seeing: Project, tmp_path: Path
) -> None:
    picture = seeing.data / "class1" / "2.png"
    frame = load_preprocess(seeing.folder / "net.toml").camera_bytes(Image.open(picture))
    assert frame.shape == (40, 48, 2)
    frame.tofile(tmp_path / "frame.bin")
    np.save(tmp_path / "frame.npy", frame.reshape(40, 96))
    found = []
    for path in (picture, tmp_path / "frame.bin", tmp_path / "frame.npy"):
        words = ("--input", path, "--emulator", "host", "--json")
        result = mcucc("run", seeing.folder / "out", *words)
        assert result.code == 0, result.err
        found.append(json.loads(result.out)["outputs"])
    assert found[0] == found[1] == found[2]


@pytest.mark.host
def test_a_dump_of_another_size_is_refused(seeing: Project, tmp_path: Path) -> None:
    (tmp_path / "frame.bin").write_bytes(bytes(3839))
    result = mcucc("run", seeing.folder / "out", "--input", tmp_path / "frame.bin")
    assert result.code == 2
    for words in ("3,839 bytes", "3,840 bytes", "40 x 48 pixels of rgb565"):
        assert words in result.err


@pytest.mark.host
def test_a_quantized_file_gets_its_own_bytes(tmp_path: Path) -> None:
    """Its input's quantization is a table in the C; ONNX Runtime sees the same picture."""
    model = qdq_file(tmp_path)
    text = f'[preprocess]\nchannels = "rgb"\nresize = [{SIDE}, {SIDE}]\nscale = 0.0039\n'
    model.with_suffix(".toml").write_text(text + CAMERA.format(form="yuv422"))
    (tmp_path / "data").mkdir()
    rng = np.random.default_rng(5)
    for index in range(2):
        pixels = rng.integers(0, 256, (50, 60, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "data" / f"{index}.png")
    out = tmp_path / "out"
    words = ("--board", "stm32f746g-disco", "--emulator", "none", "--c-only", "--image", "mapped")
    result = mcucc("compile", model, *words, "--out", out)
    assert result.code == 0, result.err
    words = ("--data", tmp_path / "data", "--emulator", "none", "--layers", "--json")
    result = mcucc("validate", out, *words)
    assert result.code == 0, result.err
    found = json.loads(result.out)
    ways = {way["name"]: way for way in found["ways"]}
    assert ways["host"]["largest_difference"] == 0
    assert ways["onnxruntime"]["largest_difference"] <= 2 and found["passed"] is True
