"""The helmet detector: its training script, on pictures drawn here, and the committed files."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image, ImageDraw

from mcucc.answers.answer import BoxesAnswer
from mcucc.driver.load import NetworkOptions, load_network

HELMETS = Path(__file__).resolve().parents[2] / "examples" / "helmets"
SIZE = (192, 144)  # width, height
MAPS = ("boxes", "objectness", "scores")


def packed_set(path: Path, pictures: int = 20) -> Path:
    """Pictures with a red and a blue square each: class 0 and 1; the last four are held out."""
    rng = np.random.default_rng(3)
    jpeg, offsets, boxes = b"", [0], []
    for index in range(pictures):
        image = Image.new("RGB", SIZE, "gray")
        for kind, colour in enumerate(("red", "blue")):
            left, top = int(rng.integers(0, 150)), int(rng.integers(0, 110))
            ImageDraw.Draw(image).rectangle((left, top, left + 19, top + 19), fill=colour)
            place = ((left + 10) / SIZE[0], (top + 10) / SIZE[1], 20 / SIZE[0], 20 / SIZE[1])
            boxes.append((index, kind, *place))
        file = io.BytesIO()
        image.save(file, "JPEG")
        jpeg += file.getvalue()
        offsets.append(len(jpeg))
    split = np.arange(pictures) >= pictures - 4
    np.savez(
        path,
        jpeg=np.frombuffer(jpeg, np.uint8),
        offsets=np.array(offsets),
        boxes=np.array(boxes, np.float32),
        split=split.astype(np.int8),
    )
    return path


def train(data: Path, state: Path, out: Path, epochs: int, stop: int = 0) -> str:
    words = (HELMETS / "train.py", data, "--state", state, "--out", out, "--epochs", epochs)
    more = ("--stop", stop) if stop else ()
    done = subprocess.run(
        [sys.executable, *map(str, (*words, *more))], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_committed_network_is_small_and_names_no_machine() -> None:
    content = (HELMETS / "helmets.onnx").read_bytes()
    assert len(content) <= 400_000
    assert b"/home" not in content
    assert b"site-packages" not in content


def test_its_output_table_fits_the_network() -> None:
    """Six maps become a list of boxes of two classes, before and behind the quantizer."""
    network = load_network(HELMETS / "helmets.onnx", NetworkOptions(noise=True))
    (answer,) = network.answers
    assert isinstance(answer, BoxesAnswer)
    assert answer.classes == ("helmet", "head")
    assert len(answer.heads) == 6
    assert network.integer.outputs == (answer.output,)


@pytest.mark.nightly
def test_an_interrupted_training_goes_on_to_the_same_network(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch trains the network")
    pytest.importorskip("onnxscript", reason="torch exports through onnxscript")
    pytest.importorskip("pycocotools", reason="pycocotools scores the network")
    data = packed_set(tmp_path / "set.npz")
    whole, parts = tmp_path / "whole.onnx", tmp_path / "parts.onnx"
    train(data, tmp_path / "whole.state", whole, epochs=3)
    assert not train(data, tmp_path / "parts.state", parts, 3, stop=2).count("written to")
    assert "going on after epoch 2" in train(data, tmp_path / "parts.state", parts, 3)
    assert parts.read_bytes() == whole.read_bytes()
    graph = onnx.load(str(whole)).graph
    assert [o.name for o in graph.output] == [f"{m}{s}" for s in (8, 16) for m in MAPS]
    assert {"fine.2.project.add", "lateral.clip.resize", "head16.mix"} <= {
        node.name for node in graph.node
    }
