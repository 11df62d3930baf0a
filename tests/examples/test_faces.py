"""The demo end to end: what `make demo` runs, and that its training script still makes the file."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from mcucc.answers.canvas import colour_of

FACES = Path(__file__).resolve().parents[2] / "examples" / "faces"

needs_pictures = pytest.mark.skipif(
    importlib.util.find_spec("skimage") is None,
    reason="scikit-image, which ships the pictures, is not installed",
)


def python(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, words)], capture_output=True, text=True, check=False
    )


def structure(path: Path) -> list[tuple[str, str, list[str]]]:
    graph = onnx.load(str(path)).graph
    return [(node.name, node.op_type, list(node.output)) for node in graph.node]


@needs_pictures
@pytest.mark.emulated
def test_the_demo_finds_faces_it_never_saw_in_20_kb(tmp_path: Path) -> None:
    done = python(FACES / "demo.py", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^fits bluepill: SRAM", done.stdout, re.M)
    assert "agree on every byte" in done.stdout
    assert re.search(r"^astronaut.png: face \S+ \(", done.stdout, re.M)
    found = json.loads((tmp_path / "faces" / "validate.json").read_text())["answers"][0]
    for way in ("float", "quantized", "host", "emulated"):
        recall, precision = (found["ways"][way][key] for key in ("recall", "precision"))
        assert recall["count"] == 30
        assert recall["hits"] >= 25
        assert precision["count"] - precision["hits"] <= 2
    assert found["differences"]["decoded"]["moved_most_pixels"] <= 1 / 8  # of integers
    astronaut = Image.open(next((tmp_path / "drawn").glob("astronaut*.png"))).convert("RGB")
    assert (np.asarray(astronaut) == colour_of(0)).all(axis=2).sum() > 400  # a face's frame


def test_without_pictures_the_demo_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import runpy, sys; sys.path.insert(0, sys.argv[1]); import pictures\n"
        "pictures.importlib.util.find_spec = lambda name: None\n"
        "sys.argv[1:] = ['--out', sys.argv[2]]\n"
        f"runpy.run_path({str(FACES / 'demo.py')!r}, run_name='__main__')"
    )
    done = python("-c", code, FACES, tmp_path)
    assert done.returncode == 1
    assert done.stderr == ("error: scikit-image ships the pictures: pip install scikit-image\n")


def test_the_committed_network_is_small_and_names_no_machine() -> None:
    content = (FACES / "faces.onnx").read_bytes()
    assert len(content) <= 300_000
    assert b"/home" not in content
    assert b"site-packages" not in content


@needs_pictures
@pytest.mark.nightly
def test_the_training_script_makes_the_committed_networks_structure(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch trains the demo's network")
    pytest.importorskip("onnxscript", reason="torch exports through onnxscript")
    made = tmp_path / "faces.onnx"
    done = python(FACES / "train.py", "--steps", 2, "--out", made)
    assert done.returncode == 0, done.stderr
    assert structure(made) == structure(FACES / "faces.onnx")
